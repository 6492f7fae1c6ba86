#define _GNU_SOURCE
#include "half-open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rtmp-wire.h"

enum { EVENTS_AT_ONCE = 256, HALF_HANDSHAKE_BYTES = (1 + HANDSHAKE_BYTES) / 2 };

struct half_connection {
  int fd;
  double sent_at;
  double closed_after; /* seconds; 0: still open */
};

/* Notes who was closed; waits at most this long for the first. What the server sends meanwhile is thrown away. */
static int count_closed(int poll_fd, int timeout_ms) {
  struct epoll_event events[EVENTS_AT_ONCE];
  int ready = epoll_wait(poll_fd, events, EVENTS_AT_ONCE, timeout_ms);
  int closed = 0;
  for (int i = 0; i < ready; i++) {
    struct half_connection *connection = events[i].data.ptr;
    char buffer[4096];
    ssize_t count = recv(connection->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) continue;
    connection->closed_after = now() - connection->sent_at;
    close(connection->fd);
    closed++;
  }
  return closed;
}

void half_open(const struct half_open_plan *plan) {
  static const uint8_t half[HALF_HANDSHAKE_BYTES] = {3};
  struct half_connection *all = calloc((size_t)plan->connections, sizeof *all);
  int poll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (all == NULL || poll_fd < 0) fail("no memory for %d connections", plan->connections);
  const double rss_before = server_rss_bytes(&plan->server);
  double rss_most = rss_before;
  int closed = 0, open_at_most = 0;
  const double began_at = now();
  for (int i = 0; i < plan->connections; i++) {
    while (now() < began_at + i / plan->joins_per_second) closed += count_closed(poll_fd, 1);
    all[i].fd = connect_loopback(plan->port, 0);
    all[i].sent_at = now();
    send_all(all[i].fd, half, sizeof half);
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = &all[i]};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, all[i].fd, &interest) != 0) fail("epoll_ctl: %s", strerror(errno));
    if (i + 1 - closed > open_at_most) open_at_most = i + 1 - closed;
  }
  const double deadline = now() + plan->seconds;
  while (closed < plan->connections && now() < deadline) {
    double rss = server_rss_bytes(&plan->server);
    if (rss > rss_most) rss_most = rss;
    closed += count_closed(poll_fd, 50);
  }
  double first = 0, last = 0;
  for (int i = 0; i < plan->connections; i++) {
    double after = all[i].closed_after;
    if (after == 0) continue;
    if (first == 0 || after < first) first = after;
    if (after > last) last = after;
  }
  printf("{\"connections\":%d,\"openAtOnce\":%d,\"closed\":%d,\"firstClosedAfterSeconds\":%.4f,"
         "\"lastClosedAfterSeconds\":%.4f,\"serverRssBytesBefore\":%.0f,\"serverRssBytesMost\":%.0f}\n",
         plan->connections, open_at_most, closed, first, last, rss_before, rss_most);
}
