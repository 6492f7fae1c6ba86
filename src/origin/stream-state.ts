import { z } from 'zod';
import { isCmafTrack } from '../formats/cmaf/cmaf-track.ts';
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
  })
  // It was written by this program: the checksum of the file has said so.
  .transform((config) => config as unknown as TrackConfig)
  .refine(isCmafTrack, 'no codec that is packaged');

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
      }),
    ),
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
  const renditions = packaging.renditions.map(({ inits, config, ...rendition }) => ({
    ...rendition,
    config: { ...config, description: config.description?.toBase64() },
    inits: [...inits].map(([index, bytes]) => [index, bytes.toBase64()]),
  }));
  const keys = packaging.encryption?.keys.map(({ bytes, iv, ...key }) => ({
    ...key,
    bytes: bytes.toBase64(),
    iv: iv?.toBase64(),
  }));
  const encryption = packaging.encryption && { ...packaging.encryption, keys };
  return { ...state, packaging: { ...packaging, renditions, encryption } };
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
        encryption: encryption && { ...encryption, keys: encryption.keys.map(({ iv, ...key }) => ({ ...key, iv })) },
      },
      endedWallMs,
      begun,
      publication: publication && { encoder: publication.encoder, startedWallMs: publication.startedWallMs },
    };
  }
  throw new Error(`is no state that this program reads: ${z.prettifyError(parsed.error)}`);
}
