/*
 * A load generator for HTTP/1.1 on this machine, cheaper than any server it is pointed at.
 *
 *   http-load --port PORT --path PATH [--connections N] [--seconds S] [--rate R] [--expect TEXT] [--copy]
 *             [--numbers N | --paths FILE] [--field LINE] [--requests R] [--tls]
 *
 * N keep-alive connections ask for PATH again and again; every answer must be a 200 with a Content-Length, and its head
 * must hold TEXT (letter case aside). Bodies are dropped in the kernel (MSG_TRUNC) unless --copy is given. With --numbers
 * an N stands in for "{n}" in PATH: 0 to N-1, each once before any comes again, in an order that jumps about. With
 * --paths PATH is each line of a file in turn. --field is a line of the head of each request, such as "Cookie: a=b". With
 * --requests it ends after so many answers, if the seconds have not passed before.
 *
 * Without --rate the loop is closed: each connection asks again as soon as it has its answer. With --rate it is open:
 * requests are due at fixed times, and a latency counts from the time its request was due, so that a server which
 * stalls is charged for the requests it kept waiting ("coordinated omission").
 *
 * With --tls, for which it must be compiled with WITH_TLS, it speaks TLS 1.3 with TLS_AES_128_GCM_SHA256 and trusts any
 * certificate; the handshakes are over before the measurement begins.
 *
 * Prints one line of JSON. One thread, Linux, loopback only, ends by itself.
 */
#define _GNU_SOURCE
#include "machine.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#ifdef WITH_TLS
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

enum {
  MAX_CONNECTIONS = 20000,
  MAX_HEAD_BYTES = 8192,
  MAX_SECONDS = 600,
  EVENTS_AT_ONCE = 256,
  DROP_AT_ONCE_BYTES = 1 << 22,
  COPY_AT_ONCE_BYTES = 1 << 18,
  /* Nobody waits longer than this for a server that has stopped answering. */
  SILENCE_SECONDS = 10,
};

struct options {
  int port;
  const char *path;
  int connections;
  double seconds;
  double rate;        /* requests a second; 0: closed loop */
  const char *expect; /* NULL: anything */
  bool copy;
  uint32_t numbers;   /* 0: the path is as it is */
  const char *paths;  /* NULL: there is one path */
  const char *field;  /* NULL: none beside Host */
  uint64_t requests;  /* 0: as many as there is time for */
  bool tls;
};

struct connection {
  int fd;
#ifdef WITH_TLS
  SSL *tls; /* NULL: plain */
#endif
  bool waiting;         /* a request is on its way */
  double asked_at;      /* when it was sent, or was due */
  uint64_t body_left;   /* bytes of the body still to come; 0: reading the head */
  size_t head_bytes;    /* bytes of the head read so far */
  char head[MAX_HEAD_BYTES + 1];
};

/* Latencies in a log-linear histogram: 64 steps an octave, so at most 1.6 % off, from 1 µs to over an hour. */
enum { STEPS_AN_OCTAVE = 64, STEP_BITS = 6, OCTAVES = 32 };
static uint64_t histogram[OCTAVES * STEPS_AN_OCTAVE];

static struct options options;
static struct connection *connections;
static char request[8192];
static size_t request_bytes;
static char **paths;
static size_t path_count;
static const char *path_before = "";
static const char *path_after = "";
static uint64_t requests_done;
static uint64_t requests_late; /* open loop: due when no connection was free */
static uint64_t bytes_read;
static double last_answer_at;

static unsigned histogram_slot(uint64_t microseconds) {
  if (microseconds < STEPS_AN_OCTAVE) return (unsigned)microseconds;
  unsigned octave = 63U - (unsigned)__builtin_clzll(microseconds) - STEP_BITS + 1U;
  unsigned step = (unsigned)(microseconds >> (octave - 1U)) - STEPS_AN_OCTAVE;
  unsigned slot = octave * STEPS_AN_OCTAVE + step;
  return slot < OCTAVES * STEPS_AN_OCTAVE ? slot : OCTAVES * STEPS_AN_OCTAVE - 1;
}

