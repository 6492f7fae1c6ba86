import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseInvalidationPattern } from '../../src/policy/invalidation-pattern.ts';
import { anyText } from '../support/any-text.ts';

describe('parseInvalidationPattern', () => {
  it.each([
    ['/a/b.jpg', { kind: 'exact', path: '/a/b.jpg', query: '' }],
    ['/A', { kind: 'exact', path: '/A', query: '' }],
    ['/a?x=1&b=2', { kind: 'exact', path: '/a', query: 'x=1&b=2' }],
    ['/a?', { kind: 'exact', path: '/a', query: '' }],
    ['/%7euser/./x', { kind: 'exact', path: '/~user/x', query: '' }],
    ['/café', { kind: 'exact', path: '/caf%C3%A9', query: '' }],
    ['/a b', { kind: 'exact', path: '/a%20b', query: '' }],
    ['/*', { kind: 'prefix', prefix: '/' }],
    ['/a*', { kind: 'prefix', prefix: '/a' }],
    ['/a/*', { kind: 'prefix', prefix: '/a/' }],
    ['/a/..*', { kind: 'prefix', prefix: '/a/..' }],
    ['/a?*', { kind: 'prefix', prefix: '/a?' }],
    ['/a?x=1*', { kind: 'prefix', prefix: '/a?x=1' }],
    ['/caf\u00e9/*', { kind: 'prefix', prefix: '/caf%C3%A9/' }],
    ['#red', { kind: 'tag', tag: 'red' }],
    ['#Product-12', { kind: 'tag', tag: 'product-12' }],
    [`/${'a'.repeat(3_999)}`, { kind: 'exact', path: `/${'a'.repeat(3_999)}`, query: '' }],
  ])('reads %j', (item, pattern) => {
    expect(parseInvalidationPattern(item)).toEqual(pattern);
  });

  it.each([
    ['', 'begins with "/"'],
    ['a', 'begins with "/"'],
    ['*', 'begins with "/"'],
    ['http://host/a', 'begins with "/"'],
    ['/a*b', '"*" may stand at the end only'],
    ['/**', '"*" may stand at the end only'],
    ['/a#b', 'holds no "#"'],
    ['/a?b#c*', 'holds no "#"'],
    ['/%', 'hexadecimal'],
    ['/%4*', 'hexadecimal'],
    ['/%00', 'hexadecimal'],
    ['/a\nb', 'control'],
    ['/\ud800', 'control'],
    ['#', '1 to 256'],
    ['#a b', '1 to 256'],
    ['#a,b', '1 to 256'],
    ['#é', '1 to 256'],
    ['#a*', '1 to 256'],
    [`#${'a'.repeat(257)}`, '1 to 256'],
    [`/${'a'.repeat(4_000)}`, 'it has 4001 characters; at most 4000'],
  ])('refuses %j and says why', (item, why) => {
    const pattern = parseInvalidationPattern(item);
    expect(pattern).toMatchObject({ kind: 'malformed' });
    expect(pattern.kind === 'malformed' && pattern.sentence).toContain(why);
  });

  it('never throws, and what it gives is spelt as requests are', () => {
    const item = fc.oneof(
      anyText(),
      fc.string({ unit: fc.constantFrom(...Array.from('/a%2eF?*#é .&=')) }).map((text) => `/${text}`),
    );
    fc.assert(
      fc.property(item, (text) => {
        const pattern = parseInvalidationPattern(text);
        if (pattern.kind === 'exact') {
          expect(pattern.path).toMatch(/^\/[!-~]*$/);
          expect(pattern.path).not.toContain('*');
        }
        if (pattern.kind === 'prefix') expect(pattern.prefix).toMatch(/^\/[!-~]*$/);
      }),
      { numRuns: 2_000 },
    );
  });
});
