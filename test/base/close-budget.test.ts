import { describe, expect, it } from 'vitest';
import { CloseBudget } from '../../src/base/close-budget.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

describe('CloseBudget', () => {
  it('gives what is wished for while there is enough, then what is left, then nothing', () => {
    const clock = new VirtualClock();
    const budget = CloseBudget.of(clock, 1_000);
    expect(budget.graceMs(300)).toBe(300);
    expect(budget.graceMs(Infinity)).toBe(1_000);
    clock.advance(900);
    expect(budget.graceMs(300)).toBe(100);
    clock.advance(900);
    expect(budget.graceMs(300)).toBe(0);
  });

  it('keeps what those need who close afterwards, so that all of them together stay within it', () => {
    const clock = new VirtualClock();
    const budget = CloseBudget.of(clock, 4_000);
    const begunMs = clock.monotonicMs();
    for (const keptMs of [3_500, 1_750, 500, 0]) clock.advance(budget.keeping(keptMs).graceMs(10_000));
    expect(clock.monotonicMs() - begunMs).toBe(4_000);
    expect(budget.keeping(500).graceMs(10_000)).toBe(0);
  });
});
