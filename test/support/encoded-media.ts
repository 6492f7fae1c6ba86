import { readFile, rm } from 'node:fs/promises';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aacTrackConfig } from '../../src/formats/aac/audio-specific-config.ts';
import { avcTrackConfig } from '../../src/formats/avc/decoder-configuration.ts';
import { parseAudioTag } from '../../src/formats/flv/audio-tag.ts';
import { FlvReader } from '../../src/formats/flv/flv-file.ts';
import { parseVideoTag } from '../../src/formats/flv/video-tag.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import { run } from './ffmpeg.ts';

/** What a publisher sends: configurations and access units, in the order of a file. */
export interface EncodedMedia {
  readonly configs: readonly TrackConfig[];
  readonly units: readonly AccessUnit[];
}

/** Encodes with ffmpeg (`output`: the options before the file) and reads the FLV file that comes out. */
export async function encodeMedia(inputs: readonly string[], output: readonly string[]): Promise<EncodedMedia> {
  const folder = await mkdtemp(join(tmpdir(), 'streamfront-media-'));
  try {
    const file = join(folder, 'media.flv');
    const lavfi = inputs.flatMap((input) => ['-f', 'lavfi', '-i', input]);
    const result = await run('ffmpeg', ['-nostdin', '-y', '-v', 'error', ...lavfi, ...output, '-f', 'flv', file]);
    if (result.code !== 0) throw new Error(`ffmpeg could not encode:\n${result.standardError}`);
    return mediaOfFlv(await readFile(file));
  } finally {
    await rm(folder, { recursive: true });
  }
}

export function mediaOfFlv(bytes: Uint8Array): EncodedMedia {
  const configs: TrackConfig[] = [];
  const units: AccessUnit[] = [];
  for (const { typeId, timestampMs, payload } of new FlvReader({ maxTagBytes: 8_388_608 }).push(bytes)) {
    if (typeId === 9) {
      const tag = parseVideoTag(payload);
      if (tag.kind === 'sequence-header') configs.push(avcTrackConfig(tag.description));
      if (tag.kind !== 'frame') continue;
      const { keyframe, compositionOffsetMs, data } = tag;
      units.push({ kind: 'video', trackId: 0, timestampMs, keyframe, compositionOffsetMs, data });
    } else if (typeId === 8) {
      const tag = parseAudioTag(payload);
      if (tag.kind === 'sequence-header') configs.push(aacTrackConfig(tag.description));
      if (tag.kind === 'frame') units.push({ kind: 'audio', trackId: 0, timestampMs, data: tag.data });
    }
  }
  return { configs, units };
}

/** Thirty pictures a second with B-frames and a keyframe every two seconds, and AAC at 48 kHz. */
export function encodeClip(seconds: number, extra: readonly string[] = []): Promise<EncodedMedia> {
  return encodeMedia(
    [`testsrc2=size=320x180:rate=30:duration=${seconds}`, `sine=frequency=440:sample_rate=48000:duration=${seconds}`],
    ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '60', '-keyint_min', '60', '-sc_threshold', '0', '-bf', '2']
      .concat(['-pix_fmt', 'yuv420p', '-c:a', 'aac', '-ac', '2', '-b:a', '96k'])
      .concat(extra),
  );
}
