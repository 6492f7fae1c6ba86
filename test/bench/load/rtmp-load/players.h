/* Players of one stream or file, in stages of a growing number, and what was measured in each stage. */
#ifndef PLAYERS_H
#define PLAYERS_H

#include <stdbool.h>

#include "../machine.h"

enum { MAX_STAGES = 8, MAX_PLAYERS = 10000 };

struct play_plan {
  int port;
  const char *app;
  const char *stream;
  bool http_flv;
  double film_seconds; /* over 0: a stored file of this length; players begin all over it, in equal distances */
  int stages[MAX_STAGES]; /* players in each, growing */
  int stage_count;
  double joins_per_second;
  double settle_seconds;  /* between the last join of a stage and its measurement */
  double measure_seconds[MAX_STAGES];
  int probes;             /* players, spread over all, that are read in full; the others are drained */
  double later_seconds;   /* over 0: all is measured once more, this long after the last stage */
  bool stalled;           /* before that one more player joins, and never reads */
  struct server server;
};

/* Runs the plan, beside a publisher that runs already where it is no file, and prints the document. */
void play(const struct play_plan *plan);

#endif
