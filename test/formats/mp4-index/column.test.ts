import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnOf, packedColumn } from '../../../src/formats/mp4-index/column.ts';

const numbers = fc.oneof(
  fc.uint8Array({ max: 1 }),
  fc.int32Array(),
  fc.uint32Array(),
  fc.array(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), { minLength: 1 }).map((values) => Float64Array.from(values)),
  fc
    .tuple(fc.integer({ min: 1, max: 1_000 }), fc.array(fc.nat({ max: 65_535 }), { minLength: 1 }))
    .map(([step, values]) => Uint32Array.from(values, (value) => value * step)),
);

describe('columnOf and packedColumn', () => {
  it('give the numbers that were read, the least and the largest of them', () => {
    fc.assert(
      fc.property(numbers, fc.nat(), (values, cut) => {
        const length = values.length - (values.length > 1 ? cut % 2 : 0);
        const plain = columnOf(length, values);
        for (const column of [plain, packedColumn(plain)]) {
          expect(column.length).toBe(length);
          const read = Array.from({ length }, (_, index) => column.at(index));
          expect(read).toEqual([...values.subarray(0, length)]);
          if (length === 0) continue;
          expect([column.base, column.max]).toEqual([Math.min(...read), Math.max(...read)]);
        }
      }),
    );
  });

  it('let one number stand for all, which takes no bytes', () => {
    const column = packedColumn(columnOf(1_000, 7));
    expect([column.length, column.at(0), column.at(999), column.base, column.max]).toEqual([1_000, 7, 7, 7, 7]);
    expect(column.bytes.length).toBe(0);
  });
});