static double histogram_milliseconds(unsigned slot) {
  unsigned octave = slot / STEPS_AN_OCTAVE;
  unsigned step = slot % STEPS_AN_OCTAVE;
  if (octave == 0) return step / 1e3;
  return (double)((uint64_t)(STEPS_AN_OCTAVE + step) << (octave - 1U)) / 1e3;
}

static double percentile_milliseconds(double share) {
  uint64_t rank = (uint64_t)(share * (double)requests_done);
  uint64_t seen = 0;
  for (unsigned slot = 0; slot < OCTAVES * STEPS_AN_OCTAVE; slot++) {
    seen += histogram[slot];
    if (seen > rank) return histogram_milliseconds(slot);
  }
  return 0;
}

static void write_request(const char *number_text) {
  int length = snprintf(request, sizeof request, "GET %s%s%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s\r\n", path_before,
                        number_text, path_after, options.port, options.field == NULL ? "" : options.field,
                        options.field == NULL ? "" : "\r\n");
  if (length < 0 || (size_t)length >= sizeof request) fail("--path is too long");
  request_bytes = (size_t)length;
}

static void write_numbered_request(uint32_t number_in_path) {
  char text[16];
  snprintf(text, sizeof text, "%u", number_in_path);
  write_request(text);
}

/* The stride is a prime beyond any --numbers that matters, so that every number comes once. */
static void write_next_request(void) {
  static uint64_t next = 0;
  if (options.paths != NULL) {
    path_before = paths[next % path_count];
    next++;
    write_request("");
    return;
  }
  next = (next + 100000007ULL) % options.numbers;
  write_numbered_request((uint32_t)next);
}

static void read_paths(void) {
  FILE *file = fopen(options.paths, "r");
  if (file == NULL) fail("%s: %s", options.paths, strerror(errno));
  char *line = NULL;
  size_t room = 0;
  ssize_t bytes;
  while ((bytes = getline(&line, &room, file)) > 0) {
    paths = realloc(paths, (path_count + 1) * sizeof *paths);
    if (paths == NULL) fail("no memory for the paths");
    paths[path_count++] = strndup(line, (size_t)bytes - (line[bytes - 1] == '\n' ? 1 : 0));
  }
  free(line);
  fclose(file);
  if (path_count == 0) fail("%s is empty", options.paths);
}

static void read_options(int count, char **arguments) {
  static const struct option known[] = {
      {"port", required_argument, NULL, 'p'},    {"path", required_argument, NULL, 'u'},
      {"connections", required_argument, NULL, 'n'}, {"seconds", required_argument, NULL, 's'},
      {"rate", required_argument, NULL, 'r'},    {"expect", required_argument, NULL, 'e'},
      {"copy", no_argument, NULL, 'c'},          {"numbers", required_argument, NULL, 'm'},
      {"paths", required_argument, NULL, 'l'},   {"field", required_argument, NULL, 'f'},
      {"requests", required_argument, NULL, 'q'}, {"tls", no_argument, NULL, 't'},
      {NULL, 0, NULL, 0},
  };
  options = (struct options){.path = "/", .connections = 64, .seconds = 2};
  int option;
  while ((option = getopt_long(count, arguments, "", known, NULL)) != -1) {
    switch (option) {
      case 'p': options.port = (int)number(optarg, "port", 1, 65535); break;
      case 'u': options.path = optarg; break;
      case 'n': options.connections = (int)number(optarg, "connections", 1, MAX_CONNECTIONS); break;
      case 's': options.seconds = number(optarg, "seconds", 0.01, MAX_SECONDS); break;
      case 'r': options.rate = number(optarg, "rate", 1, 1e7); break;
      case 'e': options.expect = optarg; break;
      case 'c': options.copy = true; break;
      case 'm': options.numbers = (uint32_t)number(optarg, "numbers", 1, 1e8); break;
      case 'l': options.paths = optarg; break;
      case 'f': options.field = optarg; break;
      case 'q': options.requests = (uint64_t)number(optarg, "requests", 1, 1e9); break;
      case 't': options.tls = true; break;
      default: exit(2);
    }
  }
  if (options.port == 0 || optind < count) fail("usage: http-load --port PORT --path PATH [options]");
  if (options.paths != NULL) {
    if (options.numbers > 0) fail("--numbers and --paths do not go together");
    read_paths();
  } else if (options.numbers > 0) {
    const char *place = strstr(options.path, "{n}");
    if (place == NULL) fail("--numbers needs {n} in --path");
    path_before = strndup(options.path, (size_t)(place - options.path));
    path_after = place + 3;
    write_numbered_request(0);
  } else {
    path_before = options.path;
    write_request("");
  }
}

