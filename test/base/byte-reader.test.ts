import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../src/base/byte-reader.ts';
import { ProtocolError } from '../../src/base/errors.ts';

const reader = (...bytes: number[]): ByteReader => new ByteReader(Uint8Array.from(bytes), 'thing');

describe('ByteReader', () => {
  it('reads big-endian numbers in order', () => {
    const numbers = reader(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    expect([numbers.uint8(), numbers.uint16(), numbers.uint24(), numbers.uint32()]).toStrictEqual([
      1, 0x0203, 0x04_05_06, 0x07_08_09_0a,
    ]);
    expect(numbers.remaining).toBe(0);
    expect(numbers.offset).toBe(10);
  });

  it('reads the largest numbers as unsigned', () => {
    expect(reader(0xff, 0xff).uint16()).toBe(0xffff);
    expect(reader(0xff, 0xff, 0xff).uint24()).toBe(0xff_ff_ff);
    expect(reader(0xff, 0xff, 0xff, 0xff).uint32()).toBe(0xff_ff_ff_ff);
  });

  it('reads signed numbers', () => {
    expect(reader(0xff, 0xfe).int16()).toBe(-2);
    expect(reader(0x7f, 0xff, 0xff).int24()).toBe(0x7f_ff_ff);
    expect(reader(0x80, 0, 0).int24()).toBe(-0x80_00_00);
    expect(reader(0xff, 0xff, 0xff).int24()).toBe(-1);
  });

  it('reads 64 bits up to 2^53 − 1 and refuses more, with the place', () => {
    expect(reader(0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff).uint64()).toBe(Number.MAX_SAFE_INTEGER);
    const beyond = reader(9, 0, 0x20, 0, 0, 0, 0, 0, 0);
    beyond.uint8();
    expect(() => beyond.uint64()).toThrow(/TOO_LARGE: .* at byte 1$/);
  });

  it('reads IEEE 754 doubles', () => {
    expect(reader(0x3f, 0xf8, 0, 0, 0, 0, 0, 0).float64()).toBe(1.5);
  });

  it('gives views on the bytes, from an offset on if asked', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5);
    const fromOne = new ByteReader(bytes, 'thing', 1);
    expect(fromOne.bytes(2)).toStrictEqual(Uint8Array.of(2, 3));
    fromOne.skip(1);
    const rest = fromOne.rest();
    expect(rest).toStrictEqual(Uint8Array.of(5));
    expect(rest.buffer).toBe(bytes.buffer);
    expect(fromOne.rest()).toHaveLength(0);
  });

  it('reads within a view on a larger buffer and not beyond it', () => {
    const window = new ByteReader(Uint8Array.of(9, 9, 1, 2, 9, 9).subarray(2, 4), 'window');
    expect(window.uint16()).toBe(0x0102);
    expect(() => window.uint8()).toThrow(ProtocolError);
  });

  it('says what ended, where, and how much was missing, and stays where it was', () => {
    const short = reader(1, 2, 3);
    short.uint16();
    expect(() => short.uint32()).toThrow('TRUNCATED: thing ends early: 4 more bytes expected, 1 there at byte 2');
    expect(() => short.bytes(0xff_ff_ff_ff)).toThrow(ProtocolError);
    expect(() => short.skip(2)).toThrow(ProtocolError);
    expect(short.offset).toBe(2);
    expect(short.uint8()).toBe(3);
  });
});
