import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMp4, openMp4 } from '../../../src/formats/mp4-index/mp4-media.ts';
import type { AccessUnit } from '../../../src/formats/media/access-unit.ts';
import type { StoredItem } from '../../../src/formats/media/stored-media.ts';
import { sampleVideos } from '../../support/sample-tracks.ts';
import { StoredBytes } from '../../support/stored-bytes.ts';
import {
  aacEntry,
  avcEntry,
  bareMoov,
  joined,
  latin,
  mp4Box,
  type Mp4Writing,
  movieTimescale,
  plainWriting,
  type SyntheticSample,
  syntheticMp4,
  type SyntheticTrack,
  u32,
} from '../../support/synthetic-mp4.ts';

const writing: fc.Arbitrary<Mp4Writing> = fc.record({
  moovFirst: fc.boolean(),
  wideOffsets: fc.boolean(),
  wideBoxes: fc.boolean(),
  compactSizes: fc.constantFrom(0, 4, 8, 16),
  version1: fc.boolean(),
  padded: fc.boolean(),
  gapBytes: fc.integer({ min: 0, max: 9 }),
  chunkSamples: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
  interleaved: fc.boolean(),
});

/** Short enough for sizes of four bits. */
const sampleData = fc.uint8Array({ minLength: 1, maxLength: 15 });
const picture: fc.Arbitrary<SyntheticSample> = fc.record({
  durationTicks: fc.integer({ min: 1, max: 9_000 }),
  compositionOffsetTicks: fc.integer({ min: 0, max: 9_000 }),
  sync: fc.boolean(),
  data: sampleData,
});
const sound: fc.Arbitrary<SyntheticSample> = fc.record({
  durationTicks: fc.constantFrom(1_024, 1_024, 1_024, 960),
  compositionOffsetTicks: fc.constant(0),
  sync: fc.constant(true),
  data: sampleData,
});

const avcRecord = sampleVideos.avc.record;
/** The same with another level: another configuration. */
const otherAvcRecord = avcRecord.map((byte, index) => (index === 3 ? 0x1e : byte));

const files = fc.record({
  pictures: fc.array(picture, { minLength: 1, maxLength: 40 }).map(([first, ...others]) => {
    return first === undefined ? [] : [{ ...first, sync: true }, ...others];
  }),
  pictureTimescale: fc.constantFrom(1, 25, 600, 30_000, 90_000, 2 ** 31),
  sounds: fc.array(sound, { maxLength: 60 }),
  soundTimescale: fc.constantFrom(44_100, 48_000),
  delayTicks: fc.integer({ min: 0, max: 3_000 }),
  writing,
});

type SyntheticFile = typeof files extends fc.Arbitrary<infer Value> ? Value : never;

function tracksOf({ pictures, pictureTimescale, sounds, soundTimescale, delayTicks }: SyntheticFile): SyntheticTrack[] {
  const total = pictures.reduce((sum, { durationTicks }) => sum + durationTicks, 0);
  const leastMs = Math.ceil(((total + 9_000) * movieTimescale) / pictureTimescale) + 1;
  return [
    {
      handler: 'vide',
      timescale: pictureTimescale,
      entries: [avcEntry(avcRecord)],
      samples: pictures,
      edits: [
        { durationTicks: delayTicks, mediaTimeTicks: -1 },
        { durationTicks: Math.min(leastMs, 2 ** 32 - 1), mediaTimeTicks: 0 },
      ],
    },
    ...(sounds.length === 0
      ? []
      : [{ handler: 'soun', timescale: soundTimescale, entries: [aacEntry()], samples: sounds } as const]),
  ];
}

function opened(bytes: Uint8Array) {
  const file = new StoredBytes(bytes);
  const media = file.read(openMp4(bytes.length));
  return { file, media, items: [...file.items(file.read(media.cursorAt(0)))] };
}

function unitsOf(items: readonly StoredItem[]): AccessUnit[] {
  return items.flatMap((item) => (item.kind === 'unit' ? [item.unit] : []));
}

/** To the nearest millisecond, halves upwards, with numbers that are never rounded before. */
function exactMs(ticks: number, timescale: number): number {
  return Number((BigInt(ticks) * 2_000n + BigInt(timescale)) / (2n * BigInt(timescale)));
}

