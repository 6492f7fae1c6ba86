import { describe, expect, it } from 'vitest';
import { parseRequestCacheControl } from '../../src/formats/http-fields/request-cache-control.ts';
import { freshness } from '../../src/policy/freshness.ts';
import { insists, storedUse } from '../../src/policy/request-directives.ts';
import { arrivalMonotonicMs, factsOf, standards } from './judged.ts';

describe('storedUse (RFC 9111 §5.2.1)', () => {
  // A response that lives for ten seconds.
  it.each<[string, string | undefined, string, number, string]>([
    ['fresh is fresh where requests have no say', undefined, 'max-age=10', 9_999, 'as-it-is'],
    ['stale is stale where requests have no say', undefined, 'max-age=10', 10_000, 'stale'],
    ['§5.2.1.1 max-age: young enough', 'max-age=5', 'max-age=10', 5_999, 'as-it-is'],
    ['§5.2.1.1 max-age: too old', 'max-age=5', 'max-age=10', 6_000, 'not-good-enough'],
    ['§5.2.1.1 max-age=0: never', 'max-age=0', 'max-age=10', 0, 'not-good-enough'],
    ['§5.2.1.1 max-age with max-stale: stale will do', 'max-age=5, max-stale', 'max-age=10', 15_000, 'as-it-is'],
    ['§5.2.1.2 max-stale: by no more than it says', 'max-stale=3', 'max-age=10', 13_000, 'as-it-is'],
    ['§5.2.1.2 max-stale: by more than it says', 'max-stale=3', 'max-age=10', 13_001, 'stale'],
    ['§5.2.1.2 max-stale without an argument', 'max-stale', 'max-age=10', 99_000, 'as-it-is'],
    ['§4.2.4 max-stale against must-revalidate', 'max-stale', 'max-age=10, must-revalidate', 11_000, 'stale'],
    ['§4.2.4 max-stale against s-maxage', 'max-stale', 's-maxage=10', 11_000, 'stale'],
    ['§4.2.4 max-stale against no-cache', 'max-stale', 'no-cache', 0, 'stale'],
    ['§5.2.1.3 min-fresh: long enough', 'min-fresh=4', 'max-age=10', 6_000, 'as-it-is'],
    ['§5.2.1.3 min-fresh: not long enough', 'min-fresh=4', 'max-age=10', 6_001, 'not-good-enough'],
    [
      '§5.2.1.3 min-fresh with max-stale: no stale one',
      'min-fresh=4, max-stale',
      'max-age=10',
      11_000,
      'not-good-enough',
    ],
    ['§5.2.1.4 no-cache', 'no-cache', 'max-age=10', 0, 'not-good-enough'],
    ['§5.2.1.5 no-store says nothing of what is stored', 'no-store', 'max-age=10', 0, 'as-it-is'],
  ])('%s', (_what, request, response, laterMs, use) => {
    const facts = factsOf(['Cache-Control', response], standards);
    const wants = request === undefined ? undefined : parseRequestCacheControl(request, undefined);
    expect(storedUse(freshness(facts, arrivalMonotonicMs + laterMs), facts, wants)).toBe(use);
  });

  it('insists: no-cache and max-age=0 would rather have an error than something old', () => {
    const insist = (text: string) => insists(parseRequestCacheControl(text, undefined));
    expect(['no-cache', 'max-age=0', 'max-age=5', 'min-fresh=5'].map(insist)).toEqual([true, true, false, false]);
    expect(insists(undefined)).toBe(false);
  });
});
