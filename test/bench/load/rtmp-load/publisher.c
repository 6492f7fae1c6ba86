#define _GNU_SOURCE
#include "publisher.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "../machine.h"
#include "rtmp-wire.h"
#include "send-times.h"

enum {
  ANSWER_SECONDS = 10,
  CHUNK_BYTES = 65536,
  FLV_HEADER_BYTES = 13,
  TAG_HEADER_BYTES = 11,
  TAG_TRAILER_BYTES = 4,
  MAX_FILE_BYTES = 256 << 20,
  MAX_MESSAGE_BYTES = 4 << 20,
};

static struct publication publication;
static int fd;
static uint8_t *file_bytes;
static size_t file_size;
static uint8_t out[MAX_MESSAGE_BYTES + 4096];
static _Atomic uint64_t bytes_sent;
static _Atomic uint32_t frames_sent;

static void load_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail("%s: %s", path, strerror(errno));
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  if (size < FLV_HEADER_BYTES + TAG_HEADER_BYTES || size > MAX_FILE_BYTES) fail("%s is no FLV file for this", path);
  file_size = (size_t)size;
  file_bytes = malloc(file_size);
  if (file_bytes == NULL || fread(file_bytes, 1, file_size, file) != file_size) fail("%s cannot be read", path);
  fclose(file);
  if (memcmp(file_bytes, "FLV", 3) != 0) fail("%s is no FLV file", path);
}

/* What is awaited of the server, and what has come. */
static struct {
  enum answer kind;
  double transaction;
  bool come;
  uint32_t number;
} awaited;

static void on_message(void *context, const struct rtmp_message *message) {
  (void)context;
  enum answer answer = read_answer(message);
  if (answer == ANSWER_ERROR) fail("the publisher was refused: %s", answer_text(message));
  if (answer != awaited.kind) return;
  if (answer == ANSWER_RESULT) {
    if (result_transaction(message) != awaited.transaction) return;
    if (awaited.transaction > 1) awaited.number = result_number(message);
  }
  awaited.come = true;
}

static void await_answer(struct rtmp_reader *reader, enum answer kind, double transaction) {
  awaited.kind = kind;
  awaited.transaction = transaction;
  awaited.come = false;
  while (!awaited.come) {
    uint8_t buffer[4096];
    ssize_t count = recv(fd, buffer, sizeof buffer, 0);
    if (count <= 0) fail("no answer to the publisher: %s", count == 0 ? "closed" : strerror(errno));
    rtmp_read(reader, buffer, (size_t)count);
  }
}

static void open_publication(void) {
  fd = connect_loopback(publication.port, 0);
  struct timeval patience = {.tv_sec = ANSWER_SECONDS};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);

  memset(out, 0, 1 + HANDSHAKE_BYTES);
  out[0] = 3;
  send_all(fd, out, 1 + HANDSHAKE_BYTES);
  uint8_t answer[SERVER_HANDSHAKE_BYTES];
  for (size_t got = 0; got < sizeof answer;) {
    ssize_t count = recv(fd, answer + got, sizeof answer - got, 0);
    if (count <= 0) fail("no handshake for the publisher: %s", count == 0 ? "closed" : strerror(errno));
    got += (size_t)count;
  }
  memcpy(out, answer + 1, HANDSHAKE_BYTES); /* C2 echoes S1 */
  size_t bytes = HANDSHAKE_BYTES + write_connect(out + HANDSHAKE_BYTES, publication.port, publication.app);
  send_all(fd, out, bytes);
  struct rtmp_reader *reader = new_rtmp_reader(on_message, NULL);
  await_answer(reader, ANSWER_RESULT, 1);
  bytes = write_control(out, MESSAGE_SET_CHUNK_SIZE, CHUNK_BYTES);
  bytes += write_create_stream(out + bytes, 2, CHUNK_BYTES);
  send_all(fd, out, bytes);
  await_answer(reader, ANSWER_RESULT, 2);
  send_all(fd, out, write_publish(out, publication.stream, awaited.number, CHUNK_BYTES));
  await_answer(reader, ANSWER_STATUS, 0);
  free(reader);
}

