import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mpegCrc32 } from '../../src/base/crc.ts';

/** Bit by bit, as ISO/IEC 13818-1 Annex A draws it. */
function bitByBit(bytes: Uint8Array): number {
  let register = 0xffff_ffff;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const isOut = register >>> 31 !== ((byte >> bit) & 1);
      register = (register << 1) >>> 0;
      if (isOut) register = (register ^ 0x04c1_1db7) >>> 0;
    }
  }
  return register;
}

describe('mpegCrc32', () => {
  it('is the check value of CRC-32/MPEG-2 for the digits from 1 to 9', () => {
    expect(mpegCrc32(new TextEncoder().encode('123456789'))).toBe(0x0376_e6e7);
  });

  it('is what the drawing of the standard gives, for every length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 67 }), (bytes) => {
        expect(mpegCrc32(bytes)).toBe(bitByBit(bytes));
      }),
    );
  });

  it('is 0 over bytes with their checksum behind them', () => {
    const bytes = new Uint8Array([1, 2, 3, 4, 5, 0, 0, 0, 0]);
    new DataView(bytes.buffer).setUint32(5, mpegCrc32(bytes.subarray(0, 5)));
    expect(mpegCrc32(bytes)).toBe(0);
  });
});
