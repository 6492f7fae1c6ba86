#define _GNU_SOURCE
#include "players.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flv-stream.h"
#include "publisher.h"
#include "rtmp-wire.h"
#include "send-times.h"

enum {
  EVENTS_AT_ONCE = 256,
  READ_AT_ONCE_BYTES = 1 << 18,
  DRAIN_AT_ONCE_BYTES = 1 << 22,
  DRAINED_BETWEEN_PROBES = 16,
  MAX_LATENCIES = 1 << 20,
  STALLED_RECEIVE_BUFFER_BYTES = 4096,
  MAX_RSS_SAMPLES = 4096,
};
static const double rss_interval_seconds = 0.1;
static const double drain_interval_seconds = 0.002;

enum player_state {
  HANDSHAKING,
  CONNECTING,
  CREATING_STREAM,
  PLAYING,  /* asked to play: read in full until the first frame, and to the end by a probe */
  DRAINING, /* what comes is dropped in the kernel */
  STALLED,  /* nothing is read any more */
  CLOSED,
};

struct player {
  int fd;
  enum player_state state;
  bool probe;
  bool stalls;
  struct rtmp_reader *reader; /* RTMP */
  struct flv_stream *flv;     /* HTTP-FLV */
  size_t handshake_bytes;
  uint64_t bytes_read;
  uint64_t bytes_at_stage;
  uint32_t acknowledge_every; /* bytes; 0: the server has not asked for it */
  uint64_t acknowledged_bytes;
  double connected_at;
  double play_sent_at;
  double first_keyframe_at; /* 0: none yet */
  bool frame_seen;
  uint32_t last_sequence;
  bool answered_result; /* a _result has come since the last look */
  uint32_t result_number;
};

/* What the probes see while it is being measured. */
static struct {
  bool running;
  uint64_t frames;
  uint64_t unknown_frames; /* that the publisher did not send like this */
  uint64_t lost_frames;
  uint64_t reads;
  size_t latency_count;
  double latencies[MAX_LATENCIES];
  const struct player *latency_of[MAX_LATENCIES];
} measured;

static const struct play_plan *plan;
static struct player *players;
static int poll_fd;
/*
 * Of the players that are drained; looked at every few milliseconds and never waited for. A real player is on another
 * machine: if this program slept until the next one had something to read, the server would pay for waking it, with an
 * interrupt to the other core for each write that finds it asleep. How many do depends on which of the two is faster.
 */
static int drain_fd;
static int draining_players;
static double drain_due_at;
static int closed_players;
static bool stalled_was_closed;

static void on_video(struct player *player, const struct rtmp_message *message) {
  /* FLV video tag: frame type and codec, then AVCPacketType. */
  if (message->first_bytes < 6 || message->first[1] != 1) return;
  const double at = now();
  const bool keyframe = message->first[0] >> 4 == 1;
  if (keyframe && player->first_keyframe_at == 0) player->first_keyframe_at = at;
  if (plan->film_seconds > 0) {
    if (measured.running) measured.frames++;
    player->frame_seen = true;
    return;
  }
  double sent_at;
  uint32_t sequence;
  if (!find_sent(message->first, message->first_bytes, message->bytes, &sent_at, &sequence)) {
    measured.unknown_frames++;
    return;
  }
  if (player->frame_seen && sequence > player->last_sequence + 1) {
    measured.lost_frames += sequence - player->last_sequence - 1;
  }
  player->last_sequence = sequence;
  player->frame_seen = true;
  if (!measured.running) return;
  measured.frames++;
  if (measured.latency_count == MAX_LATENCIES) return;
  measured.latency_of[measured.latency_count] = player;
  measured.latencies[measured.latency_count++] = (at - sent_at) * 1e3;
}

static void on_message(void *context, const struct rtmp_message *message) {
  struct player *player = context;
  switch (message->type) {
    case MESSAGE_VIDEO: on_video(player, message); break;
    case MESSAGE_WINDOW_ACKNOWLEDGEMENT_SIZE:
      if (message->first_bytes == 4) player->acknowledge_every = read_u32(message->first);
      break;
    case MESSAGE_COMMAND:
      switch (read_answer(message)) {
        case ANSWER_ERROR: fail("a player was refused: %s", answer_text(message));
        case ANSWER_RESULT:
          player->answered_result = true;
          if (player->state == CREATING_STREAM) player->result_number = result_number(message);
          break;
        default: break;
      }
      break;
    default: break;
  }
}

static void watch_in(int epoll_fd, struct player *player, int operation, uint32_t events) {
  struct epoll_event interest = {.events = events, .data.ptr = player};
  if (epoll_ctl(epoll_fd, operation, player->fd, &interest) != 0) fail("epoll_ctl: %s", strerror(errno));
}