#ifdef WITH_TLS
static SSL_CTX *tls_context(void) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1) {
    fail("TLS cannot be set up");
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
  /* Several records a system call. */
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, 1 << 18);
  return context;
}

static void shake_hands(struct connection *connection, SSL_CTX *context) {
  connection->tls = SSL_new(context);
  if (connection->tls == NULL || SSL_set_fd(connection->tls, connection->fd) != 1 || SSL_connect(connection->tls) != 1) {
    fail("the TLS handshake failed");
  }
  fcntl(connection->fd, F_SETFL, fcntl(connection->fd, F_GETFL) | O_NONBLOCK);
}
#endif

static void connect_all(int poll) {
#ifdef WITH_TLS
  SSL_CTX *context = options.tls ? tls_context() : NULL;
#else
  if (options.tls) fail("compiled without TLS");
#endif

  connections = calloc((size_t)options.connections, sizeof *connections);
  if (connections == NULL) fail("no memory for %d connections", options.connections);
  for (int i = 0; i < options.connections; i++) {
    struct connection *connection = &connections[i];
    connection->fd = connect_loopback(options.port, 0);
#ifdef WITH_TLS
    if (context != NULL) shake_hands(connection, context);
#endif
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, connection->fd, &interest) != 0) fail("epoll_ctl: %s", strerror(errno));
  }
}

