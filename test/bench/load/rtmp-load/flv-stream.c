#define _GNU_SOURCE
#include "flv-stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../machine.h"

enum {
  MAX_HEAD_BYTES = 4096,
  FLV_HEADER_BYTES = 9 + 4, /* and the length of the tag before the first */
  TAG_HEADER_BYTES = 11,
  TAG_TRAILER_BYTES = 4,
};

struct flv_stream {
  on_rtmp_message on_tag;
  void *context;

  bool head_read;
  size_t head_bytes;
  char head[MAX_HEAD_BYTES + 1];

  /* RFC 9112 §7.1 */
  bool chunked;
  uint64_t chunk_left;
  size_t chunk_line_bytes;
  char chunk_line[32];

  size_t file_header_left;
  size_t tag_header_bytes;
  uint8_t tag_header[TAG_HEADER_BYTES];
  uint32_t tag_bytes;
  uint32_t tag_left; /* of body and trailer */
  size_t first_bytes;
  uint8_t first[KEPT_BYTES];
};

struct flv_stream *new_flv_stream(on_rtmp_message on_tag, void *context) {
  struct flv_stream *stream = calloc(1, sizeof *stream);
  if (stream == NULL) fail("no memory");
  stream->on_tag = on_tag;
  stream->context = context;
  stream->file_header_left = FLV_HEADER_BYTES;
  return stream;
}

bool flv_head_read(const struct flv_stream *stream) { return stream->head_read; }

static void read_tags(struct flv_stream *stream, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    if (stream->file_header_left > 0) {
      size_t here = stream->file_header_left < count ? stream->file_header_left : count;
      stream->file_header_left -= here;
      bytes += here;
      count -= here;
    } else if (stream->tag_header_bytes < TAG_HEADER_BYTES) {
      stream->tag_header[stream->tag_header_bytes++] = *bytes++;
      count--;
      if (stream->tag_header_bytes < TAG_HEADER_BYTES) continue;
      stream->tag_bytes = read_u32(stream->tag_header) & 0xffffff;
      stream->tag_left = stream->tag_bytes + TAG_TRAILER_BYTES;
      stream->first_bytes = 0;
    } else {
      size_t here = stream->tag_left < count ? stream->tag_left : count;
      size_t body_left = stream->tag_left > TAG_TRAILER_BYTES ? stream->tag_left - TAG_TRAILER_BYTES : 0;
      size_t kept = here < body_left ? here : body_left;
      if (kept > KEPT_BYTES - stream->first_bytes) kept = KEPT_BYTES - stream->first_bytes;
      memcpy(stream->first + stream->first_bytes, bytes, kept);
      stream->first_bytes += kept;
      stream->tag_left -= (uint32_t)here;
      bytes += here;
      count -= here;
      if (stream->tag_left > 0) continue;
      stream->tag_header_bytes = 0;
      struct rtmp_message tag = {.type = stream->tag_header[0] & 0x1f,
                                 .bytes = stream->tag_bytes,
                                 .first = stream->first,
                                 .first_bytes = stream->first_bytes};
      stream->on_tag(stream->context, &tag);
    }
  }
}

static void read_chunked(struct flv_stream *stream, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    if (stream->chunk_left > 0) {
      size_t here = stream->chunk_left < count ? (size_t)stream->chunk_left : count;
      read_tags(stream, bytes, here);
      stream->chunk_left -= here;
      bytes += here;
      count -= here;
      continue;
    }
    char byte = (char)*bytes++;
    count--;
    if (byte != '\n') {
      if (stream->chunk_line_bytes + 1 == sizeof stream->chunk_line) fail("no length of an HTTP chunk");
      stream->chunk_line[stream->chunk_line_bytes++] = byte;
      continue;
    }
    stream->chunk_line[stream->chunk_line_bytes] = '\0';
    /* The line end behind a chunk's data is an empty line here. */
    if (stream->chunk_line_bytes > 1) stream->chunk_left = strtoull(stream->chunk_line, NULL, 16);
    stream->chunk_line_bytes = 0;
  }
}

static void read_body(struct flv_stream *stream, const uint8_t *bytes, size_t count) {
  if (stream->chunked) read_chunked(stream, bytes, count);
  else read_tags(stream, bytes, count);
}

void flv_read(struct flv_stream *stream, const uint8_t *bytes, size_t count) {
  if (stream->head_read) {
    read_body(stream, bytes, count);
    return;
  }
  size_t before = stream->head_bytes;
  size_t here = MAX_HEAD_BYTES - before < count ? MAX_HEAD_BYTES - before : count;
  memcpy(stream->head + before, bytes, here);
  stream->head_bytes += here;
  char *end = memmem(stream->head, stream->head_bytes, "\r\n\r\n", 4);
  if (end == NULL) {
    if (stream->head_bytes == MAX_HEAD_BYTES) fail("the head of an answer is over %d bytes", MAX_HEAD_BYTES);
    return;
  }
  end[2] = '\0';
  if (strncmp(stream->head, "HTTP/1.1 200 ", 13) != 0) {
    fail("not a 200 for HTTP-FLV: %.*s", (int)strcspn(stream->head, "\r"), stream->head);
  }
  stream->chunked = strcasestr(stream->head, "\r\nTransfer-Encoding: chunked\r\n") != NULL;
  stream->head_read = true;
  size_t head_bytes_here = (size_t)(end + 4 - stream->head) - before;
  read_body(stream, bytes + head_bytes_here, count - head_bytes_here);
}
