import { z } from 'zod';
import { bitrateField, durationField, streamsField } from '../../base/setting-fields.ts';
import { matchesStreamPattern } from '../../policy/publish-credentials.ts';

/** A rendition as it is asked for. */
export interface RenditionSettings {
  readonly name: string;
  /** Of the shorter side, in pixels. */
  readonly height: number;
  /** `undefined`: what is usual for the height. */
  readonly bitsPerSecond: number | undefined;
  /** At most; `undefined`: as many as the source has. */
  readonly framesPerSecond: number | undefined;
}

/** What is made of the streams that `stream` fits. */
export interface LadderRule {
  readonly stream: string;
  readonly renditions: readonly RenditionSettings[];
  /** A variant without pictures. */
  readonly audioOnly: boolean;
}

const presetNames = ['2160p', '1440p', '1080p', '720p', '480p', '360p', '240p'] as const;
/** What the variant without pictures is called among the renditions. */
export const audioOnlyName = 'audio';

/** What a publisher's own tracks are called (`video`, `audio-2`), and what would be another playlist. */
const reservedName = /^(?:index|ts|ts-index|(?:video|audio)(?:-\d+)?|.*-(?:iframes|ts))$/;

const customRendition = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'a name is 1 to 32 lower-case letters, digits and hyphens')
      .refine(
        (name) => !reservedName.test(name),
        'this name is taken by the tracks of the publisher or by other playlists',
      ),
    height: z.int().min(32).max(4_320),
    videoBitrate: bitrateField({ minBitsPerSecond: 10_000, maxBitsPerSecond: 200_000_000 }).optional(),
    framesPerSecond: z.number().min(1).max(240).optional(),
  })
  .meta({ title: '`{name, height, videoBitrate, framesPerSecond}`' });

const ruleSchema = z
  .strictObject({
    stream: streamsField('first'),
    renditions: z
      .array(z.union([z.enum([...presetNames, audioOnlyName]), customRendition]))
      .min(1)
      .max(16)
      .refine(
        (list) => new Set(list.map((entry) => (typeof entry === 'string' ? entry : entry.name))).size === list.length,
        'two renditions have the same name',
      )
      .describe('What ffmpeg makes of the pictures, beside the stream itself; `audio` is a variant without pictures'),
  })
  .transform(
    ({ stream, renditions }): LadderRule => ({
      stream,
      audioOnly: renditions.includes(audioOnlyName),
      renditions: renditions.flatMap((entry) => {
        if (entry === audioOnlyName) return [];
        if (typeof entry === 'string') {
          return [{ name: entry, height: parseInt(entry, 10), bitsPerSecond: undefined, framesPerSecond: undefined }];
        }
        const { name, height, videoBitrate, framesPerSecond } = entry;
        return [{ name, height, bitsPerSecond: videoBitrate, framesPerSecond }];
      }),
    }),
  );

/** Which streams get which renditions. */
export const ladderSchema = z.array(ruleSchema).max(100).default([]);

/** The rule that counts for a stream: the first that fits. */
export function ladderRuleOf(rules: readonly LadderRule[], path: string): LadderRule | undefined {
  return rules.find(({ stream }) => matchesStreamPattern(stream, path));
}

/** H.264 encoders of ffmpeg, in the order in which they are tried: hardware first. */
export const encoders = [
  'h264_nvenc',
  'h264_qsv',
  'h264_vaapi',
  'h264_videotoolbox',
  'h264_v4l2m2m',
  'libx264',
] as const;

export type Encoder = (typeof encoders)[number];

/** How ffmpeg is run. */
export const ffmpegSchema = z
  .strictObject({
    program: z.string().min(1).default('ffmpeg').describe('The ffmpeg to run: a name that is looked for, or a path'),
    encoder: z
      .enum(['auto', ...encoders])
      .default('auto')
      .describe('Encoder of H.264; `auto` takes the first hardware that works, else `libx264`'),
    preset: z
      .enum(['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium', 'slow'])
      .default('veryfast')
      .describe('Preset of `libx264`: slower ones give a better picture for the same bits'),
    device: z.string().min(1).default('/dev/dri/renderD128').describe('Device of `h264_vaapi`'),
    stall: durationField({ minMs: 1_000, maxMs: 300_000 })
      .prefault('10s')
      .describe('An ffmpeg that gives nothing for so long, though it is fed, is ended and started anew'),
  })
  .transform(({ stall, ...rest }) => ({ ...rest, stallMs: stall }))
  .prefault({});

export type FfmpegSettings = z.output<typeof ffmpegSchema>;
