import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../../src/formats/media/access-unit.ts';
import { decodeMp4, openMp4 } from '../../../src/formats/mp4-index/mp4-media.ts';
import { sampleVideos } from '../../support/sample-tracks.ts';
import { StoredBytes } from '../../support/stored-bytes.ts';
import {
  aacEntry,
  avcEntry,
  fragmentedMp4,
  mp4Box,
  type SyntheticFragment,
  type SyntheticSample,
  syntheticMp4,
  type SyntheticTrack,
} from '../../support/synthetic-mp4.ts';

const picture: fc.Arbitrary<SyntheticSample> = fc.record({
  durationTicks: fc.integer({ min: 1_500, max: 9_000 }),
  compositionOffsetTicks: fc.integer({ min: -3_000, max: 9_000 }),
  sync: fc.boolean(),
  data: fc.uint8Array({ minLength: 1, maxLength: 9 }),
});
const sound: fc.Arbitrary<SyntheticSample> = fc.record({
  durationTicks: fc.constant(1_024),
  compositionOffsetTicks: fc.constant(0),
  sync: fc.constant(true),
  data: fc.uint8Array({ minLength: 1, maxLength: 9 }),
});

const files = fc.record({
  pictures: fc.array(picture, { minLength: 1, maxLength: 40 }).map(([first, ...others]) => {
    return first === undefined ? [] : [{ ...first, sync: true, compositionOffsetTicks: -3_000 }, ...others];
  }),
  sounds: fc.array(sound, { minLength: 1, maxLength: 60 }),
  /** Samples of pictures and sound that each fragment has, over and over. */
  runs: fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 12 })), {
    minLength: 1,
    maxLength: 4,
  }),
  together: fc.boolean(),
  between: fc.constantFrom(new Uint8Array(0), mp4Box('styp', new Uint8Array(8)), mp4Box('free')),
});

type File = typeof files extends fc.Arbitrary<infer Value> ? Value : never;

function tracksOf({ pictures, sounds }: File): SyntheticTrack[] {
  return [
    { handler: 'vide', timescale: 90_000, entries: [avcEntry(sampleVideos.avc.record)], samples: pictures },
    { handler: 'soun', timescale: 48_000, entries: [aacEntry()], samples: sounds },
  ];
}

function fragmentsOf({ pictures, sounds, runs, together }: File): SyntheticFragment[] {
  const fragments: SyntheticFragment[] = [];
  let picture = 0;
  let sound = 0;
  for (let round = 0; picture < pictures.length || sound < sounds.length; round++) {
    const [ofPictures, ofSounds] = runs[round % runs.length] ?? [1, 1];
    const both = [
      { track: 0, samples: pictures.slice(picture, picture + ofPictures) },
      { track: 1, samples: sounds.slice(sound, sound + ofSounds) },
    ].filter(({ samples }) => samples.length > 0);
    picture += ofPictures;
    sound += ofSounds;
    fragments.push(...(together ? [{ runs: both }] : both.map((run) => ({ runs: [run] }))));
  }
  return fragments;
}

function opened(bytes: Uint8Array) {
  const file = new StoredBytes(bytes);
  const media = file.read(openMp4(bytes.length));
  const unitsFrom = (timeMs: number, of = media) =>
    [...file.items(file.read(of.cursorAt(timeMs)))].flatMap((item) => (item.kind === 'unit' ? [item.unit] : []));
  return { media, unitsFrom };
}

const ofKind = (units: readonly AccessUnit[], kind: 'video' | 'audio') => units.filter((unit) => unit.kind === kind);

describe('openMp4 with fragments', () => {
  it('plays what a file with the same samples in a table plays, from anywhere, also from what it has kept', () => {
    fc.assert(
      fc.property(
        files,
        fc.array(fc.integer({ min: -10, max: 3_000 }), { minLength: 1, maxLength: 4 }),
        (file, times) => {
          const whole = opened(syntheticMp4(tracksOf(file)));
          const fragmented = opened(fragmentedMp4(tracksOf(file), fragmentsOf(file), file.between));
          expect(fragmented.media.trackConfigs).toEqual(whole.media.trackConfigs);
          expect(fragmented.media.durationMs).toBeCloseTo(whole.media.durationMs, 6);
          const kept = decodeMp4(fragmented.media.encode());
          const units = whole.unitsFrom(0);
          for (const kind of ['video', 'audio'] as const) {
            expect(ofKind(fragmented.unitsFrom(0), kind)).toEqual(ofKind(units, kind));
          }
          for (const timeMs of times) {
            const expected = whole.unitsFrom(timeMs);
            const pictures = ofKind(fragmented.unitsFrom(timeMs), 'video');
            expect(pictures).toEqual(ofKind(expected, 'video'));
            expect(fragmented.unitsFrom(timeMs, kept)).toEqual(fragmented.unitsFrom(timeMs));
            const sounds = ofKind(fragmented.unitsFrom(timeMs), 'audio');
            expect(sounds).toEqual(ofKind(units, 'audio').slice(ofKind(units, 'audio').length - sounds.length));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('interleaves tracks whose fragments are of one track each', () => {
    const samples = (count: number, durationTicks: number): SyntheticSample[] =>
      Array.from({ length: count }, (_, at) => ({
        durationTicks,
        compositionOffsetTicks: 0,
        sync: true,
        data: Uint8Array.of(at),
      }));
    const file = { pictures: samples(75, 3_600), sounds: samples(140, 1_024), together: false };
    const tracks = tracksOf({ ...file, runs: [], between: new Uint8Array(0) });
    const fragments = fragmentsOf({ ...file, runs: [[25, 47]], between: new Uint8Array(0) });
    const { unitsFrom } = opened(fragmentedMp4(tracks, fragments));
    const times = unitsFrom(0).map(({ timestampMs }) => timestampMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times).toHaveLength(215);
  });
});
