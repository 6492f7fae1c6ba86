import { type CmafVideoTrackConfig, isCmafTrack } from '../../src/formats/cmaf/cmaf-track.ts';
import { FlvTrackReader } from '../../src/formats/flv/track-reader.ts';
import { encodeVideoTag } from '../../src/formats/flv/video-tag.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import type { PlacedSample } from '../../src/origin/following-rendition.ts';
import { mediaOfFlv } from './encoded-media.ts';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeTrack } from './encoded-tracks.ts';
import { run } from './ffmpeg.ts';

/** Pictures as they leave the timeline. */
export interface LadderSource {
  readonly config: CmafVideoTrackConfig;
  readonly units: readonly PlacedSample[];
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

/** The same of another codec, as a publisher would send it by Enhanced RTMP; without B-frames. */
export async function encodeEnhancedLadderSource(
  codec: 'hevc' | 'av1' | 'vp9',
  options: string,
): Promise<LadderSource> {
  const source = 'testsrc2=size=320x180:rate=30:duration=3';
  const { packets, box } = await encodeTrack(source, `${options} -g 30`, 'mp4');
  const tracks = new FlvTrackReader();
  // `vpcC` begins with its version and flags.
  const record = { hevc: () => box('hvcC'), av1: () => box('av1C'), vp9: () => box('vpcC')?.subarray(4) }[codec]();
  const header = { kind: 'sequence-header', codec, trackId: 0, description: record ?? new Uint8Array(0) } as const;
  const configs: TrackConfig[] = [];
  const units: PlacedSample[] = [];
  const read = (payload: Uint8Array, seconds: number) => {
    for (const event of tracks.readVideo(payload, 0)) {
      if (event.kind === 'config') configs.push(event.config);
      if (event.kind !== 'unit' || event.unit.kind !== 'video') continue;
      const { keyframe, data } = event.unit;
      const dtsTicks = Math.round(seconds * 90_000);
      units.push({ dtsTicks, durationTicks: 3_000, compositionOffsetTicks: 0, keyframe, data });
    }
  };
  read(encodeVideoTag(header), 0);
  for (const { data, keyframe, presentationSeconds } of packets) {
    read(
      encodeVideoTag({ kind: 'frame', codec, trackId: 0, keyframe, compositionOffsetMs: 0, data }),
      presentationSeconds,
    );
  }
  const config = configs.find((candidate) => candidate.kind === 'video');
  if (config === undefined || config.kind !== 'video' || !isCmafTrack(config)) throw new Error(`there is no ${codec}`);
  return { config, units };
}
