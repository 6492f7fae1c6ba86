import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTargetedCacheControl } from '../../../src/formats/http-fields/targeted-cache-control.ts';

describe('parseTargetedCacheControl (RFC 9213 §2.1)', () => {
  it.each<[string, object]>([
    ['max-age=60', { maxAgeSeconds: 60, noStore: false }],
    [
      's-maxage=60, stale-if-error=5, stale-while-revalidate=7',
      { sMaxageSeconds: 60, staleIfErrorSeconds: 5, staleWhileRevalidateSeconds: 7 },
    ],
    ['no-store, no-cache, private, public', { noStore: true, noCache: true, private: true, public: true }],
    [
      'must-revalidate, proxy-revalidate, must-understand, immutable',
      { mustRevalidate: true, proxyRevalidate: true, mustUnderstand: true, immutable: true },
    ],
    ['no-store=?0, max-age=5', { noStore: false, maxAgeSeconds: 5 }],
    ['max-age=999999999999999', { maxAgeSeconds: 2 ** 31 }],
    [
      'no-cache="A, b", private="c"',
      { noCache: false, noCacheFields: ['a', 'b'], private: false, privateFields: ['c'] },
    ],
    ['private="a b"', { private: true, privateFields: [] }],
    ['foo=1, max-age=5;x=1', { maxAgeSeconds: 5 }],
    ['foo', { maxAgeSeconds: undefined, noStore: false }],
  ])('reads %s', (text, directives) => {
    expect(parseTargetedCacheControl([text])).toMatchObject(directives);
  });

  it.each([
    ['max-age="60"'],
    ['max-age=60.0'],
    ['max-age=-1'],
    ['max-age'],
    ['max-age=60, no-store=1'],
    ['no-store="x"'],
    ['no-cache=1'],
    ['Max-Age=60'],
    ['max-age=60,'],
    ['max-age=60; max-age'.replace(' max', ' Max')],
    [''],
  ])('ignores the whole of %j', (text) => {
    expect(parseTargetedCacheControl([text])).toBeUndefined();
  });

  it('is absent where the field is, and never throws', () => {
    expect(parseTargetedCacheControl([])).toBeUndefined();
    fc.assert(fc.property(fc.array(fc.string()), (lines) => void parseTargetedCacheControl(lines)));
  });
});
