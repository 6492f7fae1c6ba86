import { z } from 'zod';
import { durationField, listenField, sizeField } from '../base/setting-fields.ts';

const publishKeySchema = z.strictObject({
  stream: z
    .string()
    .min(1)
    .max(256)
    .default('*')
    .describe('Which streams it opens: a name such as `live/stage`, `*` for any run of characters'),
  key: z.string().min(8).max(256).describe('The stream key, at least 8 characters'),
});

const publishSchema = z
  .strictObject({
    auth: z
      .enum(['loopback', 'key', 'none'])
      .default('loopback')
      .describe(
        '`loopback`: encoders on this machine need no key, others do; `key`: all need one; `none`: anybody may publish',
      ),
    keys: z.array(publishKeySchema).default([]).describe('Stream keys; several may open the same stream, for rotation'),
  })
  .prefault({});

const rtmpSchema = listenField(1935)
  .unwrap()
  .extend({
    maxMessage: sizeField({ minBytes: 65_536 }).prefault('8MiB').describe('Largest RTMP message taken'),
    maxConnections: z.int().min(1).default(10_000).describe('Connections at once; further ones are closed at once'),
    handshakeTimeout: durationField({ minMs: 100 })
      .prefault('5s')
      .describe('From connection to the end of the handshake'),
    idleTimeout: durationField({ minMs: 1_000 })
      .prefault('20s')
      .describe('A publisher that sends nothing for this long is disconnected, so that its name is free'),
  })
  .transform(({ maxMessage, handshakeTimeout, idleTimeout, ...rest }) => ({
    ...rest,
    maxMessageBytes: maxMessage,
    handshakeTimeoutMs: handshakeTimeout,
    idleTimeoutMs: idleTimeout,
  }))
  .prefault({});

const liveSchema = z
  .strictObject({
    window: durationField({ minMs: 6_000 }).prefault('60s').describe('How far back the playlist reaches'),
    segment: durationField({ minMs: 1_000, maxMs: 10_000 })
      .prefault('2s')
      .describe('Segment duration aimed at; segments are cut at keyframes'),
    windowSize: sizeField({ minBytes: 1_048_576 })
      .prefault('256MiB')
      .describe('Bytes of segments kept for each rendition; beyond it the oldest leave before the window is over'),
    part: durationField({ minMs: 100, maxMs: 1_000 })
      .prefault('350ms')
      .describe('Longest partial segment (PART-TARGET)'),
    reconnectGrace: durationField()
      .prefault('60s')
      .describe('How long a stream waits for its publisher to come back before it ends'),
    maxStreams: z.int().min(1).default(1_000).describe('Streams at once; a further publisher is refused'),
  })
  .transform(({ window, windowSize, segment, part, reconnectGrace, ...rest }) => ({
    ...rest,
    windowMs: window,
    windowBytes: windowSize,
    segmentMs: segment,
    partMs: part,
    reconnectGraceMs: reconnectGrace,
  }))
  .prefault({});

/** What the origin can be told. */
export const originSchema = z
  .strictObject({
    http: listenField(8081).describe('Where edges (and nobody else) fetch'),
    rtmp: rtmpSchema.describe('Where encoders publish'),
    publish: publishSchema.describe('Who may publish'),
    live: liveSchema.describe('How live streams are packaged'),
  })
  .prefault({});

export type OriginSettings = z.output<typeof originSchema>;
