import { z } from 'zod';
import { durationField, listenField, sizeField } from '../base/setting-fields.ts';

/** Where an RTMP listener stands, and its bounds: the same for every role. */
export function rtmpListenerSchema(defaultPort: number) {
  return listenField(defaultPort)
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
}

const publishKeySchema = z.strictObject({
  stream: z
    .string()
    .min(1)
    .max(256)
    .default('*')
    .describe('Which streams it opens: a name such as `live/stage`, `*` for any run of characters'),
  key: z.string().min(8).max(256).describe('The stream key, at least 8 characters'),
});

/** Who may publish at an RTMP listener. */
export const publishSchema = z
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
