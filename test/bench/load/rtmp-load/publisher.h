/* A publisher in a thread of its own: an FLV file again and again, each message when its timestamp says. */
#ifndef PUBLISHER_H
#define PUBLISHER_H

#include <stdint.h>

struct publication {
  int port;
  const char *app;
  const char *stream;
  const char *file;
};

/* Returns when the server has said NetStream.Publish.Start and the first keyframe has been sent. */
void start_publisher(const struct publication *publication);
uint64_t published_bytes(void);
uint32_t published_frames(void);

#endif
