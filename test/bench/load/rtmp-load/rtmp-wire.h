/* As much of RTMP 1.0 as a client needs to publish and to play. */
#ifndef RTMP_WIRE_H
#define RTMP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  HANDSHAKE_BYTES = 1536,
  SERVER_HANDSHAKE_BYTES = 1 + 2 * HANDSHAKE_BYTES,
  DEFAULT_CHUNK_BYTES = 128,
  /* Of each message that comes this much is kept: enough for an answer, and to tell one frame from another. */
  KEPT_BYTES = 256,
  MAX_COMMAND_BYTES = 2048,
};

enum message_type {
  MESSAGE_SET_CHUNK_SIZE = 1,
  MESSAGE_ACKNOWLEDGEMENT = 3,
  MESSAGE_USER_CONTROL = 4,
  MESSAGE_WINDOW_ACKNOWLEDGEMENT_SIZE = 5,
  MESSAGE_AUDIO = 8,
  MESSAGE_VIDEO = 9,
  MESSAGE_DATA = 18,
  MESSAGE_COMMAND = 20,
};

/* Whole commands as chunks of the default size, or of chunk_bytes. Each returns how many bytes it wrote. */
size_t write_connect(uint8_t *out, int port, const char *app);
size_t write_create_stream(uint8_t *out, double transaction, uint32_t chunk_bytes);
size_t write_publish(uint8_t *out, const char *stream, uint32_t message_stream_id, uint32_t chunk_bytes);
/* LIVE_OR_RECORDED as ffmpeg and librtmp write it, or where a file is to begin. */
enum { LIVE_OR_RECORDED = -2000 };
size_t write_play(uint8_t *out, const char *stream, double start_ms, uint32_t message_stream_id);
/* A control message whose payload is one number. */
size_t write_control(uint8_t *out, enum message_type type, uint32_t value);

/* One message as chunks that begin with a header of type 0. `out` has room for payload and headers. */
size_t write_message(uint8_t *out, uint8_t chunk_stream_id, uint32_t timestamp, enum message_type type,
                     uint32_t message_stream_id, const uint8_t *payload, size_t bytes, uint32_t chunk_bytes);

struct rtmp_message {
  uint8_t type;
  uint32_t bytes;
  /* The first of them, KEPT_BYTES at most. */
  const uint8_t *first;
  size_t first_bytes;
};

/* What an answer to a command says. */
enum answer {
  ANSWER_OTHER,
  ANSWER_RESULT, /* _result */
  ANSWER_STATUS, /* onStatus of level status */
  ANSWER_ERROR,  /* _error, or onStatus of level error */
};
enum answer read_answer(const struct rtmp_message *message);
/* The transaction of a _result; and the number that it carries after a null: the message stream of createStream. */
double result_transaction(const struct rtmp_message *message);
uint32_t result_number(const struct rtmp_message *message);
/* The text of an answer, with dots for what cannot be printed; in a buffer that the next call reuses. */
const char *answer_text(const struct rtmp_message *message);
uint32_t read_u32(const uint8_t *bytes);

/* Reads chunks in whatever pieces they come and keeps nothing but the beginning of each message. */
struct rtmp_reader;
typedef void (*on_rtmp_message)(void *context, const struct rtmp_message *message);
struct rtmp_reader *new_rtmp_reader(on_rtmp_message on_message, void *context);
void rtmp_read(struct rtmp_reader *reader, const uint8_t *bytes, size_t count);

#endif
