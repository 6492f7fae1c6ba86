#include "send-times.h"

#include <stdatomic.h>

#include "../machine.h"
#include "rtmp-wire.h"

enum { SLOTS = 1 << 16, MAX_PROBES_OF_A_SLOT = 64, VIDEO_TAG_HEADER_BYTES = 5 };

struct sent_frame {
  _Atomic uint64_t fingerprint; /* 0: empty */
  _Atomic double at;
  _Atomic uint32_t sequence;
};
static struct sent_frame frames[SLOTS];

/* FNV-1a, 64 bits. */
static uint64_t fingerprint_of(const uint8_t *body, size_t first_bytes, uint32_t bytes) {
  uint64_t hash = 14695981039346656037ULL ^ bytes;
  size_t end = first_bytes < KEPT_BYTES ? first_bytes : KEPT_BYTES;
  for (size_t i = VIDEO_TAG_HEADER_BYTES; i < end; i++) hash = (hash ^ body[i]) * 1099511628211ULL;
  return hash == 0 ? 1 : hash;
}

static struct sent_frame *slot_of(uint64_t fingerprint) {
  for (uint64_t i = 0; i < MAX_PROBES_OF_A_SLOT; i++) {
    struct sent_frame *frame = &frames[((fingerprint >> 16) + i) % SLOTS];
    uint64_t there = atomic_load(&frame->fingerprint);
    if (there == fingerprint || there == 0) return frame;
  }
  fail("more frames than there is room for their times");
}

void note_sent(const uint8_t *body, size_t first_bytes, uint32_t bytes, double at, uint32_t sequence) {
  uint64_t fingerprint = fingerprint_of(body, first_bytes, bytes);
  struct sent_frame *frame = slot_of(fingerprint);
  atomic_store(&frame->at, at);
  atomic_store(&frame->sequence, sequence);
  atomic_store(&frame->fingerprint, fingerprint);
}

bool find_sent(const uint8_t *body, size_t first_bytes, uint32_t bytes, double *at, uint32_t *sequence) {
  struct sent_frame *frame = slot_of(fingerprint_of(body, first_bytes, bytes));
  if (atomic_load(&frame->fingerprint) == 0) return false;
  *at = atomic_load(&frame->at);
  *sequence = atomic_load(&frame->sequence);
  return true;
}
