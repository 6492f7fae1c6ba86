/*
 * When each video frame was sent, and as which one: written by the publisher's thread, read where the frame arrives.
 * A frame is known by its length and its first bytes behind the tag's header, which no server may change.
 */
#ifndef SEND_TIMES_H
#define SEND_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void note_sent(const uint8_t *body, size_t first_bytes, uint32_t bytes, double at, uint32_t sequence);
/* False when no such frame was sent. */
bool find_sent(const uint8_t *body, size_t first_bytes, uint32_t bytes, double *at, uint32_t *sequence);

#endif