static void wait_until(double at) {
  struct timespec time = {.tv_sec = (time_t)at};
  time.tv_nsec = (long)((at - (double)time.tv_sec) * 1e9);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) {}
}

static void read_answers_away(void) {
  uint8_t buffer[4096];
  ssize_t count;
  while ((count = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {}
  if (count == 0) fail("the server closed the publisher's connection");
}

/* The metadata go out as an encoder sends them: behind the name @setDataFrame. */
static void send_metadata(const uint8_t *body, uint32_t bytes) {
  static const uint8_t name[] = "\2\0\15@setDataFrame";
  static uint8_t payload[65536];
  if (bytes > sizeof payload - sizeof name) fail("the metadata are too large");
  memcpy(payload, name, sizeof name - 1);
  memcpy(payload + sizeof name - 1, body, bytes);
  send_all(fd, out, write_message(out, 4, 0, MESSAGE_DATA, awaited.number, payload, sizeof name - 1 + bytes, CHUNK_BYTES));
}

static void *publish(void *context) {
  (void)context;
  const double began_at = now();
  uint32_t base_ms = 0, last_ms = 0;
  bool first_round = true;
  for (size_t at = FLV_HEADER_BYTES;;) {
    if (at + TAG_HEADER_BYTES > file_size) { /* the file is over: again, one frame later */
      at = FLV_HEADER_BYTES;
      base_ms = last_ms + 33;
      first_round = false;
    }
    const uint8_t *tag = file_bytes + at;
    const uint32_t bytes = read_u32(tag) & 0xffffff;
    const uint32_t file_ms = (read_u32(tag + 4) >> 8) | (uint32_t)tag[7] << 24;
    const uint8_t *body = tag + TAG_HEADER_BYTES;
    at += TAG_HEADER_BYTES + bytes + TAG_TRAILER_BYTES;
    if (at > file_size) fail("the FLV file is cut off");
    if (bytes < 2 || bytes > MAX_MESSAGE_BYTES) continue;
    if (tag[0] == MESSAGE_DATA) {
      if (first_round) send_metadata(body, bytes);
      continue;
    }
    const bool video = tag[0] == MESSAGE_VIDEO;
    const bool header = body[1] == 0; /* AVCPacketType or AACPacketType: a sequence header */
    const bool end_of_sequence = video && body[1] == 2;
    if (end_of_sequence || (header && !first_round)) continue;

    const uint32_t timestamp_ms = base_ms + file_ms;
    last_ms = timestamp_ms;
    wait_until(began_at + timestamp_ms / 1e3);
    size_t count = write_message(out, video ? 6 : 4, timestamp_ms, video ? MESSAGE_VIDEO : MESSAGE_AUDIO,
                                 awaited.number, body, bytes, CHUNK_BYTES);
    if (video && !header) note_sent(body, bytes, bytes, now(), atomic_load(&frames_sent));
    send_all(fd, out, count);
    atomic_fetch_add(&bytes_sent, count);
    if (video && !header) atomic_fetch_add(&frames_sent, 1);
    read_answers_away();
  }
  return NULL;
}

void start_publisher(const struct publication *wanted) {
  publication = *wanted;
  load_file(publication.file);
  open_publication();
  pthread_t thread;
  if (pthread_create(&thread, NULL, publish, NULL) != 0) fail("no thread for the publisher");
  pthread_detach(thread);
  double deadline = now() + ANSWER_SECONDS;
  while (published_frames() == 0) {
    if (now() > deadline) fail("the file has no video");
    wait_until(now() + 0.005);
  }
}

uint64_t published_bytes(void) { return atomic_load(&bytes_sent); }
uint32_t published_frames(void) { return atomic_load(&frames_sent); }
