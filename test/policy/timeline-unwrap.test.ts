import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timestampDistanceMs } from '../../src/policy/timeline-unwrap.ts';

describe('timestampDistanceMs', () => {
  it.each([
    [0, 33, 33],
    [100, 60, -40],
    [2 ** 32 - 10, 23, 33],
    [23, 2 ** 32 - 10, -33],
    [2 ** 31 - 10, 23, 33],
    [23, 2 ** 31 - 10, -33],
    [2 ** 31 - 10, 2 ** 31 + 23, 33],
    [0, 10_000, 10_000],
    [0, 3_600_000, 3_600_000],
  ])('from %d to %d is %d', (from, to, distance) => {
    expect(timestampDistanceMs(from, to)).toBe(distance);
  });

  it('finds every step of up to ten seconds, wherever it starts and at whichever modulus it wraps', () => {
    const start = fc.integer({ min: 0, max: 2 ** 31 - 1 });
    const step = fc.integer({ min: -10_000, max: 10_000 });
    fc.assert(
      fc.property(start, step, fc.constantFrom(2 ** 31, 2 ** 32), (from, by, modulus) => {
        expect(timestampDistanceMs(from, (from + by + modulus) % modulus)).toBe(by);
      }),
    );
  });
});
