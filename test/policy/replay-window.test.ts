import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplayWindow } from '../../src/policy/replay-window.ts';

describe('ReplayWindow', () => {
  it('takes each number once, in any order, as long as none is left behind by the span', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(500), { maxLength: 300 }), (numbers) => {
        const window = new ReplayWindow({ maxSenders: 4, span: 64 });
        const seen = new Set<number>();
        let highest = -1;
        for (const number of numbers) {
          const isOld = number <= highest - 64;
          expect(window.take('a', number, 0)).toBe(!isOld && !seen.has(number));
          seen.add(number);
          highest = Math.max(highest, number);
        }
      }),
    );
  });

  it('keeps senders apart', () => {
    const window = new ReplayWindow({ maxSenders: 4, span: 64 });
    expect([window.take('a', 7, 0), window.take('b', 7, 0), window.take('a', 7, 0)]).toEqual([true, true, false]);
  });

  it('forgets everything when a sender leaps ahead, and knows what comes then', () => {
    const window = new ReplayWindow({ maxSenders: 4, span: 64 });
    window.take('a', 3, 0);
    expect(window.take('a', 2 ** 50, 0)).toBe(true);
    expect(window.take('a', 2 ** 50, 0)).toBe(false);
    expect(window.take('a', 2 ** 50 - 63, 0)).toBe(true);
    expect(window.take('a', 3, 0)).toBe(false);
  });

  it('holds so many senders and no more: the one leaves that was silent for longest', () => {
    const window = new ReplayWindow({ maxSenders: 2, span: 64 });
    window.take('a', 0, 1);
    window.take('b', 0, 2);
    window.take('a', 1, 3);
    window.take('c', 0, 4);
    expect(window.size).toBe(2);
    expect(window.take('a', 1, 5)).toBe(false);
    expect(window.take('c', 0, 5)).toBe(false);
  });
});
