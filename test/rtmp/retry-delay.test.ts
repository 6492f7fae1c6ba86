import { describe, expect, it } from 'vitest';
import { RetryDelay } from '../../src/rtmp/retry-delay.ts';

describe('RetryDelay', () => {
  it('doubles up to its bound, and begins again after a success', () => {
    const delay = new RetryDelay({ firstMs: 1_000, longestMs: 5_000 }, () => 1);
    expect([1, 2, 3, 4, 5].map(() => delay.nextMs())).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
    delay.reset();
    expect(delay.nextMs()).toBe(1_000);
  });

  it('spreads what waits together over the upper half', () => {
    expect(new RetryDelay({ firstMs: 1_000, longestMs: 5_000 }, () => 0).nextMs()).toBe(500);
    expect(new RetryDelay({ firstMs: 1_000, longestMs: 5_000 }, () => 0.5).nextMs()).toBe(750);
  });
});
