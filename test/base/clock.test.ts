import { describe, expect, it } from 'vitest';
import { wallClockBeside } from '../../src/base/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

describe('wallClockBeside', () => {
  it('gives the wall clock at every instant, without looking at it each time', () => {
    const clock = new VirtualClock();
    let looks = 0;
    const wallMs = wallClockBeside({
      wallMs: () => {
        looks++;
        return clock.wallMs();
      },
      monotonicMs: () => clock.monotonicMs(),
      after: (ms, action) => clock.after(ms, action),
    });
    for (const ms of [0, 0, 5, 30, 64, 1, 250, 3_600_000]) {
      clock.advance(ms);
      expect(wallMs(clock.monotonicMs())).toBe(clock.wallMs());
    }
    expect(looks).toBe(4);
  });

  it('follows a wall clock that jumps, a tenth of a second later at the latest', () => {
    const clock = new VirtualClock();
    let jumpedMs = 0;
    const wallMs = wallClockBeside({
      wallMs: () => clock.wallMs() + jumpedMs,
      monotonicMs: () => clock.monotonicMs(),
      after: (ms, action) => clock.after(ms, action),
    });
    const before = wallMs(0);
    jumpedMs = -3_600_000;
    clock.advance(99);
    expect(wallMs(99)).toBe(before + 99);
    clock.advance(1);
    expect(wallMs(100)).toBe(before + 100 + jumpedMs);
  });
});
