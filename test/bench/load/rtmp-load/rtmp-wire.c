#define _GNU_SOURCE
#include "rtmp-wire.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../machine.h"

enum { AMF_NUMBER = 0, AMF_BOOLEAN = 1, AMF_STRING = 2, AMF_OBJECT = 3, AMF_NULL = 5, AMF_OBJECT_END = 9 };

uint32_t read_u32(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint8_t *put_u32(uint8_t *out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) *out++ = (uint8_t)(value >> shift);
  return out;
}

static uint8_t *put_u24(uint8_t *out, uint32_t value) {
  for (int shift = 16; shift >= 0; shift -= 8) *out++ = (uint8_t)(value >> shift);
  return out;
}

static uint8_t *put_name(uint8_t *out, const char *text) {
  size_t bytes = strlen(text);
  *out++ = (uint8_t)(bytes >> 8);
  *out++ = (uint8_t)bytes;
  memcpy(out, text, bytes);
  return out + bytes;
}

static uint8_t *put_string(uint8_t *out, const char *text) {
  *out++ = AMF_STRING;
  return put_name(out, text);
}

static uint8_t *put_number(uint8_t *out, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  *out++ = AMF_NUMBER;
  return put_u32(put_u32(out, (uint32_t)(bits >> 32)), (uint32_t)bits);
}

size_t write_message(uint8_t *out, uint8_t chunk_stream_id, uint32_t timestamp, enum message_type type,
                     uint32_t message_stream_id, const uint8_t *payload, size_t bytes, uint32_t chunk_bytes) {
  const bool extended = timestamp >= 0xffffff;
  uint8_t *at = out;
  *at++ = chunk_stream_id;
  at = put_u24(at, extended ? 0xffffff : timestamp);
  at = put_u24(at, (uint32_t)bytes);
  *at++ = (uint8_t)type;
  for (int shift = 0; shift < 32; shift += 8) *at++ = (uint8_t)(message_stream_id >> shift); /* little-endian */
  if (extended) at = put_u32(at, timestamp);
  for (;;) {
    size_t here = bytes < chunk_bytes ? bytes : chunk_bytes;
    memcpy(at, payload, here);
    at += here;
    payload += here;
    bytes -= here;
    if (bytes == 0) return (size_t)(at - out);
    *at++ = (uint8_t)(0xc0 | chunk_stream_id);
    if (extended) at = put_u32(at, timestamp);
  }
}

size_t write_connect(uint8_t *out, int port, const char *app) {
  char url[512];
  snprintf(url, sizeof url, "rtmp://127.0.0.1:%d/%s", port, app);
  uint8_t payload[MAX_COMMAND_BYTES], *at = payload;
  at = put_number(put_string(at, "connect"), 1);
  *at++ = AMF_OBJECT;
  at = put_string(put_name(at, "app"), app);
  at = put_string(put_name(at, "type"), "nonprivate");
  at = put_string(put_name(at, "flashVer"), "LNX 9,0,124,2");
  at = put_string(put_name(at, "tcUrl"), url);
  at = put_name(at, "fpad");
  *at++ = AMF_BOOLEAN;
  *at++ = 0;
  at = put_number(put_name(at, "capabilities"), 15);
  at = put_number(put_name(at, "audioCodecs"), 4071);
  at = put_number(put_name(at, "videoCodecs"), 252);
  at = put_number(put_name(at, "videoFunction"), 1);
  at = put_name(at, "");
  *at++ = AMF_OBJECT_END;
  return write_message(out, 3, 0, MESSAGE_COMMAND, 0, payload, (size_t)(at - payload), DEFAULT_CHUNK_BYTES);
}

size_t write_create_stream(uint8_t *out, double transaction, uint32_t chunk_bytes) {
  uint8_t payload[64], *at = put_number(put_string(payload, "createStream"), transaction);
  *at++ = AMF_NULL;
  return write_message(out, 3, 0, MESSAGE_COMMAND, 0, payload, (size_t)(at - payload), chunk_bytes);
}

