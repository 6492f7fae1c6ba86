import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRequestCacheControl } from '../../../src/formats/http-fields/request-cache-control.ts';
import { fieldText } from '../../support/field-text.ts';

describe('parseRequestCacheControl (RFC 9111 §5.2.1, §5.4)', () => {
  it.each<[string | undefined, string | undefined, object]>([
    ['max-age=5, min-fresh=6, max-stale=7', undefined, { maxAgeSeconds: 5, minFreshSeconds: 6, maxStaleSeconds: 7 }],
    ['No-Cache, no-store, Only-If-Cached', undefined, { noCache: true, noStore: true, onlyIfCached: true }],
    ['max-stale', undefined, { maxStaleSeconds: Number.POSITIVE_INFINITY }],
    ['max-stale=x', undefined, { maxStaleSeconds: 0 }],
    ['max-age=x', undefined, { maxAgeSeconds: 0 }],
    ['max-age', undefined, { maxAgeSeconds: 0 }],
    ['min-fresh=x', undefined, { minFreshSeconds: Number.POSITIVE_INFINITY }],
    ['max-age="5"', undefined, { maxAgeSeconds: 5 }],
    ['max-age=5, max-age=3', undefined, { maxAgeSeconds: 3 }],
    ['min-fresh=5, min-fresh=9', undefined, { minFreshSeconds: 9 }],
    ['max-stale, max-stale=9', undefined, { maxStaleSeconds: 9 }],
    ['x="no-cache, no-store"', undefined, { noCache: false, noStore: false }],
    ['no-cache-please', undefined, { noCache: false }],
    [undefined, 'no-cache', { noCache: true }],
    [undefined, 'x, No-Cache', { noCache: true }],
    [undefined, 'no-cache-please', { noCache: false }],
    ['max-age=5', 'no-cache', { noCache: false, maxAgeSeconds: 5 }],
    ['', 'no-cache', { noCache: false }],
  ])('Cache-Control: %s, Pragma: %s', (cacheControl, pragma, wants) => {
    expect(parseRequestCacheControl(cacheControl, pragma)).toMatchObject(wants);
  });

  it('never throws, and never reads a directive into what holds none', () => {
    fc.assert(
      fc.property(fieldText, (text) => {
        const wants = parseRequestCacheControl(text, text);
        const lower = text.toLowerCase();
        if (!lower.includes('no-cache')) expect(wants.noCache).toBe(false);
        if (!lower.includes('max-age')) expect(wants.maxAgeSeconds).toBeUndefined();
      }),
    );
  });
});
