import { concatenated, type HostileInput, shortMessage, type0Chunk } from './hostile-input.ts';

const setChunkSize = 1;
const abort = 2;
const acknowledgement = 3;
const userControl = 4;
const windowSize = 5;
const peerBandwidth = 6;
const video = 9;

/** What goes wrong in the chunk stream and in the messages about it. */
export const brokenChunks: readonly HostileInput[] = [
  ...[1, 2, 3].map((type) => ({
    name: `a chunk of type ${type} before any of type 0`,
    stage: 'handshaken' as const,
    bytes: () => Uint8Array.of((type << 6) | 5, 0, 0, 0, 0, 0, 4, 20, 0, 0, 0, 0),
    ends: 'RTMP_CHUNK_HEADER',
  })),
  {
    name: 'a chunk of type 3 before any of type 0 on a chunk stream with an id of two bytes',
    stage: 'connected',
    bytes: () => Uint8Array.of(0xc0, 200, 1, 2, 3),
    ends: 'RTMP_CHUNK_HEADER',
  },
  {
    name: 'a chunk of type 3 before any of type 0 on a chunk stream with an id of three bytes',
    stage: 'connected',
    bytes: () => Uint8Array.of(0xc1, 0xff, 0xff, 1, 2, 3),
    ends: 'RTMP_CHUNK_HEADER',
  },
  {
    name: 'a new message where the last one of the chunk stream is not whole',
    stage: 'connected',
    bytes: () => {
      const half = type0Chunk(7, { length: 200, typeId: 20 }, new Uint8Array(128));
      return concatenated(half, half);
    },
    ends: 'RTMP_CHUNK_HEADER',
  },
  {
    name: 'Set Chunk Size of 0',
    stage: 'connected',
    bytes: () => shortMessage(setChunkSize, [0, 0, 0, 0]),
    ends: 'RTMP_CHUNK_SIZE',
  },
  {
    name: 'Set Chunk Size with the first bit set',
    stage: 'connected',
    bytes: () => shortMessage(setChunkSize, [0x80, 0, 0, 1]),
    ends: 'RTMP_CHUNK_SIZE',
  },
  {
    name: 'Set Chunk Size beyond the longest message: as large as that one',
    stage: 'connected',
    bytes: () => shortMessage(setChunkSize, [0x7f, 0xff, 0xff, 0xff]),
    ends: 'survives',
  },
  {
    name: 'Set Chunk Size without a payload',
    stage: 'connected',
    bytes: () => shortMessage(setChunkSize, []),
    ends: 'RTMP_CONTROL_LENGTH',
  },
  {
    name: 'Abort of a chunk stream that is not there',
    stage: 'connected',
    bytes: () => shortMessage(abort, [0, 0, 0x12, 0x34]),
    ends: 'survives',
  },
  { name: 'Abort cut short', stage: 'connected', bytes: () => shortMessage(abort, [0, 0]), ends: 'RTMP_CONTROL_LENGTH' },
  {
    name: 'an Acknowledgement of what was never sent',
    stage: 'connected',
    bytes: () => shortMessage(acknowledgement, [0xff, 0xff, 0xff, 0xff]),
    ends: 'survives',
  },
  {
    name: 'a Window Acknowledgement Size of 0',
    stage: 'connected',
    bytes: () => shortMessage(windowSize, [0, 0, 0, 0]),
    ends: 'survives',
  },
  {
    name: 'a Window Acknowledgement Size of 1',
    stage: 'connected',
    bytes: () => shortMessage(windowSize, [0, 0, 0, 1]),
    ends: 'survives',
  },
  {
    name: 'Set Peer Bandwidth of 0',
    stage: 'connected',
    bytes: () => shortMessage(peerBandwidth, [0, 0, 0, 0, 2]),
    ends: 'survives',
  },
  {
    name: 'Set Peer Bandwidth with a limit type that is none',
    stage: 'connected',
    bytes: () => shortMessage(peerBandwidth, [0, 0, 0x10, 0, 9]),
    ends: 'RTMP_LIMIT_TYPE',
  },
  {
    name: 'a User Control event that nobody knows',
    stage: 'connected',
    bytes: () => shortMessage(userControl, [0, 99, 1, 2, 3]),
    ends: 'survives',
  },
  {
    name: 'a ping cut short',
    stage: 'connected',
    bytes: () => shortMessage(userControl, [0, 6, 1]),
    ends: 'RTMP_CONTROL_LENGTH',
  },
  {
    name: 'a User Control message without an event',
    stage: 'connected',
    bytes: () => shortMessage(userControl, []),
    ends: 'TRUNCATED',
  },
  {
    name: 'messages of 0xFFFFFF bytes announced on 60 chunk streams',
    stage: 'connected',
    bytes: () =>
      concatenated(
        ...Array.from({ length: 60 }, (_, index) =>
          type0Chunk(3 + index, { length: 0xff_ff_ff, typeId: video, messageStreamId: 1 }, new Uint8Array(128)),
        ),
      ),
    ends: 'RTMP_MESSAGE_TOO_LARGE',
  },
  {
    name: 'the largest messages allowed, begun on 60 chunk streams and never finished',
    stage: 'connected',
    bytes: () =>
      concatenated(
        ...Array.from({ length: 60 }, (_, index) =>
          type0Chunk(3 + index, { length: 131_072, typeId: video, messageStreamId: 1 }, new Uint8Array(128)),
        ),
      ),
    ends: 'RTMP_BUFFER_FULL',
  },
  {
    name: 'a thousand chunk streams',
    stage: 'connected',
    bytes: () =>
      concatenated(
        ...Array.from({ length: 1_000 }, (_, index) =>
          // The id in three bytes; an Acknowledgement on each.
          concatenated([1, index & 0xff, index >> 8], [0, 0, 0, 0, 0, 4, acknowledgement, 0, 0, 0, 0], [0, 0, 0, 0]),
        ),
      ),
    ends: 'RTMP_CHUNK_STREAMS',
  },
];
