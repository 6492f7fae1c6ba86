import { describe, expect, it } from 'vitest';
import { RecentEntries } from '../../src/base/recent-entries.ts';

describe('RecentEntries', () => {
  it('holds at most two generations, and keeps what is asked for', () => {
    const entries = new RecentEntries<number>(100);
    entries.set('kept', -1);
    for (let i = 0; i < 1_000; i++) {
      entries.set(`entry ${i}`, i);
      expect(entries.get('kept')).toBe(-1);
      expect(entries.size).toBeLessThanOrEqual(200);
    }
    expect(entries.get('entry 999')).toBe(999);
    expect(entries.get('entry 0')).toBeUndefined();
  });

  it('replaces a value without making room', () => {
    const entries = new RecentEntries<number>(2);
    for (const value of [1, 2, 3]) entries.set('a', value);
    entries.set('b', 4);
    expect([entries.get('a'), entries.get('b'), entries.size]).toEqual([3, 4, 2]);
    entries.clear();
    expect([entries.get('a'), entries.size]).toEqual([undefined, 0]);
  });
});
