import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LimitError, ProtocolError } from '../../../src/base/errors.ts';
import { encodeFlvHeader, encodeFlvTag, FlvReader, type FlvTag } from '../../../src/formats/flv/flv-file.ts';

const limits = { maxTagBytes: 100_000 };

function readInPieces(bytes: Uint8Array, length: number): FlvTag[] {
  const reader = new FlvReader(limits);
  const tags: FlvTag[] = [];
  for (let at = 0; at < bytes.length; at += length) {
    const piece = bytes.slice(at, at + length);
    tags.push(...reader.push(piece));
    piece.fill(0xaa);
  }
  return tags;
}

const tag: fc.Arbitrary<FlvTag> = fc.record(
  {
    typeId: fc.constantFrom(8, 9, 18),
    timestampMs: fc.oneof(
      fc.nat(0xff_ff_ff_ff),
      fc.constantFrom(0, 0xff_ff_ff, 0x01_00_00_00, 0x80_00_00_00, 0xff_ff_ff_ff),
    ),
    payload: fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 100, maxLength: 300 })),
  },
  { noNullPrototype: true },
);

const file = (tags: readonly FlvTag[]): Uint8Array =>
  Uint8Array.from(
    [encodeFlvHeader({ audio: true, video: true }), ...tags.map(encodeFlvTag)].flatMap((part) => [...part]),
  );

describe('FlvReader', () => {
  it('gives back what encodeFlvTag wrote, in pieces of any length', () => {
    fc.assert(
      fc.property(fc.array(tag, { maxLength: 5 }), fc.integer({ min: 1, max: 100 }), (tags, length) => {
        const bytes = file(tags);
        expect(readInPieces(bytes, bytes.length)).toStrictEqual(tags);
        expect(readInPieces(bytes, 1)).toStrictEqual(tags);
        expect(readInPieces(bytes, length)).toStrictEqual(tags);
      }),
    );
  });

  it('gives the same for every split in two', () => {
    const tags: FlvTag[] = [
      { typeId: 18, timestampMs: 0, payload: Uint8Array.of(2, 0, 0) },
      { typeId: 9, timestampMs: 0x01_02_03_04, payload: new Uint8Array(0) },
      { typeId: 8, timestampMs: 40, payload: Uint8Array.from({ length: 50 }, (_, i) => i) },
    ];
    const bytes = file(tags);
    for (let at = 0; at <= bytes.length; at++) {
      const reader = new FlvReader(limits);
      const read = [...reader.push(bytes.subarray(0, at)), ...reader.push(bytes.subarray(at))];
      expect(read).toStrictEqual(tags);
    }
  });

  it('reads and writes the bytes of the specification', () => {
    const header = [0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 9, 0, 0, 0, 0];
    const bytes = [...header, 9, 0, 0, 2, 0x34, 0x56, 0x78, 0x12, 0, 0, 0, 0x17, 0x01, 0, 0, 0, 13];
    const written = { typeId: 9, timestampMs: 0x12_34_56_78, payload: Uint8Array.of(0x17, 1) };
    expect(new FlvReader(limits).push(Uint8Array.from(bytes))).toStrictEqual([written]);
    expect([...file([written])]).toStrictEqual(bytes);
    expect(encodeFlvHeader({ audio: true, video: false })[4]).toBe(4);
    expect(encodeFlvHeader({ audio: false, video: true })[4]).toBe(1);
  });

  it('skips what a longer file header adds', () => {
    const written = { typeId: 8, timestampMs: 1, payload: Uint8Array.of(0xaf, 1, 2) };
    const header = [0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 12, 0xee, 0xee, 0xee, 0, 0, 0, 0];
    expect(new FlvReader(limits).push(Uint8Array.from([...header, ...encodeFlvTag(written)]))).toStrictEqual([written]);
  });

  it('does not believe PreviousTagSize', () => {
    const bytes = file([{ typeId: 8, timestampMs: 0, payload: Uint8Array.of(1) }]);
    bytes.fill(0xff, -4);
    expect(new FlvReader(limits).push(Uint8Array.from([...bytes, ...bytes.subarray(13)]))).toHaveLength(2);
  });

  it.each([
    ['another signature', [0x46, 0x4c, 0x58, 1, 5, 0, 0, 0, 9]],
    ['another version', [0x46, 0x4c, 0x56, 2, 5, 0, 0, 0, 9]],
    ['a header that is too short', [0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 8]],
    ['a header without end', [0x46, 0x4c, 0x56, 1, 5, 0xff, 0xff, 0xff, 0xff]],
    ['an encrypted tag', [0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 9, 0, 0, 0, 0, 0x29, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]],
  ])('refuses %s', (_, bytes) => {
    expect(() => new FlvReader(limits).push(Uint8Array.from(bytes))).toThrow(ProtocolError);
  });

  it('refuses a tag beyond the limit as soon as it is announced', () => {
    const header = [...encodeFlvHeader({ audio: true, video: true }), 9, 1, 0x86, 0xa1, 0, 0, 0, 0, 0, 0, 0];
    expect(() => new FlvReader(limits).push(Uint8Array.from(header))).toThrow(LimitError);
    expect(() => new FlvReader(limits).push(Uint8Array.from(header))).toThrow(/at byte 13: 100001, limit 100000/);
  });

  it('throws nothing but ProtocolError and LimitError for garbage behind a header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
        try {
          new FlvReader(limits).push(Uint8Array.from([...encodeFlvHeader({ audio: true, video: true }), ...garbage]));
        } catch (error) {
          expect(error instanceof ProtocolError || error instanceof LimitError).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('encodeFlvTag', () => {
  it('refuses a payload that no tag can hold', () => {
    const payload = new Uint8Array(0x01_00_00_00);
    expect(() => encodeFlvTag({ typeId: 9, timestampMs: 0, payload })).toThrow(LimitError);
  });
});
