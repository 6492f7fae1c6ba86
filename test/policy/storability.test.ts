import { describe, expect, it } from 'vitest';
import { parseCacheControl } from '../../src/formats/http-fields/cache-control.ts';
import { fieldValues } from '../../src/formats/http-fields/field-lines.ts';
import { explicitLifetimeMs } from '../../src/policy/freshness.ts';
import { storability } from '../../src/policy/storability.ts';

function judge(
  status: number,
  fields: string[],
  context: { minTtlMs?: number; defaultTtlMs?: number; authorized?: boolean } = {},
) {
  const cacheControl = parseCacheControl(fieldValues(fields, 'cache-control'));
  const rule = storability(
    { status, fields, cacheControl },
    {
      explicitLifetimeMs: explicitLifetimeMs(fields, cacheControl, 0),
      minTtlMs: 0,
      defaultTtlMs: 0,
      authorized: false,
      ...context,
    },
  );
  return rule.kind === 'private' ? rule.reason : rule.kind;
}

describe('storability (RFC 9111 §3, CloudFront TTL and errors)', () => {
  it.each([[200], [203], [204], [300], [301], [308], [404], [405], [410], [414], [500], [501], [502], [503], [504]])(
    '%i is stored when the origin says nothing',
    (status) => {
      expect(judge(status, [])).toBe('store');
    },
  );

  it.each([[302], [303], [307], [400], [401], [403], [412], [415], [429], [299], [599]])(
    '%i is stored only with an explicit lifetime, and else shared with those who wait',
    (status) => {
      expect(judge(status, [])).toBe('share');
      expect(judge(status, ['Cache-Control', 'max-age=0'])).toBe('share');
      expect(judge(status, ['Cache-Control', 'max-age=60'])).toBe('store');
    },
  );

  it.each([
    [206, 'partial'],
    [416, 'partial'],
    [304, 'not-modified'],
  ])('%i is nobody else’s answer', (status, reason) => {
    expect(judge(status, ['Cache-Control', 'public, max-age=60'], { minTtlMs: 1_000 })).toBe(reason);
  });

  it.each([
    [['Cache-Control', 'no-store, max-age=60'], 'no-store'],
    [['Cache-Control', 'Private'], 'private'],
    [['Cache-Control', 'private="set-cookie", max-age=60'], 'private'],
    [['Cache-Control', 'no-cache'], 'no-cache'],
    [['Cache-Control', 'no-cache="x"'], 'no-cache'],
    [['Set-Cookie', 'a=b', 'Cache-Control', 'public, max-age=60'], 'set-cookie'],
    [['Vary', 'origin', 'Vary', 'a, *'], 'vary-any'],
  ])('%j is private', (fields, reason) => {
    expect(judge(200, fields)).toBe(reason);
  });

  it('a minimum TTL overrules no-store, no-cache and private, but for errors, Set-Cookie and Vary: *', () => {
    for (const directive of ['no-store', 'no-cache', 'private']) {
      expect(judge(200, ['Cache-Control', directive], { minTtlMs: 1_000 })).toBe('store');
      expect(judge(404, ['Cache-Control', directive], { minTtlMs: 1_000 })).toBe(directive);
    }
    expect(judge(200, ['Set-Cookie', 'a=b'], { minTtlMs: 1_000 })).toBe('set-cookie');
    expect(judge(200, ['Vary', '*'], { minTtlMs: 1_000 })).toBe('vary-any');
  });

  it('must-understand overrules no-store where the status is understood (§5.2.2.3)', () => {
    expect(judge(200, ['Cache-Control', 'no-store, must-understand'])).toBe('store');
    expect(judge(599, ['Cache-Control', 'no-store, must-understand, max-age=5'])).toBe('no-store');
  });

  it('an answer to an authorised request needs public, s-maxage or must-revalidate (§3.5)', () => {
    expect(judge(200, ['Cache-Control', 'max-age=60'], { authorized: true })).toBe('authorization');
    for (const directive of ['public', 's-maxage=1', 'must-revalidate']) {
      expect(judge(200, ['Cache-Control', directive], { authorized: true })).toBe('store');
    }
  });
});
