import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joined, setPieces, totalLength } from '../../src/base/byte-pieces.ts';

const pieces = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 6 });

describe('joined', () => {
  it('gives the bytes of all pieces, in memory of its own', () => {
    fc.assert(
      fc.property(pieces, (pieces) => {
        const bytes = pieces.flatMap((piece) => [...piece]);
        const whole = joined(pieces);
        for (const piece of pieces) piece.fill(0);
        expect([...whole]).toEqual(bytes);
        expect(totalLength(pieces)).toBe(bytes.length);
      }),
    );
  });
});

describe('setPieces', () => {
  it('writes from where it shall to where it says, and nothing around that', () => {
    fc.assert(
      fc.property(pieces, fc.nat(5), fc.nat(5), (pieces, before, behind) => {
        const target = new Uint8Array(before + totalLength(pieces) + behind).fill(0xee);
        const end = setPieces(target, before, pieces);
        expect([...target.subarray(before, end)]).toEqual([...joined(pieces)]);
        const around = [...target.subarray(0, before), ...target.subarray(end)];
        expect(around).toEqual(Array<number>(before + behind).fill(0xee));
      }),
    );
  });
});