size_t write_publish(uint8_t *out, const char *stream, uint32_t message_stream_id, uint32_t chunk_bytes) {
  uint8_t payload[MAX_COMMAND_BYTES], *at = put_number(put_string(payload, "publish"), 0);
  *at++ = AMF_NULL;
  at = put_string(put_string(at, stream), "live");
  return write_message(out, 4, 0, MESSAGE_COMMAND, message_stream_id, payload, (size_t)(at - payload), chunk_bytes);
}

size_t write_play(uint8_t *out, const char *stream, double start_ms, uint32_t message_stream_id) {
  uint8_t payload[MAX_COMMAND_BYTES], *at = put_number(put_string(payload, "play"), 0);
  *at++ = AMF_NULL;
  at = put_number(put_string(at, stream), start_ms);
  size_t written = write_message(out, 8, 0, MESSAGE_COMMAND, message_stream_id, payload, (size_t)(at - payload),
                                 DEFAULT_CHUNK_BYTES);
  /* User Control, Set Buffer Length: a second. */
  payload[0] = 0;
  payload[1] = 3;
  put_u32(put_u32(payload + 2, message_stream_id), 1000);
  return written + write_message(out + written, 2, 0, MESSAGE_USER_CONTROL, 0, payload, 10, DEFAULT_CHUNK_BYTES);
}

size_t write_control(uint8_t *out, enum message_type type, uint32_t value) {
  uint8_t payload[4];
  put_u32(payload, value);
  return write_message(out, 2, 0, type, 0, payload, sizeof payload, DEFAULT_CHUNK_BYTES);
}

static bool has_name(const struct rtmp_message *message, const char *name) {
  uint8_t wanted[64];
  size_t bytes = (size_t)(put_string(wanted, name) - wanted);
  return message->type == MESSAGE_COMMAND && message->first_bytes >= bytes && memcmp(message->first, wanted, bytes) == 0;
}

