import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeOpenFile,
  decodeSegmentFile,
  decodeSegmentsFile,
  encodeOpenParts,
  encodeSegmentEnd,
  encodeSegmentFile,
  isCutOff,
  type KeptSegment,
} from '../../../src/stores/kept/segment-file.ts';
import { decodeStateFile, encodeStateFile } from '../../../src/stores/kept/state-file.ts';

const seconds = fc.double({ min: 0.001, max: 1e6, noNaN: true });

const keptSegment: fc.Arbitrary<KeptSegment> = fc
  .record({
    head: fc.record({
      msn: fc.nat(),
      startSeconds: seconds,
      programDateTime: fc.constant('2026-01-01T00:00:00.000Z'),
      independent: fc.boolean(),
      discontinuity: fc.boolean(),
      initIndex: fc.nat(9),
      durationSeconds: seconds,
    }),
    parts: fc.array(
      fc.record({
        bytes: fc.uint8Array({ minLength: 0, maxLength: 300 }).map((bytes) => new Uint8Array(bytes)),
        durationSeconds: seconds,
        independent: fc.boolean(),
        gap: fc.boolean(),
      }),
      { maxLength: 6 },
    ),
    counts: fc.record({
      discontinuities: fc.nat(99),
      unitCount: fc.nat(999),
      sequenceNumber: fc.nat(),
      iFrames: fc.nat(),
    }),
  })
  .map(({ head, parts, counts }) => ({
    segment: {
      ...head,
      parts,
      byteLength: parts.reduce((sum, { bytes }) => sum + bytes.length, 0),
      gap: parts.length === 0,
    },
    ...counts,
  }));

function fileOf(kept: KeptSegment, encode = encodeSegmentFile): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(encode(kept)));
}

const plain = ({ segment, ...counts }: KeptSegment) => ({
  ...counts,
  segment: { ...segment, parts: segment.parts.map((part) => ({ ...part, bytes: [...part.bytes] })) },
});

/** How many of them are whole where all of them, one after the other, are cut off. */
function wholeBefore(files: readonly Uint8Array[], cutAt: number): number {
  let length = 0;
  return files.filter((file) => (length += file.length) <= cutAt).length;
}

/** So many segments can be read of a file of several; none of one that is refused. */
function readable(file: Uint8Array<ArrayBuffer>): number {
  try {
    return decodeSegmentsFile(file).length;
  } catch {
    return 0;
  }
}

/** A part as it is written of an open segment. */
function partOf({ segment, ...counts }: KeptSegment, index: number): KeptSegment {
  const parts = segment.parts.slice(index, index + 1);
  const [part] = parts;
  const byteLength = part?.bytes.length ?? 0;
  return { segment: { ...segment, parts, byteLength, durationSeconds: part?.durationSeconds ?? 0 }, ...counts };
}

describe('decodeOpenFile', () => {
  it('is the segment of the parts that are whole, wherever the file is cut off', () => {
    fc.assert(
      fc.property(keptSegment, fc.nat(), (kept, at) => {
        const files = kept.segment.parts.map((_, index) => fileOf(partOf(kept, index), encodeOpenParts));
        const file = new Uint8Array(Buffer.concat(files));
        const cutAt = at % (file.length + 1);
        const whole = wholeBefore(files, cutAt);
        const open = decodeOpenFile(file.slice(0, cutAt));
        const parts = kept.segment.parts.slice(0, whole);
        expect(open?.segment.parts.map(({ bytes }) => [...bytes]) ?? []).toEqual(parts.map(({ bytes }) => [...bytes]));
        if (open === undefined) return;
        expect(open.segment.msn).toBe(kept.segment.msn);
        expect(open.segment.byteLength).toBe(parts.reduce((sum, { bytes }) => sum + bytes.length, 0));
        expect(open.segment.durationSeconds).toBe(parts.reduce((sum, part) => sum + part.durationSeconds, 0));
      }),
    );
  });

  it('throws at a part that is damaged', () => {
    const [kept] = fc.sample(
      keptSegment.filter(({ segment }) => segment.parts.some(({ bytes }) => bytes.length > 0)),
      1,
    );
    if (kept === undefined) throw new Error('there is no sample');
    const file = fileOf(kept);
    file.set([(file.at(-1) ?? 0) ^ 1], file.length - 1);
    expect(() => decodeOpenFile(file)).toThrow(/checksum/);
  });
});

describe('encodeSegmentFile', () => {
  it('is read back by decodeSegmentFile as it was, part by part', () => {
    fc.assert(
      fc.property(keptSegment, (kept) => {
        const read = decodeSegmentFile(fileOf(kept));
        expect(plain(read)).toEqual(plain(kept));
      }),
    );
  });

  it('makes a file that says of each of its beginnings that it is cut off, and of itself that it is not', () => {
    fc.assert(
      fc.property(keptSegment, fc.double({ min: 0, max: 0.999_999, noNaN: true }), (kept, share) => {
        const file = fileOf(kept);
        const cut = file.subarray(0, Math.floor(file.length * share));
        expect(isCutOff(cut)).toBe(true);
        expect(() => decodeSegmentFile(new Uint8Array(cut))).toThrow();
        expect(isCutOff(file)).toBe(false);
      }),
    );
  });
});

