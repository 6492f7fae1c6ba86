import { describe, expect, it } from 'vitest';
import { mergeWindowMs } from '../../src/policy/merge-window.ts';

describe('mergeWindowMs', () => {
  it('adaptive is at once for few players, grows with their number, and ends at 20 ms', () => {
    expect([0, 1, 50].map((players) => mergeWindowMs('adaptive', players))).toEqual([0, 0, 0]);
    const windows = Array.from({ length: 3_000 }, (_, players) => mergeWindowMs('adaptive', players));
    for (const [players, windowMs] of windows.entries()) {
      expect(windowMs).toBeGreaterThanOrEqual(windows[players - 1] ?? 0);
      expect(Number.isInteger(windowMs)).toBe(true);
    }
    expect(windows[100]).toBeGreaterThan(0);
    expect(windows[100]).toBeLessThan(5);
    expect(windows[450]).toBe(20);
    expect(windows.at(-1)).toBe(20);
  });

  it('a fixed one is what it is, however many players there are', () => {
    expect([0, 100, 10_000].map((players) => mergeWindowMs(350, players))).toEqual([350, 350, 350]);
    expect(mergeWindowMs(0, 10_000)).toBe(0);
  });
});