static void watch(struct player *player, int operation, uint32_t events) {
  watch_in(poll_fd, player, operation, events);
}

static void join(struct player *player) {
  player->connected_at = now();
  player->fd = connect_loopback(plan->port, player->stalls ? STALLED_RECEIVE_BUFFER_BYTES : 0);
  watch(player, EPOLL_CTL_ADD, EPOLLIN);
  if (plan->http_flv) {
    char request[1024];
    int bytes = snprintf(request, sizeof request, "GET /%s/%s.flv HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", plan->app,
                         plan->stream, plan->port);
    player->flv = new_flv_stream(on_message, player);
    player->state = PLAYING;
    player->play_sent_at = now();
    send_all(player->fd, request, (size_t)bytes);
    return;
  }
  uint8_t hello[1 + HANDSHAKE_BYTES] = {3}; /* C0, and a C1 of time 0 and zeros */
  player->state = HANDSHAKING;
  send_all(player->fd, hello, sizeof hello);
}

static void leave_reader(struct player *player) {
  free(player->reader);
  free(player->flv);
  player->reader = NULL;
  player->flv = NULL;
}

/* Neighbours in time are none in the file. */
static double start_ms(const struct player *player) {
  const int most = plan->stages[plan->stage_count - 1];
  if (plan->film_seconds == 0) return LIVE_OR_RECORDED;
  const uint64_t number = (uint64_t)(player - players);
  const uint64_t place = most == 1 ? 0 : number * 7919 % (uint64_t)most; /* a prime: nobody shares a place */
  return floor((double)place * plan->film_seconds * 1e3 / most);
}

/* Sends the next command once the one before is answered. */
static void continue_commands(struct player *player) {
  uint8_t out[MAX_COMMAND_BYTES + 512];
  if (!player->answered_result) return;
  player->answered_result = false;
  if (player->state == CONNECTING) {
    player->state = CREATING_STREAM;
    send_all(player->fd, out, write_create_stream(out, 2, DEFAULT_CHUNK_BYTES));
  } else if (player->state == CREATING_STREAM) {
    player->state = PLAYING;
    size_t bytes = write_play(out, plan->stream, start_ms(player), player->result_number);
    player->play_sent_at = now();
    send_all(player->fd, out, bytes);
    if (!player->stalls) return;
    player->state = STALLED;
    watch(player, EPOLL_CTL_MOD, 0);
    leave_reader(player);
  }
}

