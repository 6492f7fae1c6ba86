import { describe, expect, it } from 'vitest';
import { cacheVerdict, RecentVerdicts } from '../../player/src/cache-verdicts.ts';
import { ClockOffset } from '../../player/src/clock-offset.ts';
import { MediaRate } from '../../player/src/media-rate.ts';

describe('cacheVerdict', () => {
  it.each([
    ['Hit from edge', 'hit'],
    ['RefreshHit from edge', 'hit'],
    ['Miss from edge', 'miss'],
    ['Bypass from edge', 'miss'],
    ['Error from edge', 'error'],
    ['', undefined],
    [null, undefined],
  ])('reads X-Cache: %s as %s', (field, verdict) => {
    expect(cacheVerdict(field)).toBe(verdict);
  });
});

describe('RecentVerdicts', () => {
  it('counts only the most recent', () => {
    const recent = new RecentVerdicts(4);
    expect(recent.hitRatio).toBeUndefined();
    for (const verdict of ['miss', 'miss', 'miss', 'hit', 'hit', 'hit'] as const) recent.add(verdict);
    expect(recent.verdicts).toEqual(['miss', 'hit', 'hit', 'hit']);
    expect(recent.hitRatio).toBe(0.75);
  });
});

describe('MediaRate', () => {
  it('is bytes over seconds of media, initialisation segments left out', () => {
    const rate = new MediaRate(10);
    expect(rate.bitsPerSecond).toBeUndefined();
    rate.add(700, 0);
    rate.add(35_000, 0.35);
    rate.add(35_000, 0.35);
    expect(rate.bitsPerSecond).toBeCloseTo(800_000);
  });

  it('follows a change within its window', () => {
    const rate = new MediaRate(4);
    for (let n = 0; n < 10; n += 1) rate.add(100_000, 2);
    for (let n = 0; n < 3; n += 1) rate.add(300_000, 2);
    expect(rate.bitsPerSecond).toBeCloseTo(1_200_000);
  });
});

describe('ClockOffset', () => {
  const serverMs = Date.UTC(2026, 2, 1, 10);
  const date = (wallMs: number) => new Date(wallMs).toUTCString();

  it('is 0 before the first sample and for clocks that agree', () => {
    const offset = new ClockOffset();
    expect(offset.offsetMs).toBe(0);
    for (let ms = 0; ms < 5_000; ms += 350) offset.add(date(serverMs + ms), null, serverMs + ms + 40);
    expect(offset.offsetMs).toBe(0);
  });

  it('finds a wrong clock to a few tenths of a second, with cached answers among the samples', () => {
    const offset = new ClockOffset();
    const aheadMs = 42_000;
    for (let ms = 0; ms < 9_000; ms += 350) {
      const ageSeconds = ms % 3;
      offset.add(date(serverMs + ms - ageSeconds * 1000), String(ageSeconds), serverMs + ms - aheadMs);
    }
    expect(Math.abs(offset.offsetMs - aheadMs)).toBeLessThan(350);
  });

  it('takes no notice of fields that cannot be read', () => {
    const offset = new ClockOffset();
    offset.add('yesterday', null, serverMs);
    offset.add(null, '4', serverMs);
    offset.add(date(serverMs + 60_000), 'old', serverMs);
    expect(offset.offsetMs).toBe(0);
  });
});
