/*
 * A load generator for RTMP and HTTP-FLV on this machine, cheaper than any server it is pointed at.
 *
 *   rtmp-load play --publish-port PORT --port PORT --file CLIP.flv --stream NAME [--app live] [--flv]
 *                  --players N[,N…] [--rate JOINS_A_SECOND] [--settle S] [--measure S[,S…]] [--probes N] [--later S [--stalled]]
 *                  [--server-pid PID]…
 *   rtmp-load file --port PORT --stream NAME --film-seconds S [--app cfx/st] --players N[,N…] [--rate …] [--settle …]
 *                  [--measure …] [--probes N] [--server-pid PID]…
 *   rtmp-load half-open --port PORT --connections N [--rate …] [--seconds S] [--server-pid PID]…
 *
 * play: a publisher in a thread of its own sends the clip in real time, again and again, and notes when each frame
 * went out; N players follow over RTMP, or over HTTP-FLV with --flv. Some are probes, read in full: their frames give
 * the added latency and whether one is missing. Of the others, what comes is dropped in the kernel (MSG_TRUNC). Each
 * number of players is a stage: after --settle seconds the server's CPU time and memory are taken for --measure
 * seconds. With --later all is measured once more so many seconds after the last stage; with --stalled, one more player
 * joins before that and never reads.
 *
 * file: the same without a publisher, with a stored file: players begin all over it, in equal distances.
 *
 * half-open: N connections send the first half of C0 and C1 and wait to be closed.
 *
 * Prints one line of JSON. Linux, loopback only, ends by itself.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "half-open.h"
#include "players.h"
#include "publisher.h"

enum { MAX_SECONDS = 120, MAX_CONNECTIONS = 10000 };

static void read_stages(char *text, struct play_plan *plan) {
  for (char *word = strtok(text, ","); word != NULL; word = strtok(NULL, ",")) {
    if (plan->stage_count == MAX_STAGES) fail("--players: at most %d stages", MAX_STAGES);
    int before = plan->stage_count == 0 ? 1 : plan->stages[plan->stage_count - 1] + 1;
    plan->stages[plan->stage_count++] = (int)number(word, "players", before, MAX_PLAYERS);
  }
}

/* A number for each stage; the last one holds for those that follow. */
static void read_measure_seconds(char *text, struct play_plan *plan) {
  int stage = 0;
  for (char *word = strtok(text, ","); word != NULL && stage < MAX_STAGES; word = strtok(NULL, ",")) {
    plan->measure_seconds[stage++] = number(word, "measure", 0.01, MAX_SECONDS);
  }
  for (; stage > 0 && stage < MAX_STAGES; stage++) plan->measure_seconds[stage] = plan->measure_seconds[stage - 1];
}

int main(int count, char **arguments) {
  static const struct option known[] = {
      {"port", required_argument, NULL, 'p'},      {"publish-port", required_argument, NULL, 'P'},
      {"file", required_argument, NULL, 'f'},      {"app", required_argument, NULL, 'a'},
      {"stream", required_argument, NULL, 's'},    {"flv", no_argument, NULL, 'F'},
      {"players", required_argument, NULL, 'n'},   {"rate", required_argument, NULL, 'r'},
      {"settle", required_argument, NULL, 't'},    {"measure", required_argument, NULL, 'm'},
      {"probes", required_argument, NULL, 'o'},    {"later", required_argument, NULL, 'l'},
      {"server-pid", required_argument, NULL, 'i'}, {"connections", required_argument, NULL, 'c'},
      {"seconds", required_argument, NULL, 'S'},   {"stalled", no_argument, NULL, 'x'},
      {"film-seconds", required_argument, NULL, 'd'},
      {NULL, 0, NULL, 0},
  };
  struct play_plan plan = {.settle_seconds = 0.5, .probes = 8};
  read_measure_seconds((char[]){"2"}, &plan);
  struct publication publication = {.app = "live"};
  struct half_open_plan half = {.seconds = 10};
  struct server server = {0};
  double joins_per_second = 500;
  int option;
  while ((option = getopt_long(count, arguments, "", known, NULL)) != -1) {
    switch (option) {
      case 'p': plan.port = (int)number(optarg, "port", 1, 65535); break;
      case 'P': publication.port = (int)number(optarg, "publish-port", 1, 65535); break;
      case 'f': publication.file = optarg; break;
      case 'a': publication.app = optarg; break;
      case 's': publication.stream = optarg; break;
      case 'F': plan.http_flv = true; break;
      case 'n': read_stages(optarg, &plan); break;
      case 'r': joins_per_second = number(optarg, "rate", 0.1, 1e6); break;
      case 't': plan.settle_seconds = number(optarg, "settle", 0, MAX_SECONDS); break;
      case 'm': read_measure_seconds(optarg, &plan); break;
      case 'o': plan.probes = (int)number(optarg, "probes", 1, MAX_PLAYERS); break;
      case 'l': plan.later_seconds = number(optarg, "later", 0.1, MAX_SECONDS); break;
      case 'x': plan.stalled = true; break;
      case 'd': plan.film_seconds = number(optarg, "film-seconds", 1, 1e6); break;
      case 'c': half.connections = (int)number(optarg, "connections", 1, MAX_CONNECTIONS); break;
      case 'S': half.seconds = number(optarg, "seconds", 0.1, MAX_SECONDS); break;
      case 'i':
        if (server.count == MAX_SERVER_PROCESSES) fail("at most %d --server-pid", MAX_SERVER_PROCESSES);
        server.pids[server.count++] = (int)number(optarg, "server-pid", 1, 1 << 30);
        break;
      default: exit(2);
    }
  }
  const char *mode = optind == count - 1 ? arguments[optind] : "";
  if (plan.port == 0) fail("usage: rtmp-load play|file|half-open --port PORT …");
  alarm(MAX_SECONDS); /* whatever happens */
  if (strcmp(mode, "half-open") == 0) {
    if (half.connections == 0) fail("half-open needs --connections");
    half.port = plan.port;
    half.joins_per_second = joins_per_second;
    half.server = server;
    half_open(&half);
  } else if (strcmp(mode, "play") == 0 || strcmp(mode, "file") == 0) {
    const bool is_file = strcmp(mode, "file") == 0;
    if (publication.stream == NULL || plan.stage_count == 0 || is_file != (plan.film_seconds > 0)) {
      fail("play and file need --stream and --players, and file --film-seconds");
    }
    if (!is_file && (publication.port == 0 || publication.file == NULL)) fail("play needs --publish-port and --file");
    plan.app = publication.app;
    plan.stream = publication.stream;
    plan.joins_per_second = joins_per_second;
    plan.server = server;
    int most = plan.stages[plan.stage_count - 1];
    if (plan.probes > most) plan.probes = most;
    if (!is_file) start_publisher(&publication);
    play(&plan);
  } else {
    fail("there are the modes play, file and half-open, not \"%s\"", mode);
  }
  fflush(stdout);
  _exit(0); /* the publisher's thread runs to the end */
}
