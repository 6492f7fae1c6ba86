import { z } from 'zod';
import { type CmafTrackConfig, isCmafTrack } from '../formats/cmaf/cmaf-track.ts';
import type { DateRange } from '../formats/m3u8/date-range.ts';
import type { TrackConfig } from '../formats/media/track.ts';
import type { BegunSegment } from '../stores/kept/mended-windows.ts';
import { encryptionMethods } from './encryption/encryption-settings.ts';
import type { PackagingState } from './packaging-state.ts';

/** What is kept of a live stream besides its segments. */
export interface StreamState {
  /** `app/name`. */
  readonly path: string;
  readonly epoch: string;
  readonly savedWallMs: number;
  /** When the stream was over; `undefined` as long as a publisher may come. */
  readonly endedWallMs: number | undefined;
  /** Of the publisher there was, or of the last one. */
  readonly publication: { readonly encoder: string | undefined; readonly startedWallMs: number } | undefined;
  readonly packaging: PackagingState;
  /** The segment that was open. */
  readonly begun: BegunSegment | undefined;
}

const base64 = z.base64().transform((text) => Uint8Array.fromBase64(text));
const trackConfig = z
  .looseObject({
    kind: z.enum(['video', 'audio']),
    codec: z.string(),
    trackId: z.int().min(0),
    codecString: z.string(),
    description: base64.optional(),
    specificBox: base64.optional(),
  })
  // It was written by this program: the checksum of the file has said so.
  .transform((config) => config as unknown as TrackConfig)
  .refine(isCmafTrack, 'no codec that is packaged');

const dateRange = z
  .strictObject({
    id: z.string(),
    className: z.string().optional(),
    startDate: z.string(),
    cue: z.array(z.enum(['PRE', 'POST', 'ONCE'])).optional(),
    endDate: z.string().optional(),
    durationSeconds: z.number().optional(),
    plannedDurationSeconds: z.number().optional(),
    scte35Cmd: base64.optional(),
    scte35Out: base64.optional(),
    scte35In: base64.optional(),
    endOnNext: z.boolean().optional(),
    extensions: z
      .record(
        z.string(),
        z.union([z.string(), z.number(), z.strictObject({ base64 }).transform((bytes) => bytes.base64)]),
      )
      .optional(),
  })
  // What is not there is not there as `undefined` either: it comes from JSON.
  .transform((range) => range as DateRange);

const spliceBreak = z.strictObject({
  event: z.string(),
  id: z.string(),
  startSeconds: z.number(),
  durationSeconds: z.number().optional(),
  autoReturn: z.boolean(),
  ended: z.boolean(),
});

const schema = z.strictObject({
  path: z.string().min(1),
  epoch: z.string().regex(/^[0-9a-z-]{1,64}$/),
  savedWallMs: z.number(),
  endedWallMs: z.number().optional(),
  publication: z.strictObject({ encoder: z.string().optional(), startedWallMs: z.number() }).optional(),
  packaging: z.strictObject({
    targets: z.strictObject({
      targetDurationSeconds: z.number().positive(),
      partTargetMs: z.number().positive(),
      segmentSeconds: z.number().positive(),
    }),
    originWallMs: z.number(),
    nextMsn: z.int().min(0),
    renditions: z.array(
      z.strictObject({
        name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/),
        track: z.int().min(0),
        config: trackConfig,
        initIndex: z.int().min(0),
        inits: z.array(z.tuple([z.int().min(0), base64])).transform((inits) => new Map(inits)),
        configs: z
          .array(z.tuple([z.int().min(0), trackConfig]))
          .default([])
          .transform((configs) => new Map(configs)),
      }),
    ),
    dateRanges: z.array(dateRange).default([]),
    breaks: z.array(spliceBreak).default([]),
    encryption: z
      .strictObject({
        method: z.enum(encryptionMethods),
        keys: z.array(
          z.strictObject({
            id: z.string().regex(/^[0-9a-f]{32}$/),
            number: z.int().min(0),
            firstMsn: z.int().min(0),
            startSeconds: z.number(),
            bytes: base64,
            iv: base64.optional(),
          }),
        ),
      })
      .optional(),
  }),
  begun: z.strictObject({ msn: z.int().min(0), startSeconds: z.number(), discontinuity: z.boolean() }).optional(),
});

/** As JSON holds it: bytes in base64. */
export function streamStateJson({ packaging, ...state }: StreamState): unknown {
  const renditions = packaging.renditions.map(({ inits, config, configs, ...rendition }) => ({
    ...rendition,
    config: configJson(config),
    configs: [...configs].map(([index, before]) => [index, configJson(before)]),
    inits: [...inits].map(([index, bytes]) => [index, bytes.toBase64()]),
  }));
  const keys = packaging.encryption?.keys.map(({ bytes, iv, ...key }) => ({
    ...key,
    bytes: bytes.toBase64(),
    iv: iv?.toBase64(),
  }));
  const encryption = packaging.encryption && { ...packaging.encryption, keys };
  const dateRanges = packaging.dateRanges.map(dateRangeJson);
  return { ...state, packaging: { ...packaging, renditions, dateRanges, encryption } };
}

function configJson(config: CmafTrackConfig): unknown {
  const specificBox = 'specificBox' in config ? config.specificBox.toBase64() : undefined;
  return { ...config, description: config.description?.toBase64(), specificBox };
}

function dateRangeJson({ scte35Cmd, scte35Out, scte35In, extensions, ...range }: DateRange): unknown {
  const values = Object.entries(extensions ?? {}).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? { base64: value.toBase64() } : value,
  ]);
  return {
    ...range,
    scte35Cmd: scte35Cmd?.toBase64(),
    scte35Out: scte35Out?.toBase64(),
    scte35In: scte35In?.toBase64(),
    ...(extensions === undefined ? {} : { extensions: Object.fromEntries(values) as unknown }),
  };
}

/** Throws an error with a sentence for what is no state of a stream. */
export function parseStreamState(json: unknown): StreamState {
  const parsed = schema.safeParse(json);
  if (parsed.success) {
    const { endedWallMs, publication, begun, packaging, ...state } = parsed.data;
    const { encryption } = packaging;
    return {
      ...state,
      packaging: {
        ...packaging,
        breaks: packaging.breaks.map(({ durationSeconds, ...announced }) => ({ ...announced, durationSeconds })),
        encryption: encryption && { ...encryption, keys: encryption.keys.map(({ iv, ...key }) => ({ ...key, iv })) },
      },
      endedWallMs,
      begun,
      publication: publication && { encoder: publication.encoder, startedWallMs: publication.startedWallMs },
    };
  }
  throw new Error(`is no state that this program reads: ${z.prettifyError(parsed.error)}`);
}
