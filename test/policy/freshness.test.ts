import { describe, expect, it } from 'vitest';
import { formatHttpDate } from '../../src/formats/http-fields/http-date.ts';
import type { CloudFrontPolicy } from '../../src/policy/cache-policy.ts';
import { freshness } from '../../src/policy/freshness.ts';
import { arrivalWallMs, cloudFront, factsOf, standards } from './judged.ts';

const date = (offsetMs = 0) => formatHttpDate(arrivalWallMs + offsetMs);

describe('freshness lifetime by both policies', () => {
  it.each<[string, string[], number]>([
    ['§4.2.1: s-maxage beats max-age', ['Cache-Control', 'max-age=5, s-maxage=9'], 9_000],
    ['§4.2.1: max-age beats Expires', ['Cache-Control', 'max-age=5', 'Date', date(), 'Expires', date(60_000)], 5_000],
    ['§4.2.1: Expires counts from Date', ['Date', date(-2_000), 'Expires', date(60_000)], 62_000],
    ['§4.2.1: Expires counts from the arrival when there is no Date', ['Expires', date(60_000)], 60_000],
    ['§5.3: Expires of 0 has expired', ['Expires', '0'], 0],
    ['§5.3: Expires in the past has expired', ['Date', date(), 'Expires', date(-1_000)], 0],
    ['§4.2.1: Expires said twice has expired', ['Expires', date(60_000), 'Expires', date(60_000)], 0],
    [
      '§4.2: conflicting directives: the most restrictive',
      ['Cache-Control', 'max-age=9', 'Cache-Control', 'max-age=3'],
      3_000,
    ],
    ['§1.2.2: a negative delta is stale', ['Cache-Control', 'max-age=-5'], 0],
    ['§1.2.2: a fraction is stale', ['Cache-Control', 'max-age=5.5'], 0],
    ['§1.2.2: a delta in apostrophes is stale', ['Cache-Control', "max-age='5'"], 0],
    ['§5.2: a quoted delta counts', ['Cache-Control', 'max-age="5"'], 5_000],
    ['§1.2.2: leading zeros count', ['Cache-Control', 'max-age=005'], 5_000],
    ['§5.2: names are case-insensitive', ['Cache-Control', 'MaX-aGe=5'], 5_000],
    ['§5.2: what stands in quotes is no directive', ['Cache-Control', 'a="max-age=99", max-age=5'], 5_000],
    [
      'RFC 9213 §2.2: targeted beats Cache-Control',
      ['CDN-Cache-Control', 'max-age=5', 'Cache-Control', 's-maxage=9'],
      5_000,
    ],
    [
      'RFC 9213 §2.2: with a targeted field Expires says nothing',
      ['CDN-Cache-Control', 'max-age=7', 'Expires', '0', 'Cache-Control', 'no-store'],
      7_000,
    ],
    [
      'RFC 9213 §2.1: a broken targeted field is ignored',
      ['CDN-Cache-Control', 'max-age=5 5', 'Cache-Control', 'max-age=9'],
      9_000,
    ],
    ['RFC 9213 §2.1: so is an empty one', ['CDN-Cache-Control', '', 'Cache-Control', 'max-age=9'], 9_000],
    [
      'RFC 9213 §2.1: so is one with a wrong type',
      ['CDN-Cache-Control', 'max-age="5"', 'Cache-Control', 'max-age=9'],
      9_000,
    ],
  ])('%s', (_what, fields, lifetimeMs) => {
    expect(factsOf(fields, standards).lifetimeMs).toBe(lifetimeMs);
    expect(factsOf(fields, cloudFront()).lifetimeMs).toBe(lifetimeMs);
  });
});

