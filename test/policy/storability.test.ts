import { describe, expect, it } from 'vitest';
import { formatHttpDate } from '../../src/formats/http-fields/http-date.ts';
import { arrivalWallMs, cloudFront, ruleOf, sharedValue, standards } from './judged.ts';

const withMinimum = cloudFront({ minTtlMs: 1_000 });
const policies = [standards, cloudFront(), withMinimum];

describe('storability by both policies (RFC 9111 §3)', () => {
  it.each([
    [206, 'private: partial'],
    [416, 'private: partial'],
    [304, 'private: not-modified'],
  ])('%i is nobody else’s answer', (status, rule) => {
    for (const policy of policies) expect(ruleOf(status, ['Cache-Control', 'public, max-age=60'], policy)).toBe(rule);
  });

  it.each([
    ['Set-Cookie is one viewer’s', ['Set-Cookie', 'a=b', 'Cache-Control', 'public, max-age=60'], 'private: set-cookie'],
    ['§4.1: Vary with * anywhere fits nobody', ['Vary', 'origin', 'Vary', 'a, *'], 'private: vary-any'],
    [
      '§5.2.2.3: must-understand with a status that is understood',
      ['Cache-Control', 'must-understand, max-age=60'],
      'store',
    ],
  ])('%s', (_what, fields, rule) => {
    for (const policy of policies) expect(ruleOf(200, fields, policy)).toBe(rule);
  });

  it.each<[string, string[], string, string]>([
    ['no-store', ['Cache-Control', 'no-store, max-age=60'], 'private: no-store', 'private: no-store'],
    ['private', ['Cache-Control', 'Private, max-age=60'], 'private: private', 'private: private'],
    [
      'private with a name that is none',
      ['Cache-Control', 'private="a b", max-age=60'],
      'private: private',
      'private: private',
    ],
    ['no-cache', ['Cache-Control', 'no-cache'], 'store-unshared', 'private: no-cache'],
    [
      'CDN-Cache-Control: no-store',
      ['CDN-Cache-Control', 'no-store', 'Cache-Control', 'max-age=60'],
      'private: no-store',
      'private: no-store',
    ],
    [
      'CDN-Cache-Control over no-store',
      ['CDN-Cache-Control', 'max-age=60', 'Cache-Control', 'no-store, private'],
      'store',
      'store',
    ],
    [
      'Surrogate-Control, which is not read where nobody says so',
      ['Surrogate-Control', 'max-age=60', 'Cache-Control', 'no-store'],
      'private: no-store',
      'private: no-store',
    ],
  ])('%s', (_what, fields, byStandards, byCloudFront) => {
    expect(ruleOf(200, fields, standards)).toBe(byStandards);
    expect(ruleOf(200, fields, cloudFront())).toBe(byCloudFront);
  });

  it.each<[string, number, string]>([
    ['no-store, must-understand, max-age=60', 200, 'store'],
    ['no-store, must-understand, max-age=60', 599, 'private: must-understand'],
    ['must-understand, max-age=60', 599, 'private: must-understand'],
  ])('§5.2.2.3: %s on a %i', (cacheControl, status, rule) => {
    for (const policy of policies) expect(ruleOf(status, ['Cache-Control', cacheControl], policy)).toBe(rule);
  });

  it.each([
    ['max-age=60', 'private: authorization'],
    ['max-age=60, proxy-revalidate', 'private: authorization'],
    ['max-age=60, public', 'store'],
    ['max-age=60, must-revalidate', 'store'],
    ['s-maxage=60', 'store'],
  ])('§3.5: an answer to a request with Authorization and %s: %s', (cacheControl, rule) => {
    for (const policy of policies) expect(ruleOf(200, ['Cache-Control', cacheControl], policy, true)).toBe(rule);
  });

  it.each([['private'], ['no-cache']])('§5.2.2.4, §5.2.2.7: %s="f" is stored without f', (directive) => {
    const fields = [
      'Cache-Control',
      `${directive}="set-cookie, X-Mine", max-age=60`,
      'Set-Cookie',
      'a=b',
      'x-mine',
      '1',
      'A',
      '2',
    ];
    for (const policy of policies) expect(ruleOf(200, fields, policy)).toBe('store');
    expect(['set-cookie', 'x-mine', 'a'].map((name) => sharedValue(fields, name))).toEqual([undefined, undefined, '2']);
  });
});

describe('storability by the standards policy (RFC 9111 §3)', () => {
  const modified = ['Last-Modified', formatHttpDate(arrivalWallMs - 1_000_000)];

  it.each([[200], [203], [204], [300], [301], [308], [404], [405], [410], [414], [501]])(
    '§4.2.2: %i may be stored when nothing is said',
    (status) => expect(ruleOf(status, modified, standards)).toBe('store'),
  );

  it.each([[201], [302], [303], [307], [400], [401], [403], [412], [429], [500], [502], [503], [504], [299], [599]])(
    '§3: %i is stored when it is explicitly fresh or public, and else for its viewer alone, failures for all who wait',
    (status) => {
      expect(ruleOf(status, modified, standards)).toBe(status >= 500 ? 'share' : 'private: no-lifetime');
      expect(ruleOf(status, ['Cache-Control', 'max-age=60'], standards)).toBe('store');
      expect(ruleOf(status, ['Expires', formatHttpDate(arrivalWallMs + 60_000)], standards)).toBe('store');
      expect(ruleOf(status, ['Cache-Control', 'public'], standards)).toBe('store');
    },
  );
});

describe('storability by the cloudfront policy', () => {
  it.each([[200], [203], [204], [300], [301], [308], [404], [414], [500], [501], [502], [503], [504]])(
    '%i is stored when the origin says nothing',
    (status) => expect(ruleOf(status, [], cloudFront())).toBe('store'),
  );

  it.each([[302], [303], [307], [400], [401], [403], [405], [410], [412], [415], [429], [299], [599]])(
    '%i is stored only with an explicit lifetime, and else shared with those who wait',
    (status) => {
      expect(ruleOf(status, [], cloudFront())).toBe('share');
      expect(ruleOf(status, ['Cache-Control', 'max-age=0'], cloudFront())).toBe('share');
      expect(ruleOf(status, ['Cache-Control', 'max-age=60'], cloudFront())).toBe('store');
    },
  );

  it('a minimum TTL overrules no-store, no-cache and private, but for errors, Set-Cookie and Vary: *', () => {
    for (const directive of ['no-store', 'no-cache', 'private']) {
      expect(ruleOf(200, ['Cache-Control', directive], withMinimum)).toBe('store');
      expect(ruleOf(404, ['Cache-Control', directive], withMinimum)).toBe(`private: ${directive}`);
    }
    expect(ruleOf(200, ['Set-Cookie', 'a=b'], withMinimum)).toBe('private: set-cookie');
    expect(ruleOf(200, ['Vary', '*'], withMinimum)).toBe('private: vary-any');
  });
});
