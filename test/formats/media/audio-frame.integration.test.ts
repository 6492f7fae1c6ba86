import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { initSegment } from '../../../src/formats/cmaf/init-segment.ts';
import { mediaPart } from '../../../src/formats/cmaf/media-part.ts';
import { ac3TrackConfig } from '../../../src/formats/ac3/access-unit.ts';
import { flacTrackConfig } from '../../../src/formats/flac/stream-info.ts';
import { audioFrameSamples, silenceAfter } from '../../../src/formats/media/audio-frame.ts';
import type { AudioTrackConfig } from '../../../src/formats/media/track.ts';
import { mp3TrackConfig } from '../../../src/formats/mp3/frame-header.ts';
import { opusTrackConfig } from '../../../src/formats/opus/identification-header.ts';
import { encodeTrack, type EncodedTrack } from '../../support/encoded-tracks.ts';
import { run } from '../../support/ffmpeg.ts';

type ConfigOf = (track: EncodedTrack) => AudioTrackConfig;

const nothing = new Uint8Array(0);
const opus: ConfigOf = ({ description }) => opusTrackConfig(description ?? nothing);
const flac: ConfigOf = ({ description }) => flacTrackConfig(description ?? nothing);
const mp3: ConfigOf = ({ packets }) => mp3TrackConfig(packets[0]?.data ?? nothing);
const ac3: ConfigOf = ({ packets }) => ac3TrackConfig('ac3', packets[0]?.data ?? nothing);
const eac3: ConfigOf = ({ packets }) => ac3TrackConfig('eac3', packets[0]?.data ?? nothing);

const cases: readonly (readonly [options: string, ending: string, configOf: ConfigOf])[] = [
  ...[2.5, 5, 10, 20, 40, 60].map((ms) => [`-c:a libopus -ac 2 -frame_duration ${ms}`, 'webm', opus] as const),
  ['-c:a libopus -ac 1 -b:a 12k -application voip', 'webm', opus],
  ['-c:a libopus -ac 6 -mapping_family 1', 'webm', opus],
  ['-c:a flac -strict -2 -ac 2', 'mp4', flac],
  ['-c:a flac -strict -2 -ac 1 -ar 96000 -sample_fmt s32', 'mp4', flac],
  ['-c:a flac -strict -2 -ac 6 -frame_size 1000', 'mp4', flac],
  ['-c:a libmp3lame -ac 2 -b:a 128k', 'mp4', mp3],
  ['-c:a libmp3lame -ac 1 -ar 44100 -q:a 4', 'mp4', mp3],
  ['-c:a libmp3lame -ac 2 -ar 22050 -b:a 64k', 'mp4', mp3],
  ...['1', '2', '6'].flatMap((channels) => [
    [`-c:a ac3 -ac ${channels}`, 'mp4', ac3] as const,
    [`-c:a eac3 -ac ${channels}`, 'mp4', eac3] as const,
  ]),
  ['-c:a ac3 -ac 2 -ar 44100 -b:a 96k', 'mp4', ac3],
  ['-c:a ac3 -ac 6 -ar 32000 -b:a 640k', 'mp4', ac3],
  ['-c:a eac3 -ac 6 -ar 44100', 'mp4', eac3],
];

/** The loudest sample that ffmpeg decodes, from 0 to 1, and how many it decodes. */
async function decoded(config: AudioTrackConfig, frames: readonly { data: Uint8Array; samples: number }[]) {
  const folder = await mkdtemp(join(tmpdir(), 'streamfront-silence-'));
  try {
    const file = join(folder, 'audio.mp4');
    const samples = frames.map(({ data, samples: durationTicks }) => ({
      data,
      durationTicks,
      compositionOffsetTicks: 0,
      keyframe: true,
    }));
    const part = mediaPart({ sequenceNumber: 1, baseMediaDecodeTimeTicks: 0, samples });
    await writeFile(file, Buffer.concat([initSegment(config, config.sampleRate), part]));
    const pcm = join(folder, 'audio.f32');
    const result = await run('ffmpeg', [
      '-nostdin',
      '-v',
      'error',
      '-err_detect',
      'crccheck+bitstream',
      '-i',
      file,
      '-f',
      'f32le',
      '-y',
      pcm,
    ]);
    const bytes = await readFile(pcm);
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    return {
      errors: result.standardError,
      loudest: values.reduce((loudest, value) => Math.max(loudest, Math.abs(value)), 0),
      samples: values.length / config.channels,
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('audioFrameSamples', () => {
  it.each(cases)('is what each frame lasts: %s', async (options, ending, configOf) => {
    const track = await encodeTrack('sine=r=48000:d=0.5', options, ending);
    const config = configOf(track);
    const samples = track.packets.map(({ data }) => audioFrameSamples(config, data) ?? 0);
    expect(samples.length).toBeGreaterThan(3);
    // From one frame to the next; WebM rounds to milliseconds, MP4 does not.
    for (const [index, packet] of track.packets.slice(0, -1).entries()) {
      const next = track.packets[index + 1]?.presentationSeconds ?? 0;
      const seconds = (samples[index] ?? 0) / config.sampleRate;
      expect(Math.abs(next - packet.presentationSeconds - seconds)).toBeLessThan(ending === 'webm' ? 0.0016 : 1e-6);
    }
    expect(audioFrameSamples(config, nothing)).toBe(config.codec === 'ac3' ? config.samplesPerFrame : undefined);
  });
});

describe('silenceAfter', () => {
  it.each(cases)('is silence of the length that it states: %s', async (options, ending, configOf) => {
    const track = await encodeTrack('sine=r=48000:d=0.3', options, ending);
    const config = configOf(track);
    const last = track.packets.at(-1)?.data ?? nothing;
    const silence = silenceAfter(config, last);
    if (silence === undefined) throw new Error('no silence');
    expect(audioFrameSamples(config, silence.data)).toBe(silence.samples);

    const alone = await decoded(
      config,
      Array.from({ length: 10 }, () => silence),
    );
    expect(alone.errors).toBe('');
    expect(alone.loudest).toBeLessThan(1e-4);
    expect(alone.samples).toBeGreaterThan(silence.samples * 8);

    const sound = track.packets.map(({ data }) => ({ data, samples: audioFrameSamples(config, data) ?? 0 }));
    const within = await decoded(config, [...sound, silence, silence, ...sound]);
    expect(within.errors).toBe('');
    expect(within.loudest).toBeGreaterThan(0.05);
  });
});
