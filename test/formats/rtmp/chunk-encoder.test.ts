import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LimitError } from '../../../src/base/errors.ts';
import { ChunkEncoder } from '../../../src/formats/rtmp/chunk-encoder.ts';

const message = (length: number, timestampMs = 0) => ({
  typeId: 9,
  messageStreamId: 1,
  timestampMs,
  payload: Uint8Array.from({ length }, (_, i) => i),
});

describe('ChunkEncoder', () => {
  it('begins with a chunk size of 128 and type-0 headers as in the specification', () => {
    const encoder = new ChunkEncoder();
    expect(encoder.chunkSize).toBe(128);
    expect(encoder.encode(message(2, 0x010203), 6)).toStrictEqual(
      Uint8Array.of(6, 1, 2, 3, 0, 0, 2, 9, 1, 0, 0, 0, 0, 1),
    );
  });

  it('begins each further chunk with a type-3 header', () => {
    const encoder = new ChunkEncoder();
    encoder.setChunkSize(3);
    const head = [6, 0, 0, 0, 0, 0, 7, 9, 1, 0, 0, 0];
    expect([...encoder.encode(message(7), 6)]).toStrictEqual([...head, 0, 1, 2, 0xc6, 3, 4, 5, 0xc6, 6]);
  });

  it('leaves no empty chunk behind a payload that ends with its chunk', () => {
    const encoder = new ChunkEncoder();
    encoder.setChunkSize(3);
    expect(encoder.encode(message(0), 6)).toHaveLength(12);
    expect(encoder.encode(message(3), 6)).toHaveLength(15);
    expect(encoder.encode(message(6), 6)).toHaveLength(19);
  });

  it('repeats an extended timestamp in each chunk, from 0xFFFFFF on', () => {
    const encoder = new ChunkEncoder();
    encoder.setChunkSize(1);
    const marked = [6, 0xff, 0xff, 0xff, 0, 0, 2, 9, 1, 0, 0, 0];
    expect([...encoder.encode(message(2, 0xff_ff_ff), 6)]).toStrictEqual(
      [
        [...marked, 0, 0xff, 0xff, 0xff, 0],
        [0xc6, 0, 0xff, 0xff, 0xff, 1],
      ].flat(),
    );
    expect([...encoder.encode(message(2, 0xff_ff_fe), 6)]).toStrictEqual(
      [
        [6, 0xff, 0xff, 0xfe, 0, 0, 2, 9, 1, 0, 0, 0, 0],
        [0xc6, 1],
      ].flat(),
    );
  });

  it('writes chunk stream ids in one, two and three bytes', () => {
    const encoder = new ChunkEncoder();
    const idBytes = (id: number): number[] => [...encoder.encode(message(0), id)].slice(0, -11);
    expect(idBytes(2)).toStrictEqual([2]);
    expect(idBytes(63)).toStrictEqual([63]);
    expect(idBytes(64)).toStrictEqual([0, 0]);
    expect(idBytes(319)).toStrictEqual([0, 255]);
    expect(idBytes(320)).toStrictEqual([1, 0, 1]);
    expect(idBytes(65_599)).toStrictEqual([1, 255, 255]);
  });

  it('refuses what RTMP cannot say', () => {
    const encoder = new ChunkEncoder();
    for (const id of [-1, 0, 1, 65_600, 2.5]) expect(() => encoder.encode(message(0), id)).toThrow(RangeError);
    for (const size of [0, -1, 0x01_00_00_00, 1.5, Number.NaN]) {
      expect(() => encoder.setChunkSize(size)).toThrow(RangeError);
    }
    const tooLong = { ...message(0), payload: new Uint8Array(0x01_00_00_00) };
    expect(() => encoder.encode(tooLong, 6)).toThrow(LimitError);
  });

  it('cuts what lies in several pieces as if it were one: without copying, and into memory where something else lies beside it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }),
        fc.constantFrom(1, 2, 127, 128, 129, 1_000),
        fc.constantFrom(0, 0xff_ff_fe, 0xff_ff_ff, 0xff_ff_ff_ff),
        (parts, chunkBytes, timestampMs) => {
          const encoder = new ChunkEncoder();
          encoder.setChunkSize(chunkBytes);
          const header = { typeId: 9, messageStreamId: 1, timestampMs };
          const pieces = encoder.pieces(header, 6, parts);
          const payload = Uint8Array.from(Buffer.concat(parts));
          expect(Buffer.concat(pieces)).toEqual(Buffer.from(encoder.encode({ ...header, payload }, 6)));
          const buffers = new Set<ArrayBufferLike>(parts.map(({ buffer }) => buffer));
          const carried = pieces.filter(({ buffer }) => buffers.has(buffer));
          expect(carried.reduce((sum, { length }) => sum + length, 0)).toBe(payload.length);
          const length = encoder.encodedBytes(header, 6, parts);
          const target = new Uint8Array(length + 20).fill(0xaa);
          expect(encoder.encodeInto(target, 10, header, 6, parts)).toBe(10 + length);
          const around = new Uint8Array(10).fill(0xaa);
          expect(Buffer.from(target)).toEqual(Buffer.concat([around, ...pieces, around]));
        },
      ),
    );
  });
});