static double number_at(const struct rtmp_message *message, size_t offset) {
  if (offset + 9 > message->first_bytes || message->first[offset] != AMF_NUMBER) return -1;
  uint64_t bits = (uint64_t)read_u32(message->first + offset + 1) << 32 | read_u32(message->first + offset + 5);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

enum answer read_answer(const struct rtmp_message *message) {
  static const uint8_t level_error[] = "\0\5level\2\0\5error";
  if (has_name(message, "_result")) return ANSWER_RESULT;
  if (has_name(message, "_error")) return ANSWER_ERROR;
  if (!has_name(message, "onStatus")) return ANSWER_OTHER;
  bool error = memmem(message->first, message->first_bytes, level_error, sizeof level_error - 1) != NULL;
  return error ? ANSWER_ERROR : ANSWER_STATUS;
}

/* After the string "_result", which takes ten bytes. */
double result_transaction(const struct rtmp_message *message) { return number_at(message, 10); }

/* After the transaction's nine bytes and a null. */
uint32_t result_number(const struct rtmp_message *message) {
  double value = number_at(message, 20);
  if (value < 0) fail("the answer to createStream has no number: %s", answer_text(message));
  return (uint32_t)value;
}

const char *answer_text(const struct rtmp_message *message) {
  static char text[KEPT_BYTES + 1];
  for (size_t i = 0; i < message->first_bytes; i++) text[i] = isprint(message->first[i]) ? (char)message->first[i] : '.';
  text[message->first_bytes] = '\0';
  return text;
}

enum { MAX_CHUNK_STREAMS = 16, MAX_HEADER_BYTES = 3 + 11 + 4 };

struct chunk_stream {
  uint32_t id;
  uint32_t message_bytes;
  uint32_t message_read;
  uint8_t type;
  bool extended;
  size_t first_bytes;
  uint8_t first[KEPT_BYTES];
};

struct rtmp_reader {
  on_rtmp_message on_message;
  void *context;
  uint32_t chunk_bytes;
  struct chunk_stream *current; /* of the chunk whose payload is being read; NULL while its header is */
  uint32_t payload_left;
  size_t header_bytes;
  uint8_t header[MAX_HEADER_BYTES];
  int chunk_stream_count;
  struct chunk_stream chunk_streams[MAX_CHUNK_STREAMS];
};

struct rtmp_reader *new_rtmp_reader(on_rtmp_message on_message, void *context) {
  struct rtmp_reader *reader = calloc(1, sizeof *reader);
  if (reader == NULL) fail("no memory");
  reader->on_message = on_message;
  reader->context = context;
  reader->chunk_bytes = DEFAULT_CHUNK_BYTES;
  return reader;
}

static struct chunk_stream *chunk_stream_of(struct rtmp_reader *reader, uint32_t id) {
  for (int i = 0; i < reader->chunk_stream_count; i++) {
    if (reader->chunk_streams[i].id == id) return &reader->chunk_streams[i];
  }
  if (reader->chunk_stream_count == MAX_CHUNK_STREAMS) fail("more than %d chunk streams", MAX_CHUNK_STREAMS);
  struct chunk_stream *added = &reader->chunk_streams[reader->chunk_stream_count++];
  added->id = id;
  return added;
}

/* RTMP 1.0 §5.3.1. Returns false until the header is whole. */
static bool read_header(struct rtmp_reader *reader) {
  static const size_t message_header_bytes[] = {11, 7, 3, 0};
  const uint8_t *header = reader->header;
  const unsigned format = header[0] >> 6, low = header[0] & 63;
  const size_t basic_bytes = low == 0 ? 2 : low == 1 ? 3 : 1;
  size_t needed = basic_bytes + message_header_bytes[format];
  if (reader->header_bytes < needed) return false;
  const uint32_t id = low == 0 ? 64U + header[1] : low == 1 ? 64U + header[1] + 256U * header[2] : low;
  struct chunk_stream *stream = chunk_stream_of(reader, id);
  const uint8_t *fields = header + basic_bytes;
  bool extended = format == 3 ? stream->extended : fields[0] == 0xff && fields[1] == 0xff && fields[2] == 0xff;
  if (extended) needed += 4;
  if (reader->header_bytes < needed) return false;
  stream->extended = extended;
  if (format < 2) {
    stream->message_bytes = (uint32_t)fields[3] << 16 | (uint32_t)fields[4] << 8 | fields[5];
    stream->type = fields[6];
  }
  uint32_t left = stream->message_bytes - stream->message_read;
  reader->payload_left = left < reader->chunk_bytes ? left : reader->chunk_bytes;
  reader->current = stream;
  return true;
}

static void end_chunk(struct rtmp_reader *reader) {
  struct chunk_stream *stream = reader->current;
  reader->current = NULL;
  reader->header_bytes = 0;
  if (stream->message_read < stream->message_bytes) return;
  struct rtmp_message message = {.type = stream->type,
                                 .bytes = stream->message_bytes,
                                 .first = stream->first,
                                 .first_bytes = stream->first_bytes};
  if (message.type == MESSAGE_SET_CHUNK_SIZE && message.first_bytes == 4) {
    reader->chunk_bytes = read_u32(message.first) & 0x7fffffff;
    if (reader->chunk_bytes == 0) fail("the server sets a chunk size of 0");
  }
  stream->message_read = 0;
  stream->first_bytes = 0;
  reader->on_message(reader->context, &message);
}

void rtmp_read(struct rtmp_reader *reader, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    if (reader->current == NULL) {
      reader->header[reader->header_bytes++] = *bytes++;
      count--;
      if (!read_header(reader)) continue;
    }
    struct chunk_stream *stream = reader->current;
    uint32_t here = reader->payload_left < count ? reader->payload_left : (uint32_t)count;
    size_t kept = KEPT_BYTES - stream->first_bytes < here ? KEPT_BYTES - stream->first_bytes : here;
    memcpy(stream->first + stream->first_bytes, bytes, kept);
    stream->first_bytes += kept;
    stream->message_read += here;
    reader->payload_left -= here;
    bytes += here;
    count -= here;
    if (reader->payload_left == 0) end_chunk(reader);
  }
}
