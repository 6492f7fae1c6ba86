import { describe, expect, it } from 'vitest';
import { parseCacheControl } from '../../src/formats/http-fields/cache-control.ts';
import { fieldValues } from '../../src/formats/http-fields/field-lines.ts';
import { formatHttpDate } from '../../src/formats/http-fields/http-date.ts';
import { freshness, freshnessFacts, type TtlSettings } from '../../src/policy/freshness.ts';

const ttl: TtlSettings = { minTtlMs: 0, defaultTtlMs: 0, maxTtlMs: 31_536_000_000, maxStaleMs: 10_000 };
const wallMs = Date.UTC(2026, 0, 1, 12);
const date = (offsetMs = 0) => formatHttpDate(wallMs + offsetMs);

function factsOf(fields: string[], settings: Partial<TtlSettings> = {}, status = 200, delayMs = 0) {
  const cacheControl = parseCacheControl(fieldValues(fields, 'cache-control'));
  const timing = { requestedMonotonicMs: 5_000 - delayMs, receivedMonotonicMs: 5_000, receivedWallMs: wallMs };
  return freshnessFacts({ status, fields, cacheControl }, timing, { ...ttl, ...settings });
}

describe('freshness lifetime (RFC 9111 §4.2.1, CloudFront TTL)', () => {
  it.each<[string, string[], Partial<TtlSettings>, number]>([
    ['s-maxage beats max-age', ['Cache-Control', 'max-age=5, s-maxage=9'], {}, 9_000],
    ['max-age beats Expires', ['Cache-Control', 'max-age=5', 'Date', date(), 'Expires', date(60_000)], {}, 5_000],
    ['Expires counts from Date', ['Date', date(-2_000), 'Expires', date(60_000)], {}, 62_000],
    ['Expires counts from the arrival when there is no Date', ['Expires', date(60_000)], {}, 60_000],
    ['Expires of 0 has expired', ['Expires', '0'], { defaultTtlMs: 60_000 }, 0],
    ['Expires in the past has expired', ['Date', date(), 'Expires', date(-1_000)], {}, 0],
    ['Expires said twice has expired', ['Expires', date(60_000), 'Expires', date(60_000)], {}, 0],
    ['nothing said means the default', [], { defaultTtlMs: 60_000 }, 60_000],
    ['nothing said means the minimum when that is larger', [], { defaultTtlMs: 1_000, minTtlMs: 2_000 }, 2_000],
    ['the minimum lifts', ['Cache-Control', 'max-age=1'], { minTtlMs: 5_000 }, 5_000],
    ['the minimum lifts no-store too', ['Cache-Control', 'no-store, max-age=0'], { minTtlMs: 5_000 }, 5_000],
    ['the maximum cuts', ['Cache-Control', 'max-age=100'], { maxTtlMs: 30_000 }, 30_000],
    ['no heuristic', ['Date', date(), 'Last-Modified', date(-86_400_000)], {}, 0],
  ])('%s', (_what, fields, settings, lifetimeMs) => {
    expect(factsOf(fields, settings).lifetimeMs).toBe(lifetimeMs);
  });

  it.each([
    [[], 1_000],
    [['Cache-Control', 'max-age=600'], 1_000],
    [['Cache-Control', 'max-age=0'], 0],
  ])('an error with %j lives %i ms, whatever the minimum', (fields, lifetimeMs) => {
    for (const status of [400, 404, 500, 503]) {
      expect(factsOf(fields, { minTtlMs: 60_000 }, status).lifetimeMs).toBe(lifetimeMs);
    }
  });
});

describe('age (RFC 9111 §4.2.3)', () => {
  it.each<[string, string[], number, number]>([
    ['the Age that came', ['Age', '7', 'Date', date()], 0, 7_000],
    ['what Date says, when it is more', ['Age', '7', 'Date', date(-20_000)], 0, 19_001],
    ['no age for a Date ahead of us', ['Date', date(5_000)], 0, 0],
    ['no age for waiting when there is a Date', ['Date', date()], 2_000, 0],
    ['the delay when there is no Date', ['Age', '1'], 2_000, 3_000],
    ['no age for an invalid Age', ['Age', '1.5', 'Date', date()], 0, 0],
  ])('counts %s', (_what, fields, delayMs, ageMs) => {
    expect(factsOf(fields, {}, 200, delayMs).initialAgeMs).toBe(ageMs);
  });
});

describe('age, in milliseconds', () => {
  it('does not count what Date cut off: a response made in this very second has no age', () => {
    const timing = { requestedMonotonicMs: 0, receivedMonotonicMs: 0, receivedWallMs: wallMs + 999 };
    const response = { status: 200, fields: ['Date', date(999)], cacheControl: parseCacheControl([]) };
    expect(freshnessFacts(response, timing, ttl).initialAgeMs).toBe(0);
  });
});

describe('freshness (RFC 9111 §4.2, §4.2.4, RFC 5861)', () => {
  const facts = factsOf(['Cache-Control', 'max-age=10, stale-while-revalidate=3', 'Age', '2', 'Date', date()]);

  it('counts from arrival, and is stale from the very end of its lifetime', () => {
    expect(freshness(facts, 5_000)).toEqual({ kind: 'fresh', ageMs: 2_000, remainingMs: 8_000 });
    expect(freshness(facts, 12_999)).toMatchObject({ kind: 'fresh', remainingMs: 1 });
    expect(freshness(facts, 13_000)).toMatchObject({ kind: 'stale', staleForMs: 0, ageMs: 10_000 });
  });

  it('bounds what may be served stale, while revalidating and on error', () => {
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

  it.each([['must-revalidate'], ['proxy-revalidate'], ['s-maxage=10'], ['no-cache'], ['no-cache="a"']])(
    '%s forbids stale',
    (directive) => {
      const strict = factsOf([
        'Cache-Control',
        `max-age=10, stale-while-revalidate=60, stale-if-error=60, ${directive}`,
      ]);
      expect([strict.staleOnErrorMs, strict.staleWhileRevalidateMs]).toEqual([0, 0]);
    },
  );

  it("stale-if-error takes the place of the behaviour's bound, both ways; errors never stand in", () => {
    expect(factsOf(['Cache-Control', 'stale-if-error=60']).staleOnErrorMs).toBe(60_000);
    expect(factsOf(['Cache-Control', 'stale-if-error=0']).staleOnErrorMs).toBe(0);
    expect(factsOf([], {}, 404).staleOnErrorMs).toBe(0);
  });
});
