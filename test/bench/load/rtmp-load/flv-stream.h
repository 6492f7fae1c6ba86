/* The body of an HTTP-FLV answer: chunked or not, then tags, of which the beginnings are kept. */
#ifndef FLV_STREAM_H
#define FLV_STREAM_H

#include "rtmp-wire.h"

struct flv_stream;
struct flv_stream *new_flv_stream(on_rtmp_message on_tag, void *context);
/* False until the head of the answer is whole. Ends the program when it is not a 200. */
bool flv_head_read(const struct flv_stream *stream);
void flv_read(struct flv_stream *stream, const uint8_t *bytes, size_t count);

#endif
