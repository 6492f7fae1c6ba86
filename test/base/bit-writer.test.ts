import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitReader } from '../../src/base/bit-reader.ts';
import { BitWriter } from '../../src/base/bit-writer.ts';

const field = fc.integer({ min: 0, max: 32 }).chain((count) => fc.tuple(fc.constant(count), fc.nat(2 ** count - 1)));

describe('BitWriter', () => {
  it('writes what BitReader reads, and zeros up to the end of the last byte', () => {
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        const writer = new BitWriter();
        for (const [count, value] of fields) writer.write(count, value);
        const bytes = writer.bytes();
        expect(bytes.length).toBe(Math.ceil(writer.bitLength / 8));
        const reader = new BitReader(bytes, 'fields');
        for (const [count, value] of fields) expect(reader.bits(count)).toBe(value);
        expect(reader.bits(reader.remainingBits)).toBe(0);
      }),
    );
  });

  it('repeats a field', () => {
    expect(new BitWriter().repeat(3, 3, 0b101).bytes()).toEqual(Uint8Array.of(0b1011_0110, 0b1000_0000));
  });
});
