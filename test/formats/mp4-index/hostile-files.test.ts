import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LimitError, ProtocolError } from '../../../src/base/errors.ts';
import { defaultMp4Limits } from '../../../src/formats/mp4-index/limits.ts';
import { openMp4 } from '../../../src/formats/mp4-index/mp4-media.ts';
import { hostileTrack } from '../../corpus/mp4/hostile-file.ts';
import { hostileFiles } from '../../corpus/mp4/hostile-files.ts';
import { hostileFragments } from '../../corpus/mp4/hostile-fragments.ts';
import { StoredBytes } from '../../support/stored-bytes.ts';
import { aacEntry, fragmentedMp4, type Mp4Writing, syntheticMp4 } from '../../support/synthetic-mp4.ts';

const allFiles = [...hostileFiles, ...hostileFragments];

/** Opens a file and plays it to its end from some places; the error that ends that, if one does. */
function outcome(bytes: Uint8Array, times: readonly number[] = [0]) {
  const file = new StoredBytes(bytes);
  let units = 0;
  let opened = false;
  try {
    const media = file.read(openMp4(bytes.length));
    opened = true;
    for (const timeMs of times) {
      for (const item of file.items(file.read(media.cursorAt(timeMs)))) {
        if (item.kind !== 'unit') continue;
        units++;
        if (!(item.unit.timestampMs >= 0)) throw new Error(`a timestamp of ${item.unit.timestampMs}`);
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolError || error instanceof LimitError)) throw error;
    return { error, units, opened, file };
  }
  return { error: undefined, units, opened, file };
}

describe('openMp4 with a hostile file', () => {
  it.each(allFiles.filter(({ refusedBy }) => refusedBy !== undefined))(
    'refuses $name with $refusedBy',
    ({ bytes, refusedBy }) => {
      const { error, opened, file } = outcome(bytes());
      expect(opened).toBe(false);
      expect(error?.code).toBe(refusedBy);
      if (error instanceof ProtocolError) expect(error.byteOffset).toBeTypeOf('number');
      expect(file.readBytes).toBeLessThan(2 * file.bytes.length + 2 ** 18);
    },
    // Some take a second by themselves, and the machine may have others to run.
    30_000,
  );

  it.each(allFiles.filter(({ refusedBy }) => refusedBy === undefined))('plays what is whole of $name', ({ bytes }) => {
    const { error, units } = outcome(bytes());
    expect(error).toBeUndefined();
    expect(units).toBeGreaterThan(0);
  });

  it('says the box, its place in the file and what to do', () => {
    const file = hostileFiles.find(({ name }) => name === 'times for half of the samples');
    const { error } = outcome(file?.bytes() ?? new Uint8Array(0));
    expect(error?.message).toMatch(
      /^MP4_BOX: moov\/trak\[1\]\/mdia\/minf\/stbl\/stts times 5 samples of 10 at byte \d+: the file is damaged, write or copy it again$/,
    );
  });

  it('bounds moov, boxes, samples and what is read', () => {
    const bytes = syntheticMp4([hostileTrack], writing);
    const opened = (limits: Partial<typeof defaultMp4Limits>) => () =>
      new StoredBytes(bytes).read(openMp4(bytes.length, { ...defaultMp4Limits, ...limits }));
    expect(opened({})).not.toThrow();
    expect(opened({ maxHeaderBytes: 100 })).toThrow(/MP4_HEADER_TOO_LARGE/);
    expect(opened({ maxBoxes: 1 })).toThrow(/MP4_TOO_MANY_BOXES/);
    expect(opened({ maxSamples: 9 })).toThrow(/MP4_TOO_MANY_SAMPLES/);
    expect(opened({ maxReadBytes: 100 })).toThrow(/STORED_MEDIA_READ/);
  });
});

const writing: Mp4Writing = {
  moovFirst: false,
  wideOffsets: true,
  wideBoxes: true,
  compactSizes: 0,
  version1: true,
  padded: true,
  gapBytes: 1,
  chunkSamples: [3, 1],
  interleaved: true,
};

const sound = {
  handler: 'soun',
  timescale: 48_000,
  entries: [aacEntry()],
  samples: hostileTrack.samples.map((sample) => ({ ...sample, durationTicks: 1_024, sync: true })),
} as const;

const edits = [{ durationTicks: 300, mediaTimeTicks: 80 }];

const wholeFiles: readonly Uint8Array[] = [
  syntheticMp4([{ ...hostileTrack, edits }, sound], writing),
  syntheticMp4([hostileTrack, sound], { ...writing, moovFirst: true, version1: false, compactSizes: 8 }),
  fragmentedMp4(
    [hostileTrack, sound],
    [0, 1, 2].map(() => ({
      runs: [
        { track: 0, samples: hostileTrack.samples },
        { track: 1, samples: sound.samples },
      ],
    })),
  ),
];

describe('openMp4 with a file that was damaged', () => {
  it('throws a ProtocolError or a LimitError, or plays, wherever it is cut', () => {
    for (const bytes of wholeFiles) {
      for (let length = 0; length < bytes.length; length++) outcome(bytes.subarray(0, length), [0, 200]);
    }
  });

  it('throws a ProtocolError or a LimitError, or plays, whatever is changed', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...wholeFiles),
        fc.array(fc.record({ at: fc.nat(), value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0xfe) }), {
          minLength: 1,
          maxLength: 4,
        }),
        (whole, changes) => {
          const bytes = whole.slice();
          for (const { at, value } of changes) bytes[at % bytes.length] = value;
          const { file } = outcome(bytes, [0, 150, 1e9]);
          expect(file.readBytes).toBeLessThan(64 * 2 ** 20);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