describe('freshness lifetime by the standards policy', () => {
  const modified = ['Date', date(), 'Last-Modified', date(-1_000_000)];

  it.each<[string, number, string[], number]>([
    ['§4.2.2: a tenth of the time since Last-Modified', 200, modified, 100_000],
    ['§4.2.2: for a heuristically cacheable error too', 404, modified, 100_000],
    ['§4.2.2: not for other statuses', 302, modified, 0],
    ['§4.2.2: for any status that says public', 299, [...modified, 'Cache-Control', 'public'], 100_000],
    ['§4.2.2: never against an explicit time', 200, [...modified, 'Cache-Control', 'max-age=0'], 0],
    ['§4.2.2: none without Last-Modified: there is no default', 200, ['Date', date()], 0],
    ['§4.2.2: none for a Last-Modified that is no date', 200, ['Date', date(), 'Last-Modified', 'yesterday'], 0],
    ['§4.2.2: none for a Last-Modified in the future', 200, ['Date', date(), 'Last-Modified', date(9_000)], 0],
    ['§5.2.2.4: no-cache is never fresh', 200, ['Cache-Control', 'no-cache, max-age=60'], 0],
    ['§5.2.2.4: a qualified no-cache may be', 200, ['Cache-Control', 'no-cache="a", max-age=60'], 60_000],
    ['§4: an explicit time counts for errors', 503, ['Cache-Control', 'max-age=60'], 60_000],
    ['§4: an error says nothing: no time', 503, [], 0],
    ['§4: an unknown status with an explicit time is fresh', 599, ['Cache-Control', 'max-age=60'], 60_000],
  ])('%s', (_what, status, fields, lifetimeMs) => {
    expect(factsOf(fields, standards, { status }).lifetimeMs).toBe(lifetimeMs);
  });
});

describe('freshness lifetime by the cloudfront policy (TTL)', () => {
  it.each<[string, string[], Partial<CloudFrontPolicy>, number]>([
    ['nothing said means the default', [], { defaultTtlMs: 60_000 }, 60_000],
    ['nothing said means the minimum when that is larger', [], { defaultTtlMs: 1_000, minTtlMs: 2_000 }, 2_000],
    ['the minimum lifts', ['Cache-Control', 'max-age=1'], { minTtlMs: 5_000 }, 5_000],
    ['the maximum cuts', ['Cache-Control', 'max-age=100'], { maxTtlMs: 30_000 }, 30_000],
    ['no heuristic', ['Date', date(), 'Last-Modified', date(-86_400_000)], { defaultTtlMs: 0 }, 0],
    [
      'no-store with a minimum: the minimum, not the default',
      ['Cache-Control', 'no-store'],
      { minTtlMs: 5_000 },
      5_000,
    ],
    ['no-cache with a minimum: the minimum', ['Cache-Control', 'no-cache, max-age=60'], { minTtlMs: 5_000 }, 5_000],
    ['private with a minimum: the minimum', ['Cache-Control', 'private, max-age=60'], { minTtlMs: 5_000 }, 5_000],
  ])('%s', (_what, fields, settings, lifetimeMs) => {
    expect(factsOf(fields, cloudFront(settings)).lifetimeMs).toBe(lifetimeMs);
  });

  it.each<[string, string[], number]>([
    ['the error TTL when the origin says nothing', [], 1_000],
    ['what the origin says when that is longer', ['Cache-Control', 'max-age=60'], 60_000],
    ['at most the maximum', ['Cache-Control', 'max-age=9999'], 600_000],
    ['the error TTL when the origin says less', ['Cache-Control', 'max-age=0'], 1_000],
  ])('errors: %s, whatever the minimum', (_what, fields, lifetimeMs) => {
    for (const status of [403, 404, 500, 503]) {
      const policy = cloudFront({ minTtlMs: 60_000, maxTtlMs: 600_000 });
      expect(factsOf(fields, policy, { status }).lifetimeMs).toBe(lifetimeMs);
    }
  });

  it('what is not kept unless the origin says how long has no lifetime when it says nothing', () => {
    const lifetimes = [301, 302, 303, 307].map((status) => factsOf([], cloudFront(), { status }).lifetimeMs);
    expect(lifetimes).toEqual([86_400_000, 0, 0, 0]);
    expect(factsOf(['Cache-Control', 'max-age=60'], cloudFront(), { status: 302 }).lifetimeMs).toBe(60_000);
  });

  it('errors: a status may have an error TTL of its own', () => {
    const policy = cloudFront({ errorTtl: { otherwiseMs: 1_000, byStatusMs: new Map([[404, 30_000]]) } });
    const lifetimes = [404, 500].map((status) => factsOf([], policy, { status }).lifetimeMs);
    expect(lifetimes).toEqual([30_000, 1_000]);
  });
});

