/* Connections that send half of the handshake and wait. */
#ifndef HALF_OPEN_H
#define HALF_OPEN_H

#include "../machine.h"

struct half_open_plan {
  int port;
  int connections;
  double joins_per_second;
  double seconds; /* how long to wait for the server to close them */
  struct server server;
};

/* Runs the plan and prints the document. */
void half_open(const struct half_open_plan *plan);

#endif