describe('openMp4', () => {
  it('plays every sample of every track with its data and its time, however the file says it', () => {
    fc.assert(
      fc.property(files, (file) => {
        const totalMs =
          file.pictures.reduce((sum, { durationTicks }) => sum + durationTicks, 0) / file.pictureTimescale;
        fc.pre(totalMs < 1e6);
        const { items } = opened(syntheticMp4(tracksOf(file), file.writing));
        const units = unitsOf(items);
        const expected = (samples: readonly SyntheticSample[], timescale: number, delayMs: number) => {
          let ticks = 0;
          return samples.map(({ durationTicks, compositionOffsetTicks, data, sync }) => {
            const decodeMs = exactMs(ticks, timescale) + delayMs;
            const presentationMs = exactMs(ticks + compositionOffsetTicks, timescale) + delayMs;
            ticks += durationTicks;
            return { decodeMs, presentationMs, data, sync };
          });
        };
        const found = (kind: 'video' | 'audio') =>
          units
            .filter((unit) => unit.kind === kind)
            .map((unit) => ({
              decodeMs: unit.timestampMs,
              presentationMs: unit.timestampMs + (unit.kind === 'video' ? unit.compositionOffsetMs : 0),
              data: unit.data,
              sync: unit.kind === 'audio' || unit.keyframe,
            }));
        expect(found('video')).toEqual(expected(file.pictures, file.pictureTimescale, file.delayTicks));
        expect(found('audio')).toEqual(expected(file.sounds, file.soundTimescale, 0));
        expect(units.every(({ timestampMs }, at) => timestampMs >= (units[at - 1]?.timestampMs ?? 0))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('begins at the keyframe at or before any time, and goes on as from the beginning', () => {
    fc.assert(
      fc.property(files, fc.nat({ max: 5_000 }), (file, timeMs) => {
        fc.pre(file.pictureTimescale > 100);
        const { file: bytes, media, items } = opened(syntheticMp4(tracksOf(file), file.writing));
        const pictures = unitsOf(items).filter((unit) => unit.kind === 'video');
        const starts = pictures.filter((unit) => unit.kind === 'video' && unit.keyframe);
        const cursor = bytes.read(media.cursorAt(timeMs));
        const rest = unitsOf([...bytes.items(cursor)]);
        const start = starts.findLast(({ timestampMs }) => timestampMs <= timeMs) ?? starts[0];
        const [first] = rest.filter((unit) => unit.kind === 'video');
        expect(first?.timestampMs).toBe(start?.timestampMs);
        expect(rest.filter((unit) => unit.kind === 'video')).toEqual(
          pictures.slice(-rest.filter((unit) => unit.kind === 'video').length),
        );
        expect(cursor.startMs).toBe(rest[0]?.timestampMs);
        if (start !== starts[0]) {
          expect(rest.every(({ timestampMs }) => timestampMs >= cursor.startMs)).toBe(true);
        }
        expect(unitsOf(items).filter(({ kind }) => kind === 'audio').length).toBeGreaterThanOrEqual(
          rest.filter(({ kind }) => kind === 'audio').length,
        );
      }),
      { numRuns: 300 },
    );
  });

  it('lists the keyframes where they are and when they are sent', () => {
    fc.assert(
      fc.property(files, (file) => {
        fc.pre(file.pictureTimescale > 100);
        const bytes = syntheticMp4(tracksOf(file), file.writing);
        const { media, items } = opened(bytes);
        const keyframes = unitsOf(items).filter((unit) => unit.kind === 'video' && unit.keyframe);
        const { timesMs, offsets } = media.keyframes;
        // Of those at the same time one.
        expect([...new Set(timesMs)]).toEqual([...new Set(keyframes.map(({ timestampMs }) => timestampMs))]);
        offsets.forEach((offset, at) => {
          const same = keyframes.filter(({ timestampMs }) => timestampMs === timesMs[at]);
          const there = bytes.subarray(offset, offset + 20);
          expect(same.some(({ data }) => data.every((byte, index) => byte === there[index]))).toBe(true);
        });
      }),
    );
  });

  it('keeps what it knows: what is decoded from it plays the same', () => {
    fc.assert(
      fc.property(files, fc.nat(), (file, flip) => {
        fc.pre(file.pictureTimescale > 100);
        const { file: bytes, media, items } = opened(syntheticMp4(tracksOf(file), file.writing));
        const record = media.encode();
        const again = decodeMp4(record);
        expect([...bytes.items(bytes.read(again.cursorAt(0)))]).toEqual(items);
        expect(again.encode()).toEqual(record);
        record[flip % record.length] = (record[flip % record.length] ?? 0) ^ 0x10;
        expect(() => decodeMp4(record)).toThrow(/MEDIA_RECORD/);
      }),
    );
  });

  it('is handed to another thread before it is packed, and plays on when its tables are replaced by packed ones', () => {
    fc.assert(
      fc.property(files, fc.nat(), (file, at) => {
        const { file: bytes, media, items } = opened(syntheticMp4(tracksOf(file), file.writing));
        const { record, beside } = structuredClone(media.share());
        const handed = decodeMp4(record, beside);
        expect(handed).toEqual(media);
        const playing = bytes.items(bytes.read(handed.cursorAt(0)));
        const before = Array.from({ length: at % (items.length + 1) }, () => playing.next().value);
        handed.replaceTables(decodeMp4(media.encode()));
        expect([...before, ...playing]).toEqual(items);
      }),
    );
  });

  it('tells a configuration before the first sample of another description, in the middle and after a seek', () => {
    const samples = Array.from({ length: 12 }, (_, index) => ({
      durationTicks: 40,
      compositionOffsetTicks: 0,
      sync: true,
      data: Uint8Array.of(0, 0, 0, 1, index),
    }));
    const track = { handler: 'vide', timescale: 1_000, samples } as const;
    const entries = [avcEntry(avcRecord), avcEntry(otherAvcRecord)];
    const { file, media, items } = opened(
      syntheticMp4([{ ...track, entries }], { ...plainWriting, chunkSamples: [4] }),
    );
    const told = (all: readonly StoredItem[]) =>
      all.map((item) => (item.kind === 'config' ? item.config.codecString : item.kind));
    expect(media.trackConfigs.map(({ codecString }) => codecString)).toEqual(['avc1.64000c']);
    const four = ['unit', 'unit', 'unit', 'unit'];
    // The string is that of the parameter set, which is the same: the record is not.
    expect(told(items)).toEqual([...four, 'avc1.64000c', ...four, 'avc1.64000c', ...four]);
    const configs = items.flatMap((item) => (item.kind === 'config' ? [item.config.description] : []));
    expect(configs).toEqual([otherAvcRecord, avcRecord]);
    expect(told([...file.items(file.read(media.cursorAt(200)))])).toEqual(told(items).slice(4).toSpliced(1, 1));
    expect(told([...file.items(file.read(media.cursorAt(400)))])).toEqual(['unit', 'unit']);
  });

  it('shifts all tracks alike where the edit list has sound begin before the first picture', () => {
    const pictures = [0, 1, 2].map((index) => ({
      durationTicks: 1_000,
      compositionOffsetTicks: 2_000,
      sync: index === 0,
      data: Uint8Array.of(index),
    }));
    const sounds = Array.from({ length: 8 }, (_, index) => ({
      durationTicks: 1_024,
      compositionOffsetTicks: 0,
      sync: true,
      data: Uint8Array.of(index),
    }));
    const { media, items } = opened(
      syntheticMp4([
        {
          handler: 'vide',
          timescale: 25_000,
          entries: [avcEntry(avcRecord)],
          samples: pictures,
          edits: [{ durationTicks: 120, mediaTimeTicks: 2_000 }],
        },
        {
          handler: 'soun',
          timescale: 48_000,
          entries: [aacEntry()],
          samples: sounds,
          edits: [{ durationTicks: 149, mediaTimeTicks: 1_024 }],
        },
      ]),
    );
    // Two pictures of 40 ms are decoded before the first is shown; sound has 21.3 ms of priming.
    expect(media.index.shiftMs).toBe(80);
    const times = (kind: 'video' | 'audio') =>
      unitsOf(items).flatMap((unit) => (unit.kind === kind ? [unit.timestampMs] : []));
    expect(times('video')).toEqual([0, 40, 80]);
    expect(times('audio')).toEqual([59, 80, 101, 123, 144, 165, 187, 208]);
    expect(media.durationMs).toBeCloseTo(80 + 149.333, 2);
  });

  it('shows the pieces that several edits name, one behind the other, from the keyframes that they need', () => {
    const samples = Array.from({ length: 20 }, (_, index) => ({
      durationTicks: 100,
      compositionOffsetTicks: 0,
      sync: index % 5 === 0,
      data: Uint8Array.of(index),
    }));
    const { file, media, items } = opened(
      syntheticMp4([
        {
          handler: 'vide',
          timescale: 1_000,
          entries: [avcEntry(avcRecord)],
          samples,
          edits: [
            { durationTicks: 300, mediaTimeTicks: 1_200 },
            { durationTicks: 500, mediaTimeTicks: -1 },
            { durationTicks: 200, mediaTimeTicks: 500 },
          ],
        },
      ]),
    );
    const shown = unitsOf(items).map((unit) => [unit.data[0], unit.timestampMs]);
    expect(shown).toEqual([
      [10, 0],
      [11, 0],
      [12, 0],
      [13, 100],
      [14, 200],
      [5, 800],
      [6, 900],
    ]);
    expect([...media.keyframes.timesMs]).toEqual([0, 800]);
    const later = file.read(media.cursorAt(850));
    expect(later.startMs).toBe(800);
    expect(unitsOf([...file.items(later)]).map(({ data }) => data[0])).toEqual([5, 6]);
    expect(media.durationMs).toBe(1_000);
  });

  it('has two hours of large pictures and sound in 4 MiB, after less than 12 MiB of the file', () => {
    const pictures = 2 * 3_600 * 30;
    const { moov, mediaBytes } = longMoov(pictures);
    const head = joined([mp4Box('ftyp', latin('isom'), u32(0)), u32(mediaBytes + 8), latin('mdat')]);
    const moovAt = head.length + mediaBytes;
    const lengthBytes = moovAt + moov.length;
    let askedBytes = 0;
    let largest = 0;
    const reading = openMp4(lengthBytes);
    let step = reading.next();
    while (step.done !== true) {
      const { from, to } = step.value;
      askedBytes += to - from;
      largest = Math.max(largest, to - from);
      const bytes = new Uint8Array(to - from);
      if (from < head.length) bytes.set(head.subarray(from, to));
      if (to > moovAt) bytes.set(moov.subarray(Math.max(0, from - moovAt), to - moovAt), Math.max(0, moovAt - from));
      step = reading.next(bytes);
    }
    const { index } = step.value;
    expect(index.tracks.map(({ table }) => table.count)).toEqual([pictures, (pictures * 25) / 16]);
    expect(index.durationMs).toBeCloseTo(7_200_000 + 66.667, 2);
    expect(step.value.keyframes.timesMs).toHaveLength(pictures / 60);
    expect(step.value.encode().length).toBeLessThan(4 * 2 ** 20);
    expect(askedBytes).toBeLessThan(12 * 2 ** 20);
    expect(largest).toBeLessThanOrEqual(2 ** 20);
    const last = index.tracks.map(({ table }) => table.sample(table.count - 1));
    expect(Math.max(...last.map(({ offset, sizeBytes }) => offset + sizeBytes))).toBe(moovAt);
    // Nothing has added up: exactly as many ticks as there are.
    expect(last.map(({ decodeTicks }) => decodeTicks)).toEqual([
      (pictures - 1) * 512,
      ((pictures * 25) / 16 - 1) * 1_024,
    ]);
  });
});

/** As ffmpeg interleaves: for each picture a chunk of its own, and one of the frames of sound beside it. */
function longMoov(pictures: number): { moov: Uint8Array; mediaBytes: number } {
  const noise = (index: number) => (Math.imul(index + 1, 2_654_435_761) >>> 8) % 8_000;
  const pictureSizes = Uint32Array.from({ length: pictures }, (_, at) => (at % 60 === 0 ? 90_000 : 3_000) + noise(at));
  const soundSizes = Uint32Array.from({ length: (pictures * 25) / 16 }, (_, at) => 300 + (noise(at) % 100));
  const pictureOffsets = new Float64Array(pictures);
  const soundOffsets = new Float64Array(pictures);
  const samplesToChunks: number[] = [];
  let at = 24;
  let sounds = 0;
  for (let picture = 0; picture < pictures; picture++) {
    pictureOffsets[picture] = at;
    at += pictureSizes[picture] ?? 0;
    soundOffsets[picture] = at;
    const end = Math.floor(((picture + 1) * 25) / 16);
    samplesToChunks.push(picture + 1, end - sounds, 1);
    while (sounds < end) at += soundSizes[sounds++] ?? 0;
  }
  // Pictures in the order I P B B, shown two later.
  const reordering = [2, 4, 1, 1].map((later) => later * 512);
  const moov = bareMoov([
    {
      handler: 'vide',
      timescale: 15_360,
      entry: avcEntry(avcRecord),
      durationTicks: 512,
      compositionOffsets: Array.from({ length: pictures * 2 }, (_, at) =>
        at % 2 === 0 ? 1 : (reordering[(at >> 1) % 4] ?? 0),
      ),
      syncs: Array.from({ length: pictures / 60 }, (_, at) => at * 60 + 1),
      sizes: pictureSizes,
      samplesToChunks: [1, 1, 1],
      chunkOffsets: pictureOffsets,
    },
    {
      handler: 'soun',
      timescale: 48_000,
      entry: aacEntry(),
      durationTicks: 1_024,
      compositionOffsets: undefined,
      syncs: undefined,
      sizes: soundSizes,
      samplesToChunks,
      chunkOffsets: soundOffsets,
    },
  ]);
  return { moov, mediaBytes: at - 24 };
}
