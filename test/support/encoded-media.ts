import { readFile, rm } from 'node:fs/promises';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FlvReader } from '../../src/formats/flv/flv-file.ts';
import { FlvTrackReader } from '../../src/formats/flv/track-reader.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { eachOnce } from './each-once.ts';
import { run } from './ffmpeg.ts';

/** What a publisher sends: configurations and access units, in the order of a file. */
export interface EncodedMedia {
  readonly configs: readonly TrackConfig[];
  readonly units: readonly AccessUnit[];
}

/** Lets ffmpeg write FLV (`inputs` and `output`: its options) and reads the file that comes out; once for all who ask. */
const encodeMedia = eachOnce(encodeMediaAnew);

async function encodeMediaAnew(inputs: readonly string[], output: readonly string[]): Promise<EncodedMedia> {
  const folder = await mkdtemp(join(tmpdir(), 'streamfront-media-'));
  try {
    const file = join(folder, 'media.flv');
    const result = await run('ffmpeg', ['-nostdin', '-y', '-v', 'error', ...inputs, ...output, '-f', 'flv', file]);
    if (result.code !== 0) throw new Error(`ffmpeg could not encode:\n${result.standardError}`);
    return mediaOfFlv(await readFile(file));
  } finally {
    await rm(folder, { recursive: true });
  }
}

export function mediaOfFlv(bytes: Uint8Array): EncodedMedia {
  const configs: TrackConfig[] = [];
  const units: AccessUnit[] = [];
  const tracks = new FlvTrackReader();
  for (const { typeId, timestampMs, payload } of new FlvReader({ maxTagBytes: 8_388_608 }).push(bytes)) {
    if (typeId !== messageType.video && typeId !== messageType.audio) continue;
    const events =
      typeId === messageType.video ? tracks.readVideo(payload, timestampMs) : tracks.readAudio(payload, timestampMs);
    for (const event of events) {
      if (event.kind === 'config') configs.push(event.config);
      else if (event.kind === 'unit') units.push(event.unit);
    }
  }
  return { configs, units };
}

/** Thirty pictures a second with B-frames and a keyframe every two seconds, and AAC at 48 kHz. */
export function encodeClip(seconds: number, extra: readonly string[] = []): Promise<EncodedMedia> {
  return encodeMedia(
    ['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=30:duration=${seconds}`, ...tone(440, seconds)],
    ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '60', '-keyint_min', '60', '-sc_threshold', '0', '-bf', '2']
      .concat(['-pix_fmt', 'yuv420p', '-c:a', 'aac', '-ac', '2', '-b:a', '96k'])
      .concat(extra),
  );
}

/** A sine as AAC at 48 kHz. */
export function encodeTone(hertz: number, seconds: number): Promise<EncodedMedia> {
  return encodeMedia(tone(hertz, seconds), ['-c:a', 'aac', '-ac', '2', '-b:a', '96k']);
}

/** The pictures of a file as they are, over and over. */
export function loopPictures(file: string, seconds: number): Promise<EncodedMedia> {
  return encodeMedia(['-stream_loop', '-1', '-i', file], ['-map', '0:v', '-c', 'copy', '-t', `${seconds}`]);
}

function tone(hertz: number, seconds: number): readonly string[] {
  return ['-f', 'lavfi', '-i', `sine=frequency=${hertz}:sample_rate=48000:duration=${seconds}`];
}
