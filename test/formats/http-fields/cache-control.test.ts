import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCacheControl } from '../../../src/formats/http-fields/cache-control.ts';

describe('parseCacheControl (RFC 9111 §5.2.2)', () => {
  it.each([
    ['max-age=60', 60],
    ['MAX-AGE=60', 60],
    ['max-age="60"', 60],
    ['max-age=0060', 60],
    ['max-age=99999999999999999999', 2 ** 31],
    ['max-age=60, max-age=30', 30],
    ['max-age=30, max-age=60', 30],
    ["max-age='60'", 0],
    ['max-age=-60', 0],
    ['max-age=60.5', 0],
    ['max-age=6 0', 0],
    ['max-age =60', 0],
    ['max-age= 60', 0],
    ['max-age=', 0],
    ['max-age', 0],
    ['max-age="60', 0],
    ['public, , max-age=60 ,', 60],
    ['x="max-age=5, no-store", max-age=60', 60],
    ['x=max-age, y', undefined],
    ['maxage=60', undefined],
    ['', undefined],
  ])('reads max-age of %j as %j', (value, seconds) => {
    expect(parseCacheControl([value]).maxAgeSeconds).toBe(seconds);
  });

  it('merges lines, and takes what stands within quotes for no directive', () => {
    const parsed = parseCacheControl(['public, x="no-store"', 'S-MaxAge=5', 'no-transform']);
    expect(parsed).toMatchObject({ public: true, noStore: false, sMaxageSeconds: 5 });
    expect(parseCacheControl(['a="x, no-store'])).toMatchObject({ noStore: true });
  });

  it('tells the qualified forms of private and no-cache from the unqualified ones', () => {
    expect(parseCacheControl(['private="Set-Cookie, X-A", no-cache=x-b'])).toMatchObject({
      private: false,
      privateFields: ['set-cookie', 'x-a'],
      noCache: false,
      noCacheFields: ['x-b'],
    });
    expect(parseCacheControl(['private="a", private'])).toMatchObject({ private: true, privateFields: ['a'] });
    expect(parseCacheControl(['private=""', 'no-cache="a b"'])).toMatchObject({ private: true, noCache: true });
  });

  it('knows the other directives', () => {
    const value =
      'must-revalidate, Proxy-Revalidate, must-understand, immutable, stale-if-error=5, stale-while-revalidate=x';
    expect(parseCacheControl([value])).toMatchObject({
      mustRevalidate: true,
      proxyRevalidate: true,
      mustUnderstand: true,
      immutable: true,
      staleIfErrorSeconds: 5,
      staleWhileRevalidateSeconds: 0,
    });
  });

  it('never throws, and never overlooks an unquoted no-store, whatever stands before it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (noise) => {
        expect(parseCacheControl([noise.replaceAll('"', ''), 'no-store']).noStore).toBe(true);
        parseCacheControl([noise]);
      }),
    );
  });
});