/* RTMP 1.0 §5.4.3: a server may wait for it. */
static void acknowledge(struct player *player) {
  if (player->acknowledge_every == 0) return;
  if (player->bytes_read - player->acknowledged_bytes < player->acknowledge_every) return;
  player->acknowledged_bytes = player->bytes_read;
  uint8_t out[32];
  /* Where the server has closed meanwhile, the next read says so. */
  size_t bytes = write_control(out, MESSAGE_ACKNOWLEDGEMENT, (uint32_t)player->bytes_read);
  (void)!send(player->fd, out, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void closed(struct player *player, const char *how) {
  if (player->stalls) stalled_was_closed = true;
  else if (closed_players++ == 0) fprintf(stderr, "a player's connection was closed: %s\n", how);
  leave_reader(player);
  close(player->fd);
  player->state = CLOSED;
}

/* How many bytes came; 0: none, and the connection may be closed now. */
static size_t receive(struct player *player, void *buffer, size_t bytes, int flags) {
  ssize_t count = recv(player->fd, buffer, bytes, MSG_DONTWAIT | flags);
  if (count > 0) {
    player->bytes_read += (uint64_t)count;
    measured.reads++;
    return (size_t)count;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  closed(player, count == 0 ? "end of stream" : strerror(errno));
  return 0;
}

static void serve(struct player *player) {
  static uint8_t buffer[READ_AT_ONCE_BYTES];
  size_t count;
  switch (player->state) {
    case HANDSHAKING:
      count = receive(player, buffer + player->handshake_bytes, SERVER_HANDSHAKE_BYTES - player->handshake_bytes, 0);
      player->handshake_bytes += count;
      if (player->handshake_bytes < SERVER_HANDSHAKE_BYTES) return;
      /* C2 should echo S1, but nobody looks; and S1 may have come in another turn of this buffer. */
      memset(buffer, 0, HANDSHAKE_BYTES);
      player->state = CONNECTING;
      player->reader = new_rtmp_reader(on_message, player);
      send_all(player->fd, buffer, HANDSHAKE_BYTES + write_connect(buffer + HANDSHAKE_BYTES, plan->port, plan->app));
      return;
    case CONNECTING:
    case CREATING_STREAM:
    case PLAYING:
      count = receive(player, buffer, sizeof buffer, 0);
      if (count == 0) return;
      if (player->flv != NULL) flv_read(player->flv, buffer, count);
      else rtmp_read(player->reader, buffer, count);
      if (player->state != PLAYING) continue_commands(player);
      else if (!player->probe && player->frame_seen) {
        player->state = DRAINING;
        leave_reader(player);
        watch(player, EPOLL_CTL_DEL, 0);
        watch_in(drain_fd, player, EPOLL_CTL_ADD, EPOLLIN);
        draining_players++;
      }
      break;
    case DRAINING: receive(player, buffer, DRAIN_AT_ONCE_BYTES, MSG_TRUNC); break;
    case STALLED: closed(player, "reset while it did not read"); return;
    case CLOSED: return;
  }
  if (player->state == PLAYING || player->state == DRAINING) acknowledge(player);
}

/* Serves some of them when it is time. Returns whether there may be more: the probes come first. */
static bool drain_some(void) {
  struct epoll_event events[DRAINED_BETWEEN_PROBES];
  if (draining_players == 0 || now() < drain_due_at) return false;
  int ready = epoll_wait(drain_fd, events, DRAINED_BETWEEN_PROBES, 0);
  for (int i = 0; i < ready; i++) serve(events[i].data.ptr);
  if (ready == DRAINED_BETWEEN_PROBES) return true;
  drain_due_at = now() + drain_interval_seconds;
  return false;
}

static void serve_until(double at) {
  struct epoll_event events[EVENTS_AT_ONCE];
  const bool more = drain_some();
  if (draining_players > 0 && drain_due_at < at) at = drain_due_at;
  double left_ms = (at - now()) * 1e3;
  int timeout = more || left_ms <= 0 ? 0 : left_ms < 50 ? (int)ceil(left_ms) : 50;
  int ready = epoll_wait(poll_fd, events, EVENTS_AT_ONCE, timeout);
  for (int i = 0; i < ready; i++) serve(events[i].data.ptr);
}

static void serve_for(double seconds) {
  double until = now() + seconds;
  while (now() < until) serve_until(until);
}

static void join_up_to(int from, int to) {
  double began_at = now();
  for (int next = from; next < to; next++) {
    double due_at = began_at + (next - from) / plan->joins_per_second;
    do serve_until(due_at);
    while (now() < due_at);
    join(&players[next]);
  }
}

/* The least of the probes' own medians: of all that are looked at, the one whom the server serves first. */
static double least_median_latency(int joined) {
  static double own[MAX_LATENCIES];
  double least = NAN;
  for (int i = 0; i < joined; i++) {
    if (!players[i].probe) continue;
    size_t count = 0;
    for (size_t k = 0; k < measured.latency_count; k++) {
      if (measured.latency_of[k] == &players[i]) own[count++] = measured.latencies[k];
    }
    double median = percentile(own, count, 0.5);
    if (isnan(least) || median < least) least = median;
  }
  return least;
}

static void measure(int joined, double measure_seconds, const char *name, const char *separator) {
  static double rss_samples[MAX_RSS_SAMPLES];
  size_t rss_count = 0;
  measured.frames = measured.reads = 0;
  measured.latency_count = 0;
  measured.running = true;
  for (int i = 0; i < joined; i++) players[i].bytes_at_stage = players[i].bytes_read;
  uint64_t published_before = published_bytes();
  double own_before = own_cpu_seconds();
  struct server_figures before = read_server(&plan->server);
  double began_at = now();
  for (double time = began_at; time - began_at < measure_seconds; time = now()) {
    if (rss_count < MAX_RSS_SAMPLES) rss_samples[rss_count++] = server_rss_bytes(&plan->server);
    double rest = measure_seconds - (time - began_at);
    serve_for(rest < rss_interval_seconds ? rest : rss_interval_seconds);
  }
  double seconds = now() - began_at;
  struct server_figures after = read_server(&plan->server);
  double own_cpu = own_cpu_seconds() - own_before;
  measured.running = false;
  /* Also those since the last stage: a player that is to lose nothing shall lose nothing while another joins. */
  const uint64_t lost_frames = measured.lost_frames, unknown_frames = measured.unknown_frames;
  measured.lost_frames = measured.unknown_frames = 0;

  double *rates = malloc(sizeof *rates * (size_t)joined);
  if (rates == NULL) fail("no memory");
  for (int i = 0; i < joined; i++) rates[i] = (double)(players[i].bytes_read - players[i].bytes_at_stage) / seconds;
  double *latencies = measured.latencies;
  size_t count = measured.latency_count;
  printf("%s{\"name\":\"%s\",\"players\":%d,\"seconds\":%.4f,\"closedPlayers\":%d,", separator, name, joined, seconds,
         closed_players);
  printf("\"serverCpuSeconds\":%.6f,\"serverWaitedSeconds\":%.6f,\"serverRssBytes\":%.0f,\"loadCpuSeconds\":%.6f,",
         after.cpu_seconds - before.cpu_seconds, after.waited_seconds - before.waited_seconds,
         percentile(rss_samples, rss_count, 0.5), own_cpu);
  printf("\"publishedBytesPerSecond\":%.0f,\"leastBytesPerSecond\":%.0f,\"medianBytesPerSecond\":%.0f,",
         (double)(published_bytes() - published_before) / seconds, percentile(rates, (size_t)joined, 0),
         percentile(rates, (size_t)joined, 0.5));
  printf("\"readsPerSecondAndPlayer\":%.3f,\"frames\":%llu,\"lostFrames\":%llu,\"unknownFrames\":%llu,",
         (double)measured.reads / seconds / joined, (unsigned long long)measured.frames,
         (unsigned long long)lost_frames, (unsigned long long)unknown_frames);
  /* Before the others: those sort. */
  printf("\"latencyMs\":{\"leastMedian\":%s,", json_number(least_median_latency(joined)));
  printf("\"median\":%s,\"p99\":%s,\"max\":%s}}", json_number(percentile(latencies, count, 0.5)),
         json_number(percentile(latencies, count, 0.99)), json_number(percentile(latencies, count, 1)));
  free(rates);
}

static void print_first_frames(int joined) {
  double *waits = malloc(sizeof *waits * (size_t)joined);
  double *waits_in_all = malloc(sizeof *waits_in_all * (size_t)joined);
  if (waits == NULL || waits_in_all == NULL) fail("no memory");
  size_t count = 0, missing = 0;
  for (int i = 0; i < joined; i++) {
    if (!players[i].probe) continue;
    const double at = players[i].first_keyframe_at;
    if (at == 0) {
      missing++;
      continue;
    }
    waits_in_all[count] = (at - players[i].connected_at) * 1e3;
    waits[count++] = (at - players[i].play_sent_at) * 1e3;
  }
  printf("\"firstFrame\":{\"players\":%zu,\"missing\":%zu,\"medianMs\":%s,\"maxMs\":%s,", count, missing,
         json_number(percentile(waits, count, 0.5)), json_number(percentile(waits, count, 1)));
  printf("\"fromConnectMedianMs\":%s}", json_number(percentile(waits_in_all, count, 0.5)));
  free(waits);
  free(waits_in_all);
}

/*
 * Who never reads does not see that the connection was closed either: the end stands behind what it has not read. So
 * it reads now; where there is no end, the stream goes on.
 */
static void read_to_the_end(struct player *stalled) {
  static const double patience_seconds = 0.5;
  if (stalled->state == CLOSED) return;
  stalled->state = DRAINING;
  watch(stalled, EPOLL_CTL_MOD, EPOLLIN);
  serve_for(patience_seconds);
}

void play(const struct play_plan *wanted) {
  plan = wanted;
  const int most = plan->stages[plan->stage_count - 1];
  struct player *stalled = NULL;
  players = calloc((size_t)most + 1, sizeof *players);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  drain_fd = epoll_create1(EPOLL_CLOEXEC);
  if (players == NULL || poll_fd < 0 || drain_fd < 0) fail("no memory for %d players", most);
  /* Spread over all, so that neither the first nor the last in the server's list are the ones that are looked at. */
  for (int i = 0; i < plan->probes; i++) players[(int)((i + 0.5) * most / plan->probes)].probe = true;

  printf("{\"stages\":[");
  int joined = 0;
  for (int stage = 0; stage < plan->stage_count; stage++) {
    join_up_to(joined, plan->stages[stage]);
    joined = plan->stages[stage];
    serve_for(plan->settle_seconds);
    measure(joined, plan->measure_seconds[stage], "joined", stage == 0 ? "" : ",");
  }
  if (plan->stalled) {
    stalled = &players[most];
    stalled->stalls = true;
    join_up_to(most, most + 1);
  }
  if (plan->later_seconds > 0) {
    serve_for(plan->later_seconds);
    measure(joined, plan->measure_seconds[plan->stage_count - 1], "later", ",");
  }
  printf("],");
  print_first_frames(joined);
  if (stalled != NULL) read_to_the_end(stalled);
  printf(",\"stalledWasClosed\":%s}\n", stalled_was_closed ? "true" : "false");
}
