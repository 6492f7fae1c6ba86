import { describe, expect, it } from 'vitest';
import { slopeOf } from './live-soak.ts';

describe('slopeOf', () => {
  it('is the slope of the line that points lie on, and of the nearest one where they do not', () => {
    expect(
      slopeOf([
        [1, 5],
        [2, 8],
        [4, 14],
      ]),
    ).toBeCloseTo(3);
    expect(
      slopeOf([
        [0, 1],
        [1, -1],
        [2, 1],
        [3, -1],
      ]),
    ).toBeCloseTo(-0.4);
  });
});
