import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitReader } from '../../src/base/bit-reader.ts';
import { ProtocolError } from '../../src/base/errors.ts';

function readerOf(bits: string): BitReader {
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0');
  const bytes = padded.match(/.{8}/g) ?? [];
  return new BitReader(
    Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 2)),
    'thing',
  );
}

const expGolomb = (value: number): string => {
  const code = (value + 1).toString(2);
  return '0'.repeat(code.length - 1) + code;
};

describe('BitReader', () => {
  it('reads bits, the most significant first, across bytes', () => {
    const reader = readerOf('1010000000000111');
    expect([reader.bit(), reader.flag(), reader.bits(3)]).toStrictEqual([1, false, 0b100]);
    reader.skip(8);
    expect(reader.bits(3)).toBe(0b111);
    expect(reader.remainingBits).toBe(0);
  });

  it('reads 32 bits as an unsigned number', () => {
    expect(readerOf('1'.repeat(32)).bits(32)).toBe(0xff_ff_ff_ff);
  });

  it('reads the Exp-Golomb codes of the specification', () => {
    const codes = readerOf('1 010 011 00100 00101 00110 00111 0001000'.replaceAll(' ', ''));
    expect(Array.from({ length: 8 }, () => codes.unsignedExpGolomb())).toStrictEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const signed = readerOf('1 010 011 00100 00101'.replaceAll(' ', ''));
    expect(Array.from({ length: 5 }, () => signed.signedExpGolomb())).toStrictEqual([0, 1, -1, 2, -2]);
  });

  it('reads every Exp-Golomb code up to 2^32 − 2', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 2), (value) => {
        expect(readerOf(expGolomb(value)).unsignedExpGolomb()).toBe(value);
      }),
    );
  });

  it('ends in a ProtocolError when a number would be longer than 32 bits, or the bytes end', () => {
    expect(() => readerOf('0'.repeat(80)).unsignedExpGolomb()).toThrow(/EXP_GOLOMB/);
    expect(() => readerOf('00000000').unsignedExpGolomb()).toThrow(/TRUNCATED: thing ends early at byte 1/);
    expect(() => readerOf('').bit()).toThrow(ProtocolError);
    expect(() => readerOf('1111').bits(9)).toThrow(ProtocolError);
    expect(() => readerOf('1111').skip(9)).toThrow(ProtocolError);
  });
});
