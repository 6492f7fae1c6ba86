import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateBucket } from '../../src/base/rate-bucket.ts';

describe('RateBucket', () => {
  it('never gives more than its capacity and what has been refilled, and as much to who waits as it says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 200 }),
        (perSecond, capacity, pausesMs) => {
          const bucket = new RateBucket(perSecond, 0, capacity);
          let nowMs = 0;
          let taken = 0;
          for (const pauseMs of pausesMs) {
            nowMs += pauseMs;
            if (bucket.take(nowMs)) taken++;
            else {
              const waitMs = bucket.waitMs(1, nowMs);
              expect(waitMs).toBeGreaterThan(0);
              nowMs += waitMs;
              expect(bucket.take(nowMs)).toBe(true);
              taken++;
            }
            expect(taken).toBeLessThanOrEqual(capacity + (nowMs / 1_000) * perSecond + 1e-6);
          }
        },
      ),
      // 28 and 172 ms of five a second are 0.14 and 0.86, and together not quite one.
      { examples: [[5, 1, [0, 28]]] },
    );
  });

  it('takes nothing from who is refused', () => {
    const bucket = new RateBucket(1, 0, 1);
    expect(bucket.take(0)).toBe(true);
    for (let ms = 0; ms < 1_000; ms += 10) expect(bucket.take(ms)).toBe(false);
    expect(bucket.take(1_000)).toBe(true);
  });

  it('makes up for what was spent beyond it, and gives back what was not used', () => {
    const bucket = new RateBucket(100, 0, 50);
    bucket.spend(250, 0);
    expect(bucket.waitMs(0, 0)).toBe(2_000);
    expect(bucket.waitMs(0, 1_500)).toBe(500);
    expect(bucket.take(2_000)).toBe(false);
    bucket.giveBack();
    expect(bucket.take(2_000)).toBe(true);
  });
});