describe('age (RFC 9111 §4.2.3)', () => {
  it.each<[string, string[], number, number, number]>([
    // Standards, cloudfront.
    ['the Age that came', ['Age', '7', 'Date', date()], 0, 7_000, 7_000],
    ['what Date says, when it is more', ['Age', '7', 'Date', date(-20_000)], 0, 20_000, 19_001],
    ['no age for a Date ahead of us', ['Date', date(5_000)], 0, 0, 0],
    ['the delay of the response, but for a live playlist', ['Date', date()], 2_000, 2_000, 0],
    ['Age and delay together', ['Age', '7', 'Date', date()], 2_000, 9_000, 7_000],
    ['the delay when there is no Date', ['Age', '1'], 2_000, 3_000, 3_000],
    ['no age for an invalid Age', ['Age', '7200.0', 'Date', date()], 0, 0, 0],
    ['the first of several ages', ['Age', '7, 100', 'Date', date()], 0, 7_000, 7_000],
  ])('counts %s', (_what, fields, delayMs, byStandards, byCloudFront) => {
    expect(factsOf(fields, standards, { delayMs }).initialAgeMs).toBe(byStandards);
    expect(factsOf(fields, cloudFront(), { delayMs }).initialAgeMs).toBe(byCloudFront);
  });

  it('does not count what Date cut off, by the cloudfront policy: a response of this very second has no age', () => {
    const facts = factsOf(['Date', date()], cloudFront(), { sinceSecondMs: 999 });
    expect(facts.initialAgeMs).toBe(0);
    expect(factsOf(['Date', date()], standards, { sinceSecondMs: 999 }).initialAgeMs).toBe(999);
  });
});

describe('freshness (RFC 9111 §4.2, §4.2.4, RFC 5861)', () => {
  const facts = factsOf(
    ['Cache-Control', 'max-age=10, stale-while-revalidate=3', 'Age', '2', 'Date', date()],
    cloudFront(),
  );

  it('§4.2: counts from arrival, and is stale from the very end of its lifetime', () => {
    expect(freshness(facts, 5_000)).toEqual({ kind: 'fresh', ageMs: 2_000, remainingMs: 8_000 });
    expect(freshness(facts, 12_999)).toMatchObject({ kind: 'fresh', remainingMs: 1 });
    expect(freshness(facts, 13_000)).toMatchObject({ kind: 'stale', staleForMs: 0, ageMs: 10_000 });
  });

  it('RFC 5861 §3: stale-while-revalidate ends with its own window, and so does what may stand in', () => {
    const permissions = [15_999, 16_000, 22_999, 23_000].map((nowMs) => {
      const state = freshness(facts, nowMs);
      return state.kind === 'stale' && [state.mayServeWhileRevalidating, state.mayServeOnError];
    });
    expect(permissions).toEqual([
      [true, true],
      [false, true],
      [false, true],
      [false, false],
    ]);
  });

  it.each([['must-revalidate'], ['proxy-revalidate'], ['s-maxage=10'], ['no-cache']])(
    '§4.2.4: %s forbids stale, by both policies',
    (directive) => {
      const fields = ['Cache-Control', `max-age=10, stale-while-revalidate=60, stale-if-error=60, ${directive}`];
      for (const policy of [standards, cloudFront()]) {
        expect(factsOf(fields, policy)).toMatchObject({
          neverStale: true,
          staleOnErrorMs: 0,
          staleOnDisconnectMs: 0,
          staleWhileRevalidateMs: 0,
        });
      }
    },
  );

  it("RFC 5861 §4: stale-if-error takes the place of the behaviour's bound, both ways", () => {
    for (const policy of [standards, cloudFront()]) {
      for (const seconds of [0, 60]) {
        expect(factsOf(['Cache-Control', `stale-if-error=${seconds}`], policy)).toMatchObject({
          staleOnErrorMs: seconds * 1_000,
          staleOnDisconnectMs: seconds * 1_000,
        });
      }
    }
  });

  it('when nothing is said: on 5xx by the cloudfront policy only, on a lost origin by both', () => {
    expect(factsOf([], cloudFront())).toMatchObject({ staleOnErrorMs: 10_000, staleOnDisconnectMs: 10_000 });
    expect(factsOf([], standards)).toMatchObject({ staleOnErrorMs: 0, staleOnDisconnectMs: 10_000 });
  });

  it('an error never stands in for another, by the cloudfront policy', () => {
    expect(factsOf([], cloudFront(), { status: 404 })).toMatchObject({ staleOnErrorMs: 0, staleOnDisconnectMs: 0 });
  });
});
