/*
 * Many viewers who wait for the same answer, cheaper than any server they are pointed at.
 *
 *   blocked-viewers --port PORT --connections N --server-pid PID [--server-pid PID]…
 *
 * Opens N keep-alive connections, then prints "ready". For each line on standard input, a path, all of them ask for it, and
 * when all have their answer whole one line of JSON says how they fared: how many got a 200, and when on the clock
 * CLOCK_MONOTONIC (in ms) the last request had been sent, and the first, the middle and the last answer had come; and
 * what ran from the first answer to the last: the first thread of the first process named (and how long it was ready to run and
 * something else had its core), all other threads of the processes named, and this program. Every answer must have a
 * Content-Length. One thread, Linux, loopback only; ends with its input, or when nothing comes for ten seconds.
 */
#define _GNU_SOURCE
#include "machine.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum {
  MAX_CONNECTIONS = 20000,
  MAX_HEAD_BYTES = 8192,
  EVENTS_AT_ONCE = 256,
  READ_AT_ONCE_BYTES = 1 << 18,
  SILENCE_MS = 10000,
  NAP_NS = 200000,
};

struct connection {
  int fd;
  char head[MAX_HEAD_BYTES];
  size_t head_bytes;
  /* Of the body; -1 as long as the head has not come whole. */
  long remaining;
  bool ok;
  double answered_ms;
};

static struct connection *connections;
static double answered_ms[MAX_CONNECTIONS];
static int count;
static int epoll;
static struct server server;

/* What has run so far, in seconds. */
struct shares {
  struct server_figures first_thread;
  double others;
  double own;
};

static struct shares read_shares(void) {
  struct server_figures first = read_first_thread(server.pids[0]);
  return (struct shares){first, read_server(&server).cpu_seconds - first.cpu_seconds, own_cpu_seconds()};
}

static void open_all(int port) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  epoll = epoll_create1(0);
  connections = calloc((size_t)count, sizeof *connections);
  if (epoll < 0 || connections == NULL) fail("no memory");
  for (int i = 0; i < count; i++) {
    int fd = connect_loopback(port, 0);
    connections[i].fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll: %s", strerror(errno));
  }
}

static void ask_all(const char *path) {
  char request[4096];
  int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n\r\n", path);
  if (length <= 0 || length >= (int)sizeof request) fail("the path is too long");
  for (int i = 0; i < count; i++) {
    struct connection *connection = &connections[i];
    connection->head_bytes = 0;
    connection->remaining = -1;
    if (send(connection->fd, request, (size_t)length, MSG_NOSIGNAL) != length) fail("a request is not taken: %s", strerror(errno));
  }
}

/* Looks at the head when it is whole; what follows it belongs to the body. */
static void read_head(struct connection *connection) {
  char *end = memmem(connection->head, connection->head_bytes, "\r\n\r\n", 4);
  if (end == NULL) {
    if (connection->head_bytes == MAX_HEAD_BYTES) fail("a head is too long");
    return;
  }
  size_t head_bytes = (size_t)(end - connection->head) + 4;
  size_t body_bytes = connection->head_bytes - head_bytes;
  end[2] = '\0';
  const char *length = strcasestr(connection->head, "\r\ncontent-length:");
  if (length == NULL) fail("an answer has no Content-Length: %.200s", connection->head);
  connection->ok = strncmp(connection->head, "HTTP/1.1 200 ", 13) == 0;
  connection->remaining = atol(length + 17) - (long)body_bytes;
}

/* Whether the answer is whole with what has come now. */
static bool receive(struct connection *connection) {
  static char dropped[READ_AT_ONCE_BYTES];
  bool in_head = connection->remaining < 0;
  char *into = in_head ? connection->head + connection->head_bytes : dropped;
  size_t room = in_head ? MAX_HEAD_BYTES - connection->head_bytes : sizeof dropped;
  ssize_t got = recv(connection->fd, into, room, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) fail("the server closed a connection that waits");
  if (in_head) {
    connection->head_bytes += (size_t)got;
    read_head(connection);
  } else {
    connection->remaining -= got;
  }
  return connection->remaining == 0;
}

/*
 * Who sleeps on its sockets is woken by each write to one, at the expense of the thread that writes, as both are on one
 * machine: a fifth of all that an answer cost the server. So between the first answer and the last this program looks by
 * itself, and says of an answer that it came up to so much later than it did.
 */
static void nap(void) {
  nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
}

static void round_of(const char *path) {
  ask_all(path);
  double asked_ms = now() * 1e3;
  int waiting = count;
  struct shares before = {0};
  double last = now();
  while (waiting > 0) {
    struct epoll_event events[EVENTS_AT_ONCE];
    int ready = epoll_wait(epoll, events, EVENTS_AT_ONCE, waiting == count ? SILENCE_MS : 0);
    bool is_silent = waiting == count || now() > last + SILENCE_MS / 1e3;
    if (ready == 0 && is_silent) fail("%d of %d viewers have no answer", waiting, count);
    if (ready == 0) nap();
    else last = now();
    for (int i = 0; i < ready; i++) {
      struct connection *connection = events[i].data.ptr;
      if (!receive(connection)) continue;
      connection->answered_ms = now() * 1e3;
      if (waiting-- == count) before = read_shares();
    }
  }
  struct shares after = read_shares();
  int ok = 0;
  for (int i = 0; i < count; i++) {
    ok += connections[i].ok;
    answered_ms[i] = connections[i].answered_ms;
  }
  size_t answers = (size_t)count;
  printf("{\"ok\":%d,\"askedMs\":%.3f,\"firstMs\":%.3f,\"medianMs\":%.3f,\"lastMs\":%.3f,", ok, asked_ms,
         percentile(answered_ms, answers, 0), percentile(answered_ms, answers, 0.5), percentile(answered_ms, answers, 1));
  printf("\"serverRanMs\":%.3f,\"serverWaitedMs\":%.3f,\"othersRanMs\":%.3f,\"loadRanMs\":%.3f}\n",
         (after.first_thread.cpu_seconds - before.first_thread.cpu_seconds) * 1e3,
         (after.first_thread.waited_seconds - before.first_thread.waited_seconds) * 1e3, (after.others - before.others) * 1e3,
         (after.own - before.own) * 1e3);
  fflush(stdout);
}

int main(int argument_count, char **arguments) {
  static const struct option known[] = {
      {"port", required_argument, NULL, 'p'}, {"connections", required_argument, NULL, 'c'},
                                        {"server-pid", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
  int port = 0, option;
  while ((option = getopt_long(argument_count, arguments, "", known, NULL)) != -1) {
    if (option == 'p') port = (int)number(optarg, "port", 1, 65535);
    else if (option == 'c') count = (int)number(optarg, "connections", 1, MAX_CONNECTIONS);
    else if (option == 's' && server.count < MAX_SERVER_PROCESSES) server.pids[server.count++] = (int)number(optarg, "server-pid", 1, 1 << 30);
    else return 1;
  }
  if (port == 0 || count == 0 || server.count == 0) fail("--port, --connections and --server-pid are needed");
  open_all(port);
  puts("ready");
  fflush(stdout);
  char path[2048];
  while (fgets(path, sizeof path, stdin) != NULL) {
    path[strcspn(path, "\n")] = '\0';
    round_of(path);
  }
  return 0;
}