static void ask(struct connection *connection, double asked_at) {
  connection->waiting = true;
  connection->asked_at = asked_at;
  if (options.numbers > 0 || options.paths != NULL) write_next_request();
#ifdef WITH_TLS
  if (connection->tls != NULL) {
    if (SSL_write(connection->tls, request, (int)request_bytes) != (int)request_bytes) {
      fail("the server closed a TLS connection while it was asked");
    }
    return;
  }
#endif
  /* The request is far smaller than the send buffer of a connection that waits for nothing. */
  if (send(connection->fd, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes) {
    fail("the server closed a connection while it was asked: %s", strerror(errno));
  }
}

static void answered(struct connection *connection) {
  double time = now();
  double microseconds = (time - connection->asked_at) * 1e6;
  histogram[histogram_slot(microseconds > 0 ? (uint64_t)microseconds : 0)]++;
  requests_done++;
  last_answer_at = time;
  connection->waiting = false;
  connection->head_bytes = 0;
  if (options.rate == 0) ask(connection, time);
}

/* How many bytes came; 0: none now. Ends the program when the server has closed. */
static size_t receive(struct connection *connection, void *buffer, size_t bytes, int flags) {
#ifdef WITH_TLS
  if (connection->tls != NULL) {
    int read = SSL_read(connection->tls, buffer, (int)bytes);
    if (read > 0) {
      bytes_read += (uint64_t)read;
      return (size_t)read;
    }
    if (SSL_get_error(connection->tls, read) == SSL_ERROR_WANT_READ) return 0;
    fail("the server closed a TLS connection");
  }
#endif
  ssize_t count = recv(connection->fd, buffer, bytes, MSG_DONTWAIT | flags);
  if (count > 0) {
    bytes_read += (uint64_t)count;
    return (size_t)count;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  fail("the server closed a connection: %s", count == 0 ? "end of stream" : strerror(errno));
  return 0;
}

static void read_head(struct connection *connection) {
  if (connection->head_bytes == MAX_HEAD_BYTES) fail("the head of an answer is over %d bytes", MAX_HEAD_BYTES);
  size_t count = receive(connection, connection->head + connection->head_bytes,
                         MAX_HEAD_BYTES - connection->head_bytes, 0);
  if (count == 0) return;
  connection->head_bytes += count;
  connection->head[connection->head_bytes] = '\0';
  char *end = memmem(connection->head, connection->head_bytes, "\r\n\r\n", 4);
  if (end == NULL) return;
  end += 4;
  size_t body_bytes_here = connection->head_bytes - (size_t)(end - connection->head);
  char first_of_body = *end;
  *end = '\0'; /* what follows is body: nothing is looked for there */
  char *length = strcasestr(connection->head, "\r\nContent-Length:");
  if (strncmp(connection->head, "HTTP/1.1 200 ", 13) != 0 || length == NULL) {
    fail("not a 200 with a Content-Length: %.300s", connection->head);
  }
  if (options.expect != NULL && strcasestr(connection->head, options.expect) == NULL) {
    fail("\"%s\" is not in the head of an answer: %.600s", options.expect, connection->head);
  }
  *end = first_of_body;
  uint64_t body_bytes = strtoull(length + sizeof "\r\nContent-Length:" - 1, NULL, 10);
  if (body_bytes_here > body_bytes) fail("more came than Content-Length said");
  connection->body_left = body_bytes - body_bytes_here;
  if (connection->body_left == 0) answered(connection);
}

static void read_body(struct connection *connection) {
  static char buffer[COPY_AT_ONCE_BYTES];
  size_t most = options.copy || options.tls ? COPY_AT_ONCE_BYTES : DROP_AT_ONCE_BYTES;
  size_t wanted = connection->body_left < most ? (size_t)connection->body_left : most;
  connection->body_left -= receive(connection, buffer, wanted, options.copy ? 0 : MSG_TRUNC);
  if (connection->body_left == 0) answered(connection);
}

static struct connection *next_free_connection(void) {
  static int next = 0;
  for (int i = 0; i < options.connections; i++) {
    struct connection *connection = &connections[(next + i) % options.connections];
    if (connection->waiting) continue;
    next = (next + i + 1) % options.connections;
    return connection;
  }
  return NULL;
}

/* Open loop: asks whatever is due by now. A request that finds no free connection waits, its latency running. */
static void ask_what_is_due(double began_at) {
  static uint64_t issued = 0;
  uint64_t due = (uint64_t)((now() - began_at) * options.rate);
  while (issued < due) {
    struct connection *connection = next_free_connection();
    if (connection == NULL) {
      requests_late++;
      return;
    }
    ask(connection, began_at + (double)issued / options.rate);
    issued++;
  }
}

int main(int count, char **arguments) {
  read_options(count, arguments);
  int poll = epoll_create1(0);
  if (poll < 0) fail("epoll_create1: %s", strerror(errno));
  connect_all(poll);

  double cpu_before = own_cpu_seconds();
  double began_at = now();
  last_answer_at = began_at;
  if (options.rate == 0) {
    for (int i = 0; i < options.connections; i++) ask(&connections[i], now());
  }
  struct epoll_event events[EVENTS_AT_ONCE];
  for (;;) {
    double time = now();
    if (time - began_at >= options.seconds) break;
    if (options.requests > 0 && requests_done >= options.requests) break;
    if (time - last_answer_at > SILENCE_SECONDS) fail("no answer for %d s", SILENCE_SECONDS);
    if (options.rate > 0) ask_what_is_due(began_at);
    int ready = epoll_wait(poll, events, EVENTS_AT_ONCE, options.rate > 0 ? 1 : 100);
    for (int i = 0; i < ready; i++) {
      struct connection *connection = events[i].data.ptr;
      uint64_t before;
      /* What TLS has read ahead, epoll does not tell of. */
      do {
        before = bytes_read;
        if (connection->body_left > 0) read_body(connection);
        else read_head(connection);
      } while (options.tls && bytes_read != before);
    }
  }
  double seconds = now() - began_at;
  printf("{\"requests\":%llu,\"seconds\":%.4f,\"requestsPerSecond\":%.2f,\"bytes\":%llu,\"p50Ms\":%.4f,\"p99Ms\":%.4f,"
         "\"late\":%llu,\"cpuShare\":%.4f}\n",
         (unsigned long long)requests_done, seconds, (double)requests_done / seconds, (unsigned long long)bytes_read,
         percentile_milliseconds(0.5), percentile_milliseconds(0.99), (unsigned long long)requests_late,
         (own_cpu_seconds() - cpu_before) / seconds);
  return 0;
}
