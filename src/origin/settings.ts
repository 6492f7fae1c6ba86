import { z } from 'zod';
import { durationField, listenField, sizeField, streamsField, tlsListenField } from '../base/setting-fields.ts';
import type { CaptionChannel } from '../formats/captions/caption-channel.ts';
import { fanOutSchema } from '../live/fan-out-settings.ts';
import { publishSchema } from '../policy/publish-settings.ts';
import { rtmpListenerSchema, rtmpsListenerSchema } from '../rtmp/listener-settings.ts';
import { parseRtmpUrl } from '../rtmp/rtmp-url.ts';
import { accessSchema } from './access/access-settings.ts';
import { encryptionSchema } from './encryption/encryption-settings.ts';
import { librarySchema } from './library/library-settings.ts';
import { ffmpegSchema, ladderSchema } from './ladder/ladder-settings.ts';

/** With any name in the place of `{name}`. */
function isRestreamUrl(url: string): boolean {
  try {
    parseRtmpUrl(url.replaceAll('{name}', 'name'));
    return true;
  } catch {
    return false;
  }
}

function isCaptionChannel(text: string): text is CaptionChannel {
  return /^(?:CC[1-4]|SERVICE(?:[1-9]|[1-5][0-9]|6[0-3]))$/.test(text);
}

const restreamUrl = z
  .string()
  .max(1_024)
  .refine(isRestreamUrl, 'write rtmp://HOST[:PORT]/APP/NAME or rtmps://HOST[:PORT]/APP/NAME, with ?KEY if need be');

const restreamSchema = z.strictObject({
  stream: streamsField('every'),
  to: z
    .union([restreamUrl, z.array(restreamUrl).min(1).max(16)])
    .transform((to) => (typeof to === 'string' ? [to] : to))
    .describe('Where to: `rtmp://HOST[:PORT]/APP/NAME?KEY` or `rtmps://…`; `{name}` becomes the name of the stream'),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file with the certificates to trust for `rtmps://`; if left out: those that Node trusts'),
  queue: sizeField({ minBytes: 65_536, maxBytes: 268_435_456 })
    .prefault('4MiB')
    .describe('Bytes that may wait for a server that reads too slowly; beyond it whole GOPs are left out'),
});

const backupSchema = z
  .strictObject({
    takeOverAfter: durationField({ minMs: 200, maxMs: 60_000 })
      .prefault('1s')
      .describe('Without media for this long, a publisher gives way to the other one of its stream'),
    handBack: z.boolean().default(true).describe('Whether the primary is on the air again once it is back'),
    handBackAfter: durationField({ maxMs: 3_600_000 })
      .prefault('5s')
      .describe('For how long the primary must have sent without a pause before; then at its next keyframe'),
  })
  .transform(({ takeOverAfter, handBackAfter, ...rest }) => ({
    ...rest,
    takeOverAfterMs: takeOverAfter,
    handBackAfterMs: handBackAfter,
  }))
  .prefault({});

const slateSchema = z
  .strictObject({
    stream: streamsField('first'),
    file: z
      .string()
      .min(1)
      .describe(
        'The clip: MP4, MOV, MKV, MPEG-TS or FLV with H.264, up to 64 MiB and 10 min; read when the origin starts',
      ),
    after: durationField({ maxMs: 3_600_000 })
      .prefault('1s')
      .describe('How long nobody has published when it begins; shorter than `reconnectGrace`'),
    stall: durationField({ minMs: 1_000, maxMs: 3_600_000 })
      .prefault('5s')
      .describe('How long a publisher that is still connected has sent nothing when it begins'),
  })
  .transform(({ after, stall, ...rest }) => ({ ...rest, afterMs: after, stallMs: stall }));

const captionsSchema = z.strictObject({
  stream: streamsField('first'),
  channels: z
    .array(
      z.strictObject({
        channel: z
          .templateLiteral([z.enum(['CC', 'SERVICE']), z.int()])
          .refine(isCaptionChannel, 'write CC1 to CC4 or SERVICE1 to SERVICE63')
          .describe('`CC1` to `CC4` of CEA-608, `SERVICE1` to `SERVICE63` of CEA-708'),
        language: z
          .string()
          .regex(/^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/, 'write a language tag such as de or pt-BR')
          .optional()
          .describe('A tag such as `de` or `pt-BR`'),
        name: z
          .string()
          .regex(/^[^"\p{Cc}]{1,64}$/u, 'write 64 characters at most, without quotes')
          .optional()
          .describe('What players show; if left out: the channel'),
      }),
    )
    .max(67)
    .refine((channels) => new Set(channels.map(({ name, channel }) => name ?? channel)).size === channels.length, {
      message: 'two are called the same',
    })
    .describe('What there is, in all pictures of the stream; empty: there are none'),
});

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
    keep: z
      .enum(['memory', 'disk'])
      .default('disk')
      .describe('`disk`: live streams go on after a restart, from the data folder; `memory`: they begin anew'),
    maxStreams: z.int().min(1).default(1_000).describe('Streams at once; a further publisher is refused'),
    backup: backupSchema.describe(
      'When one of two publishers of a stream takes over: primary and backup (`?backup=1`)',
    ),
    slate: z
      .array(slateSchema)
      .max(16)
      .default([])
      .describe('Clips that play, over and over, while a stream waits for its publisher'),
    ladder: ladderSchema.describe('Smaller renditions of streams, made by ffmpeg'),
    ffmpeg: ffmpegSchema.describe('The ffmpeg that makes them'),
    timedMetadata: z
      .array(z.string().min(1).max(256))
      .max(32)
      .default(['onTextData', 'onCuePoint'])
      .describe('Data messages of publishers that viewers get as timed metadata (ID3), such as `onFI`'),
    captions: z
      .array(captionsSchema)
      .max(100)
      .default([])
      .describe('Captions in the pictures (CEA-608, CEA-708), where they are not to be found out'),
    mpegTs: z
      .boolean()
      .default(true)
      .describe('Whether old players get MPEG-TS at `/live/NAME/ts.m3u8`; made when somebody asks'),
    encryption: encryptionSchema.describe('Streams whose segments are encrypted for HLS'),
    restream: z
      .array(restreamSchema.transform(({ queue, ...rest }) => ({ ...rest, queueBytes: queue })))
      .max(100)
      .default([])
      .describe('Streams that are pushed on to other servers'),
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
    https: tlsListenField('TCP port; 0 takes any free one').optional().describe('Where edges fetch over TLS'),
    rtmp: rtmpListenerSchema(1936).describe('Where edges, and encoders that know it, publish and play'),
    rtmps: rtmpsListenerSchema.optional().describe('Where edges and encoders publish and play over TLS (`rtmps://`)'),
    access: accessSchema.describe('Whom it answers: everybody, or its edges only'),
    publish: publishSchema.describe('Who may publish'),
    live: liveSchema.describe('How live streams are packaged'),
    fanOut: fanOutSchema.describe('How players get live streams over RTMP and FLV'),
    library: librarySchema.describe('Files that viewers get at `/library/PATH` and over RTMP'),
  })
  .superRefine(({ access, https, rtmps }, context) => {
    if (access.kind !== 'mtls' || https !== undefined || rtmps !== undefined) return;
    const message = 'kind is "mtls" but nothing listens with TLS: add origin.https, and origin.rtmps for streams';
    context.addIssue({ code: 'custom', path: ['access', 'kind'], message });
  })
  .prefault({});

export type OriginSettings = z.output<typeof originSchema>;
export type RestreamSettings = OriginSettings['live']['restream'][number];
