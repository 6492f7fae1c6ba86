import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecentTexts } from '../../src/base/recent-texts.ts';

describe('RecentTexts', () => {
  it('gives for a text what was kept for it last, or nothing', () => {
    const texts = fc.string({ maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), texts)), (steps) => {
        const recent = new RecentTexts<object>(4);
        const kept = new Map<string, object>();
        for (const [keeps, text] of steps) {
          const value = recent.get(text);
          if (value !== undefined) expect(value).toBe(kept.get(text));
          if (!keeps) continue;
          const made = { text };
          kept.set(text, made);
          recent.keep(text, made);
          expect([made, undefined]).toContain(recent.get(text));
        }
      }),
    );
  });

  it('has a place for most of the segments of a stream', () => {
    const recent = new RecentTexts<number>(512);
    for (let i = 0; i < 100; i++) recent.keep(`/live/a/1f/video/${1_000 + i}.m4s`, i);
    const known = Array.from({ length: 100 }, (_, i) => recent.get(`/live/a/1f/video/${1_000 + i}.m4s`));
    expect(known.filter((value, i) => value === i).length).toBeGreaterThan(75);
  });

  it('has a place for nearly all of many signed URLs, which begin and end alike', () => {
    const recent = new RecentTexts<number>(4_096);
    const url = (i: number) =>
      `/films/first/index.m3u8?Expires=1800000000&Signature=${(i * 7_919).toString(36).padStart(8, 'x').repeat(43)}&Key-Pair-Id=K2JCJMDEHXQW5F`;
    for (let i = 0; i < 1_000; i++) recent.keep(url(i), i);
    expect(
      Array.from({ length: 1_000 }, (_, i) => recent.get(url(i))).filter((value, i) => value === i).length,
    ).toBeGreaterThan(900);
  });

  it('gives way to a text that comes again and again, and to few that come once', () => {
    const recent = new RecentTexts<string>(1);
    recent.keep('first', 'first');
    recent.keep('once', 'once');
    expect([recent.get('first'), recent.get('once')]).toEqual(['first', undefined]);
    let times = 0;
    for (; recent.get('often') === undefined; times++) recent.keep('often', 'often');
    expect(times).toBeLessThan(10);
    recent.keep('often', 'newer');
    expect([recent.get('first'), recent.get('often')]).toEqual([undefined, 'newer']);
  });

  it('keeps nothing for a long text', () => {
    const recent = new RecentTexts<number>(1);
    recent.keep('a'.repeat(1_024), 1);
    recent.keep('b'.repeat(1_025), 2);
    expect([recent.get('a'.repeat(1_024)), recent.get('b'.repeat(1_025))]).toEqual([1, undefined]);
  });
});
