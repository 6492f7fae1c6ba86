#define _GNU_SOURCE
#include "machine.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  _exit(1); /* whatever the publisher's thread is doing */
}

double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

double number(const char *text, const char *name, double lowest, double highest) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= lowest && value <= highest)) {
    fail("--%s must be a number from %g to %g", name, lowest, highest);
  }
  return value;
}

double own_cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

int connect_loopback(int port, int receive_buffer_bytes) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket: %s", strerror(errno));
  if (receive_buffer_bytes > 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  }
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    fail("connect to port %d: %s", port, strerror(errno));
  }
  int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

void send_all(int fd, const void *bytes, size_t count) {
  const char *rest = bytes;
  while (count > 0) {
    ssize_t sent = send(fd, rest, count, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) fail("the server does not take what is sent: %s", strerror(errno));
    rest += sent;
    count -= (size_t)sent;
  }
}

/* A file schedstat of proc(5): time on a core and time waited for one, in nanoseconds. Returns whether the thread is there. */
static bool add_schedstat(const char *path, struct server_figures *sum) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return false;
  unsigned long long ran, waited;
  if (fscanf(file, "%llu %llu", &ran, &waited) == 2) {
    sum->cpu_seconds += (double)ran * 1e-9;
    sum->waited_seconds += (double)waited * 1e-9;
  }
  fclose(file);
  return true;
}

struct server_figures read_first_thread(int pid) {
  struct server_figures figures = {0};
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
  if (!add_schedstat(path, &figures)) fail("process %d of the server is gone", pid);
  return figures;
}

/* Adds up all threads. One that has just ended is left out. */
static void add_process(int pid, struct server_figures *sum) {
  char path[128];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *threads = opendir(path);
  if (threads == NULL) fail("process %d of the server is gone", pid);
  struct dirent *thread;
  while ((thread = readdir(threads)) != NULL) {
    if (thread->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, thread->d_name);
    add_schedstat(path, sum);
  }
  closedir(threads);
}

double server_rss_bytes(const struct server *server) {
  double bytes = 0;
  for (int i = 0; i < server->count; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/statm", server->pids[i]);
    FILE *file = fopen(path, "r");
    if (file == NULL) fail("process %d of the server is gone", server->pids[i]);
    long long total, resident;
    if (fscanf(file, "%lld %lld", &total, &resident) == 2) bytes += (double)resident * (double)sysconf(_SC_PAGESIZE);
    fclose(file);
  }
  return bytes;
}

struct server_figures read_server(const struct server *server) {
  struct server_figures sum = {.rss_bytes = server_rss_bytes(server)};
  for (int i = 0; i < server->count; i++) add_process(server->pids[i], &sum);
  return sum;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double percentile(double *values, size_t count, double share) {
  if (count == 0) return NAN;
  qsort(values, count, sizeof *values, ascending);
  size_t rank = (size_t)(share * (double)count);
  return values[rank < count ? rank : count - 1];
}

const char *json_number(double value) {
  static char buffers[8][32];
  static unsigned next = 0;
  char *buffer = buffers[next++ % 8];
  if (isfinite(value)) snprintf(buffer, sizeof buffers[0], "%.6g", value);
  else snprintf(buffer, sizeof buffers[0], "null");
  return buffer;
}
