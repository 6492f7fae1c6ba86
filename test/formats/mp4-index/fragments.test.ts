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
  fullMp4Box,
  joined,
  mp4Box,
  type SyntheticFragment,
  type SyntheticSample,
  syntheticMp4,
  type SyntheticTrack,
  u32,
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
  base: fc.constantFrom('moof', 'said', 'implied'),
});

type File = typeof files extends fc.Arbitrary<infer Value> ? Value : never;

function tracksOf({ pictures, sounds }: Pick<File, 'pictures' | 'sounds'>): SyntheticTrack[] {
  return [
    { handler: 'vide', timescale: 90_000, entries: [avcEntry(sampleVideos.avc.record)], samples: pictures },
    { handler: 'soun', timescale: 48_000, entries: [aacEntry()], samples: sounds },
  ];
}

function fragmentsOf({
  pictures,
  sounds,
  runs,
  together,
}: Pick<File, 'pictures' | 'sounds' | 'runs' | 'together'>): SyntheticFragment[] {
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

/** Frames of one length, each told apart by its data. */
function evenSamples(count: number, durationTicks: number): SyntheticSample[] {
  return Array.from({ length: count }, (_, at) => ({
    durationTicks,
    compositionOffsetTicks: 0,
    sync: true,
    data: Uint8Array.of(at >> 8, at & 0xff),
  }));
}

/** What stands behind the `moov`, each `moof` with its `mdat`. */
function fragmentsIn(bytes: Uint8Array, from: number): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const pieces: Uint8Array[] = [];
  for (let at = from; at < bytes.length; ) {
    const moofBytes = view.getUint32(at);
    const end = at + moofBytes + view.getUint32(at + moofBytes);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

interface SegmentReference {
  readonly bytes: number;
  readonly toIndex: boolean;
  readonly ticks: number;
}

const padding = new Uint8Array(1_000);

/** A segment index of the first track, of what lies right behind it. */
function sidx(ticks: number, references: readonly SegmentReference[]): Uint8Array {
  const entries = references.map(({ bytes, toIndex, ticks }) =>
    u32(bytes + (toIndex ? 2 ** 31 : 0), ticks, 0x9000_0000),
  );
  return fullMp4Box('sidx', 0, 0, u32(1, 90_000, ticks, 0, references.length), ...entries);
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
          const fragmented = opened(
            fragmentedMp4(tracksOf(file), fragmentsOf(file), file.between, { ...file, decodeTimes: true }),
          );
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
    const file = { pictures: evenSamples(75, 3_600), sounds: evenSamples(140, 1_024), together: false };
    const tracks = tracksOf(file);
    const fragments = fragmentsOf({ ...file, runs: [[25, 47]] });
    const { unitsFrom } = opened(fragmentedMp4(tracks, fragments));
    const times = unitsFrom(0).map(({ timestampMs }) => timestampMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times).toHaveLength(215);
  });

  it.each(['moof', 'said', 'implied'] as const)(
    'goes on where the fragment before it ended, with data counted from where the %s base is, without a decode time',
    (base) => {
      const pictures = evenSamples(75, 3_600).map((sample, at) => ({ ...sample, sync: at % 5 === 0 }));
      const file = { pictures, sounds: evenSamples(140, 1_024) };
      const tracks = tracksOf(file);
      const fragments = fragmentsOf({ ...file, runs: [[5, 9]], together: true });
      const none = new Uint8Array(0);
      const timed = opened(fragmentedMp4(tracks, fragments));
      const untimed = opened(fragmentedMp4(tracks, fragments, none, { base, decodeTimes: false }));
      expect(untimed.unitsFrom(0)).toEqual(timed.unitsFrom(0));
      expect(untimed.media.durationMs).toBeCloseTo(timed.media.durationMs, 6);
      for (const timeMs of [199, 1_000, 2_950]) {
        expect(ofKind(untimed.unitsFrom(timeMs), 'video')).toEqual(ofKind(timed.unitsFrom(timeMs), 'video'));
      }
    },
  );

  it('finds fragments by segment indexes that refer to others, and looks at none of them but the last', () => {
    // So long that no look at one fragment brings the next.
    const pictures = evenSamples(600, 3_600).map((sample) => ({ ...sample, data: joined([sample.data, padding]) }));
    const tracks = tracksOf({ pictures, sounds: [] }).slice(0, 1);
    const [track] = tracks;
    const runs = Array.from({ length: 60 }, (_, at) => track?.samples.slice(at * 10, at * 10 + 10) ?? []);
    const plain = fragmentedMp4(
      tracks,
      runs.map((samples) => ({ runs: [{ track: 0, samples }] })),
    );
    const head = fragmentedMp4(tracks, []);
    const pieces = fragmentsIn(plain, head.length);
    expect(pieces).toHaveLength(60);
    const ticksPerPiece = 36_000;
    const groups = [0, 1, 2].map((group) => {
      const own = pieces.slice(group * 20, group * 20 + 20);
      const references = own.map(({ length }) => ({ bytes: length, toIndex: false, ticks: ticksPerPiece }));
      return joined([sidx(group * 20 * ticksPerPiece, references), ...own]);
    });
    const root = groups.map(({ length }) => ({ bytes: length, toIndex: true, ticks: 20 * ticksPerPiece }));
    const file = new StoredBytes(joined([head, sidx(0, root), ...groups]));
    const media = file.read(openMp4(file.bytes.length));
    const walked = new StoredBytes(plain);
    const expected = walked.read(openMp4(plain.length));
    expect(media.durationMs).toBeCloseTo(expected.durationMs, 6);
    expect(media.index.fragments?.timesMs).toEqual(expected.index.fragments?.timesMs);
    for (const offset of media.index.fragments?.offsets ?? []) {
      expect(String.fromCharCode(...file.bytes.subarray(offset + 4, offset + 8))).toBe('moof');
    }
    expect(file.requests).toBeLessThan(walked.requests / 3);
    const dataFrom = (of: StoredBytes, timeMs: number, from = media) => [...of.items(of.read(from.cursorAt(timeMs)))];
    expect(dataFrom(file, 17_250)).toEqual(dataFrom(walked, 17_250, expected));
  });
});
