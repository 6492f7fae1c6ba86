import { describe, expect, it } from 'vitest';
import { flacTrackConfig } from '../../../src/formats/flac/stream-info.ts';
import { encodeTrack } from '../../support/encoded-tracks.ts';

describe('flacTrackConfig, ffprobe and mediabunny', () => {
  it.each([
    '-ac 1 -ar 8000',
    '-ac 2 -ar 44100',
    '-ac 6 -ar 48000',
    '-ac 2 -ar 96000 -sample_fmt s32',
    '-ac 8 -frame_size 1152',
  ])('agree on %s', async (options) => {
    const { probed, description, packets } = await encodeTrack(
      'sine=r=48000:d=0.5',
      `-c:a flac -strict -2 ${options}`,
      'mp4',
    );
    if (description === undefined) throw new Error('no FLAC header');
    const config = flacTrackConfig(description);
    expect(config).toMatchObject({ sampleRate: Number(probed.sample_rate), channels: probed.channels });
    // The last one may be shorter.
    for (const { durationSeconds } of packets.slice(0, -1)) {
      expect(Math.round(durationSeconds * config.sampleRate)).toBe(config.samplesPerFrame);
    }
    expect(config.description).toStrictEqual(description.subarray(0, 42));
    // As ffmpeg writes it into FLV, and as mpegts.js reads it.
    const block = description.subarray(8, 42);
    expect(flacTrackConfig(block)).toStrictEqual(config);
    expect(flacTrackConfig(Uint8Array.of(...description.subarray(0, 4), ...block))).toStrictEqual(config);
  });
});
