import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxRanges, selectRanges } from '../../src/policy/range-selection.ts';

describe('selectRanges (RFC 9110 §14.1.2, §14.2)', () => {
  it.each([
    ['bytes=0-3', 10, [[0, 3]]],
    ['bytes=7-', 10, [[7, 9]]],
    ['bytes=5-99', 10, [[5, 9]]],
    ['bytes=-2', 10, [[8, 9]]],
    ['bytes=-99', 10, [[0, 9]]],
    [
      'bytes=0-1,5-6',
      10,
      [
        [0, 1],
        [5, 6],
      ],
    ],
    [
      'bytes=0-1,2-3,-1',
      10,
      [
        [0, 1],
        [2, 3],
        [9, 9],
      ],
    ],
    ['bytes=0-1,10-', 10, [[0, 1]]],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=10-,20-30', 10, 'unsatisfiable'],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=-1', 0, 'whole'],
    ['bytes=5-6,0-1', 10, 'whole'],
    ['bytes=0-5,5-6', 10, 'whole'],
    ['bytes=0-5,-6', 10, 'whole'],
    ['bytes=3-1', 10, 'whole'],
    ['lines=0-1', 10, 'whole'],
  ] as const)('%s of %i bytes: %j', (value, lengthBytes, expected) => {
    const selection = selectRanges(value, lengthBytes);
    const ranges =
      selection.kind === 'single' ? [selection.range] : selection.kind === 'multiple' ? selection.ranges : undefined;
    expect(ranges?.map(({ first, last }) => [first, last]) ?? selection.kind).toEqual(expected);
  });

  it('gives up on more ranges than the bound', () => {
    const ranges = (count: number) => `bytes=${Array.from({ length: count }, (_, i) => `${i * 2}-${i * 2}`).join(',')}`;
    expect(selectRanges(ranges(maxRanges), 1_000).kind).toBe('multiple');
    expect(selectRanges(ranges(maxRanges + 1), 1_000).kind).toBe('whole');
  });

  it('gives only parts that lie within the representation, ascending and apart, whatever is asked', () => {
    const number = fc.oneof(fc.nat(30), fc.constant(''), fc.bigInt({ min: 0n, max: 10n ** 30n }));
    const spec = fc.tuple(number, number).map(([first, last]) => `${first}-${last}`);
    fc.assert(
      fc.property(fc.array(spec, { minLength: 1, maxLength: 4 }), fc.nat(40), (specs, lengthBytes) => {
        const selection = selectRanges(`bytes=${specs.join(',')}`, lengthBytes);
        if (selection.kind !== 'single' && selection.kind !== 'multiple') return;
        const ranges = selection.kind === 'single' ? [selection.range] : selection.ranges;
        let before = -1;
        for (const { first, last } of ranges) {
          expect(first).toBeGreaterThan(before);
          expect(last).toBeGreaterThanOrEqual(first);
          expect(last).toBeLessThan(lengthBytes);
          before = last;
        }
      }),
    );
  });
});
