import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import {
  annexBNalUnits,
  annexBToLengthPrefixed,
  containsIdrSlice,
  lengthPrefixedNalUnits,
  rawByteSequencePayload,
} from '../../../src/formats/avc/nal-unit.ts';

/** NAL units as they stand in a byte stream: no start code within, the last byte not 0. */
const nalUnit = fc
  .array(fc.oneof(fc.constantFrom(0, 0, 1, 2, 3), fc.nat(255)), { minLength: 1, maxLength: 20 })
  .map((bytes) => {
    const escaped: number[] = [];
    for (const byte of bytes) {
      if (byte <= 3 && escaped.at(-1) === 0 && escaped.at(-2) === 0) escaped.push(3);
      escaped.push(byte);
    }
    return Uint8Array.from([...escaped, 0x80]);
  });

const prefixed = (units: readonly Uint8Array[], lengthBytes: number): Uint8Array =>
  Uint8Array.from(
    units.flatMap((unit) => [...[0, 0, unit.length >> 8, unit.length & 0xff].slice(4 - lengthBytes), ...unit]),
  );

describe('lengthPrefixedNalUnits', () => {
  it.each([1, 2, 4] as const)('gives the units behind lengths of %d bytes', (lengthBytes) => {
    fc.assert(
      fc.property(fc.array(nalUnit, { maxLength: 5 }), (units) => {
        expect([...lengthPrefixedNalUnits(prefixed(units, lengthBytes), lengthBytes)]).toStrictEqual(units);
      }),
    );
  });

  it('leaves out units of length 0', () => {
    expect([...lengthPrefixedNalUnits(Uint8Array.of(0, 0, 0, 1, 9, 0, 0), 2)]).toStrictEqual([Uint8Array.of(9)]);
  });

  it('refuses a unit that ends early, a length that is cut off, and 4 GiB', () => {
    for (const data of [[0, 0, 0, 2, 1], [0, 0, 0], [0], [0xff, 0xff, 0xff, 0xff, 1]]) {
      expect(() => [...lengthPrefixedNalUnits(Uint8Array.from(data), 4)]).toThrow(ProtocolError);
    }
  });
});

describe('containsIdrSlice', () => {
  it('finds a unit of type 5, wherever it stands', () => {
    const sps = Uint8Array.of(0x67, 1);
    const idr = Uint8Array.of(0x65, 1);
    const slice = Uint8Array.of(0x41, 5);
    expect(containsIdrSlice(prefixed([sps, idr], 4), 4)).toBe(true);
    expect(containsIdrSlice(prefixed([idr], 2), 2)).toBe(true);
    expect(containsIdrSlice(prefixed([sps, slice], 4), 4)).toBe(false);
    expect(containsIdrSlice(new Uint8Array(0), 4)).toBe(false);
  });
});

describe('annexBNalUnits', () => {
  it('gives the units behind start codes of three and four bytes and any zeros between', () => {
    const zeros = fc.array(fc.integer({ min: 2, max: 5 }), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(nalUnit, { maxLength: 5 }), zeros, (units, counts) => {
        const bytes = units.flatMap((unit, index) => [...new Uint8Array(counts[index] ?? 2), 1, ...unit]);
        expect([...annexBNalUnits(Uint8Array.from([...bytes, 0, 0]))]).toStrictEqual(units);
        expect(annexBToLengthPrefixed(Uint8Array.from(bytes))).toStrictEqual(prefixed(units, 4));
      }),
    );
  });

  it('leaves out what stands before the first start code, and units without a byte', () => {
    expect([...annexBNalUnits(Uint8Array.of(7, 7, 0, 0, 1, 0, 0, 1, 9, 0, 0, 1))]).toStrictEqual([Uint8Array.of(9)]);
    expect([...annexBNalUnits(Uint8Array.of(1, 0, 1, 0, 0))]).toStrictEqual([]);
    expect([...annexBNalUnits(new Uint8Array(0))]).toStrictEqual([]);
  });
});

describe('rawByteSequencePayload', () => {
  it('takes out the 3 of each 00 00 03, and no other', () => {
    const payload = (...bytes: number[]) => [...rawByteSequencePayload(Uint8Array.from([0x67, ...bytes]))];
    expect(payload(0, 0, 3, 1)).toStrictEqual([0, 0, 1]);
    expect(payload(0, 0, 3, 0, 0, 3, 3)).toStrictEqual([0, 0, 0, 0, 3]);
    expect(payload(0, 3, 0, 0, 4, 3)).toStrictEqual([0, 3, 0, 0, 4, 3]);
    expect(payload(0, 0, 3)).toStrictEqual([0, 0]);
    expect(payload()).toStrictEqual([]);
  });
});
