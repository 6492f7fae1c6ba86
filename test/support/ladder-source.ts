import type { AvcTrackConfig } from '../../src/formats/media/track.ts';
import type { RenditionUnit } from '../../src/origin/ladder/rendition-output.ts';
import { mediaOfFlv } from './encoded-media.ts';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './ffmpeg.ts';

/** Pictures as they leave the timeline. */
export interface LadderSource {
  readonly config: AvcTrackConfig;
  readonly units: readonly RenditionUnit[];
}

/** Encodes a test picture with ffmpeg and puts it on media time from ten seconds on. */
export async function encodeLadderSource({
  size = '320x180',
  seconds,
  options = '-bf 0',
}: {
  readonly size?: string;
  readonly seconds: number;
  readonly options?: string;
}): Promise<LadderSource> {
  const folder = await mkdtemp(join(tmpdir(), 'streamfront-ladder-'));
  try {
    const file = join(folder, 'source.flv');
    const input = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=30:duration=${seconds}`];
    const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '30', '-keyint_min', '30', '-sc_threshold', '0'];
    const result = await run('ffmpeg', [
      '-nostdin',
      '-y',
      '-v',
      'error',
      ...input,
      ...encoder,
      ...options.split(' '),
      file,
    ]);
    if (result.code !== 0) throw new Error(result.standardError);
    const { configs, units } = mediaOfFlv(await readFile(file));
    const config = configs.find((candidate) => candidate.codec === 'avc');
    if (config === undefined) throw new Error('ffmpeg wrote no H.264');
    const video = units.filter((unit) => unit.kind === 'video');
    return {
      config,
      units: video.map((unit, index) => ({
        dtsTicks: (10_000 + unit.timestampMs) * 90,
        durationTicks: ((video[index + 1]?.timestampMs ?? unit.timestampMs + 33) - unit.timestampMs) * 90,
        compositionOffsetTicks: unit.compositionOffsetMs * 90,
        keyframe: unit.keyframe,
        data: unit.data,
      })),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}
