/* What the load generators ask of the machine: time, loopback connections, and what a server process has taken. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Says why on standard error and ends the program. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Seconds since some fixed instant, the same for all threads. */
double now(void);

double own_cpu_seconds(void);

/* The number that an option gives. Ends the program when it is none, or not within the bounds. */
double number(const char *text, const char *name, double lowest, double highest);


/* A connection to a port of 127.0.0.1 without Nagle's delay. receive_buffer_bytes 0: what the system gives. */
int connect_loopback(int port, int receive_buffer_bytes);

/* Sends all of it or ends the program: what is sent here is small, or its sender waits. */
void send_all(int fd, const void *bytes, size_t count);

/* The processes that together are the server. */
enum { MAX_SERVER_PROCESSES = 8 };
struct server {
  int pids[MAX_SERVER_PROCESSES];
  int count;
};

struct server_figures {
  double cpu_seconds;
  /* Time that its threads were ready to run and something else had the core. */
  double waited_seconds;
  double rss_bytes;
};

struct server_figures read_server(const struct server *server);
double server_rss_bytes(const struct server *server);
/* Of the thread that a process began with; its memory is not looked at. */
struct server_figures read_first_thread(int pid);

/* Sorts the values; the one at the share from 0 to 1. NaN for none. */
double percentile(double *values, size_t count, double share);

/* A number of a JSON document: null for what is no number. Returns a buffer that the eighth further call reuses. */
const char *json_number(double value);

#endif