describe('decodeSegmentsFile', () => {
  it('reads back the segments that are whole, wherever the file is cut off', () => {
    fc.assert(
      fc.property(fc.array(keptSegment, { maxLength: 5 }), fc.nat(), (kept, at) => {
        const files = kept.map((one) => fileOf(one));
        const file = new Uint8Array(Buffer.concat(files));
        const cutAt = at % (file.length + 1);
        const whole = wholeBefore(files, cutAt);
        expect(decodeSegmentsFile(file.slice(0, cutAt)).map(plain)).toEqual(kept.slice(0, whole).map(plain));
      }),
    );
  });

  it('gives nothing of a segment that is damaged, and throws for anything else', () => {
    const kept = fc.sample(keptSegment, 3);
    const file = new Uint8Array(Buffer.concat(kept.map((one) => fileOf(one))));
    for (let index = 0; index < file.length; index++) {
      const changed = Uint8Array.from(file);
      changed[index] = (changed[index] ?? 0) ^ 1;
      // By a length that reaches beyond the file it seems to be cut off; all else throws.
      expect(readable(changed)).toBeLessThan(kept.length);
    }
    expect(() => decodeSegmentsFile(new Uint8Array(100))).toThrow(/no segment of a live stream/);
  });
});

describe('encodeSegmentEnd', () => {
  it('makes the file of a segment of what was written while it was open, and of no less', () => {
    fc.assert(
      fc.property(keptSegment, fc.nat(), fc.double({ min: 0, max: 0.999_999, noNaN: true }), (kept, at, share) => {
        const from = at % (kept.segment.parts.length + 1);
        const open = kept.segment.parts.slice(0, from).map((_, index) => fileOf(partOf(kept, index), encodeOpenParts));
        const file = new Uint8Array(Buffer.concat([...open, ...encodeSegmentEnd(kept, from)]));
        expect(plain(decodeSegmentFile(file))).toEqual(plain(kept));
        expect(isCutOff(file)).toBe(false);
        for (const length of [Math.floor(file.length * share), ...open.map(({ length: one }) => one)]) {
          const cut = file.slice(0, length);
          expect(isCutOff(cut)).toBe(true);
          expect(() => decodeSegmentFile(cut)).toThrow();
        }
        expect(() => decodeSegmentFile(new Uint8Array([...file, 0]))).toThrow(/it is not whole/);
        const found = decodeOpenFile(file);
        expect(found && plain(found)).toEqual(plain(kept));
      }),
    );
  });
});

describe('decodeSegmentFile', () => {
  it('refuses a file in which any one bit has changed', () => {
    fc.assert(
      fc.property(keptSegment, fc.nat(), fc.nat(7), (kept, at, bit) => {
        const file = fileOf(kept);
        const index = at % file.length;
        file[index] = (file[index] ?? 0) ^ (1 << bit);
        expect(() => decodeSegmentFile(file)).toThrow();
      }),
    );
  });

  it('refuses what is longer than it says, another version and anything else, with what is wrong', () => {
    const kept = fc.sample(keptSegment, { numRuns: 1, seed: 1 })[0];
    if (kept === undefined) throw new Error('no sample');
    const file = fileOf(kept);
    expect(() => decodeSegmentFile(new Uint8Array([...file, 0]))).toThrow(/not \d+: it is not whole/);
    const newer = Uint8Array.from(file);
    newer[7] = 2;
    expect(() => decodeSegmentFile(newer)).toThrow(/version 2, this program reads version 1/);
    expect(() => decodeSegmentFile(new Uint8Array(100))).toThrow(/no segment of a live stream/);
    expect(() => decodeSegmentFile(new Uint8Array(0))).toThrow(/too few/);
  });
});

describe('encodeStateFile', () => {
  it('is read back by decodeStateFile, and nothing else is: not its beginnings, not with a changed byte', () => {
    const state = { path: 'live/a', list: [1, 2, { three: null }], text: 'naïve \n "quoted"' };
    const file = encodeStateFile(state);
    expect(decodeStateFile(file)).toEqual(state);
    for (let length = 0; length < file.length; length++) {
      expect(() => decodeStateFile(file.subarray(0, length))).toThrow();
    }
    for (let index = 0; index < file.length; index++) {
      const changed = Uint8Array.from(file);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(() => decodeStateFile(changed)).toThrow();
    }
    expect(() => decodeStateFile(Buffer.from('{"format":7,"checksum":0,"state":{}}\n'))).toThrow(/format 7/);
  });
});
