import { describe, expect, it } from 'vitest';
import { openMp4 } from '../../../src/formats/mp4-index/mp4-media.ts';
import { sampleVideos } from '../../support/sample-tracks.ts';
import { StoredBytes } from '../../support/stored-bytes.ts';
import { aacEntry, avcEntry, type SyntheticSample, syntheticMp4 } from '../../support/synthetic-mp4.ts';

function opened(bytes: Uint8Array) {
  const file = new StoredBytes(bytes);
  const media = file.read(openMp4(bytes.length));
  const items = [...file.items(file.read(media.cursorAt(0)))];
  return { media, units: items.flatMap((item) => (item.kind === 'unit' ? [item.unit] : [])) };
}

describe('openMp4, of what tracks say of themselves', () => {
  it('leaves out a track whose media is in another file, and says so where there is no other', () => {
    const samples = (sizeBytes: number): SyntheticSample[] =>
      [1, 2, 3].map((value) => ({
        durationTicks: 1_024,
        compositionOffsetTicks: 0,
        sync: true,
        data: new Uint8Array(sizeBytes).fill(value),
      }));
    const elsewhere = { elsewhere: 'pictures.mov' };
    const pictures = {
      handler: 'vide',
      timescale: 48_000,
      entries: [avcEntry(sampleVideos.avc.record)],
      samples: samples(5),
    } as const;
    const sounds = { handler: 'soun', timescale: 48_000, entries: [aacEntry()], samples: samples(7) } as const;
    const { media, units } = opened(syntheticMp4([{ ...pictures, ...elsewhere }, sounds]));
    expect(media.trackConfigs.map(({ kind }) => kind)).toEqual(['audio']);
    expect(units.map(({ data }) => data)).toEqual(sounds.samples.map(({ data }) => data));
    expect(() => opened(syntheticMp4([{ ...pictures, ...elsewhere }]))).toThrow('only avc1 in another file');
  });

  it('says how many pictures a second there are on average, and none of sound', () => {
    const samples = [3_000, 3_000, 6_000].map((durationTicks) => ({
      durationTicks,
      compositionOffsetTicks: 0,
      sync: true,
      data: Uint8Array.of(1),
    }));
    const pictures = {
      handler: 'vide',
      timescale: 90_000,
      entries: [avcEntry(sampleVideos.avc.record)],
      samples,
    } as const;
    const sounds = { handler: 'soun', timescale: 48_000, entries: [aacEntry()], samples } as const;
    expect(opened(syntheticMp4([sounds, pictures])).media.framesPerSecond).toBe(22.5);
    expect(opened(syntheticMp4([sounds])).media.framesPerSecond).toBeUndefined();
  });
});
