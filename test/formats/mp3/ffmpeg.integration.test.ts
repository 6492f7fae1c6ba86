import { describe, expect, it } from 'vitest';
import { mp3TrackConfig } from '../../../src/formats/mp3/frame-header.ts';
import { encodeTrack } from '../../support/encoded-tracks.ts';

describe('mp3TrackConfig, ffprobe and mediabunny', () => {
  it.each([48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000])('agree on %i Hz', async (rate) => {
    for (const channels of [1, 2]) {
      const options = `-c:a libmp3lame -ac ${channels} -ar ${rate} -write_xing 0`;
      const { probed, packets } = await encodeTrack(`sine=r=${rate}:d=0.4`, options, 'mp3');
      const [first] = packets;
      if (first === undefined) throw new Error('no frame');
      const config = mp3TrackConfig(first.data);
      expect(config).toMatchObject({ sampleRate: Number(probed.sample_rate), channels: probed.channels });
      expect(Math.round(first.durationSeconds * rate)).toBe(config.samplesPerFrame);
      for (const { data } of packets) expect(mp3TrackConfig(data)).toEqual(config);
    }
  });
});
