import { z } from 'zod';
import { durationField, listenField, sizeField, tlsListenField } from '../base/setting-fields.ts';

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
      reconnectUrl: z
        .string()
        .max(512)
        .regex(/^rtmps?:\/\/[^/?#\s@]+\/?$/, 'write rtmp://HOST[:PORT] or rtmps://HOST[:PORT]')
        .optional()
        .describe(
          'Where encoders and players that can (Enhanced RTMP) are sent when this server shuts down; if left out: to the address they have',
        ),
    })
    .transform(({ maxMessage, handshakeTimeout, idleTimeout, ...rest }) => ({
      ...rest,
      maxMessageBytes: maxMessage,
      handshakeTimeoutMs: handshakeTimeout,
      idleTimeoutMs: idleTimeout,
    }))
    .prefault({});
}

/** Where a listener for RTMP over TLS (`rtmps://`) stands. Its bounds are those of the plain one. */
export const rtmpsListenerSchema = tlsListenField('TCP port; 443 is what encoders assume; 0 takes any free one').extend(
  {
    maxVersion: z
      .enum(['TLSv1.2', 'TLSv1.3'])
      .default('TLSv1.2')
      .describe('Newest version of TLS; rtmpdump and others on librtmp with GnuTLS end a connection of TLS 1.3'),
  },
);

export type RtmpsListenerSettings = z.output<typeof rtmpsListenerSchema>;
