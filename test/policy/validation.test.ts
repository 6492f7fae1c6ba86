import { describe, expect, it } from 'vitest';
import { originRequestFields } from '../../src/policy/origin-request.ts';
import { confirms, mergeNotModified, revalidationFields } from '../../src/policy/validation.ts';
import { selectingFields, variantKey } from '../../src/policy/variants.ts';

describe('revalidationFields (RFC 9111 §4.3.1)', () => {
  it('asks with one ETag as it came and with Last-Modified, each if it is one', () => {
    const date = 'Thu, 01 Jan 2026 00:00:00 GMT';
    expect(revalidationFields(['etag', 'W/"a"', 'Last-Modified', date])).toEqual([
      'If-None-Match',
      'W/"a"',
      'If-Modified-Since',
      date,
    ]);
    expect(revalidationFields(['ETag', 'unquoted', 'Last-Modified', date])).toEqual(['If-Modified-Since', date]);
    expect(revalidationFields(['ETag', '"a"', 'Last-Modified', 'yesterday'])).toEqual(['If-None-Match', '"a"']);
    expect(revalidationFields(['Date', date])).toEqual([]);
  });
});

describe('mergeNotModified (RFC 9111 §3.2)', () => {
  it('takes every new field but those that describe the stored body or one connection', () => {
    const stored = ['ETag', '"a"', 'X-A', '1', 'X-A', '2', 'Content-Encoding', 'gzip', 'Cache-Control', 'max-age=1'];
    const news = [
      'x-a',
      '3',
      'Content-Length',
      '0',
      'Content-Encoding',
      'br',
      'Content-Range',
      'x',
      'Connection',
      'X-Hop',
      'X-Hop',
      '1',
      'Cache-Control',
      'max-age=9',
    ];
    expect(mergeNotModified(stored, news)).toEqual([
      'ETag',
      '"a"',
      'Content-Encoding',
      'gzip',
      'x-a',
      '3',
      'Cache-Control',
      'max-age=9',
    ]);
  });
});

describe('confirms (RFC 9111 §4.3.3)', () => {
  it.each([
    [['ETag', '"a"'], ['ETag', '"a"'], true],
    [['ETag', '"a"'], ['ETag', 'W/"a"'], true],
    [['ETag', '"b"'], ['ETag', '"a"'], false],
    [[], ['ETag', '"a"'], true],
    [['Last-Modified', 'x'], ['Last-Modified', 'x'], true],
    [['Last-Modified', 'y'], ['Last-Modified', 'x'], false],
  ])('a 304 with %j about %j: %s', (notModified, stored, confirmed) => {
    expect(confirms(notModified, stored)).toBe(confirmed);
  });
});

describe('variants (RFC 9111 §4.1)', () => {
  it('are chosen by what Vary names, and by encoding where the origin forgot to say so', () => {
    expect(selectingFields(['Vary', 'B, a'])).toEqual(['a', 'b']);
    expect(selectingFields(['Content-Encoding', 'gzip'])).toEqual(['accept-encoding']);
    expect(selectingFields(['Content-Encoding', 'identity'])).toEqual([]);
    expect(selectingFields(['Vary', '*'])).toBe('any');
  });

  it('tell an absent field from an empty one, and no spelling from another', () => {
    const key = (fields: string[]) => variantKey(['a', 'b'], fields);
    expect(key([])).not.toBe(key(['A', '']));
    expect(key(['A', 'x,y'])).toBe(key(['a', ' x', 'A', 'y ']));
    expect(key(['A', 'x'])).not.toBe(key(['B', 'x']));
    expect(variantKey([], ['A', 'x'])).toBe('');
  });
});

describe('originRequestFields', () => {
  const identity = { via: '1.1 here (StreamFront)', cdnId: 'streamfront-1' };
  const request = {
    acceptEncoding: undefined,
    forwardedFor: undefined,
    viewerAddress: '192.0.2.1',
    via: undefined,
    cdnLoop: undefined,
    requestId: 'id',
    viewerFields: [],
  };

  it('appends to chains, and does not carry on one that is no chain any more', () => {
    expect(
      originRequestFields({ ...request, forwardedFor: 'a', via: 'b', cdnLoop: 'c', acceptEncoding: 'gzip' }, identity, [
        'If-None-Match',
        '"x"',
      ]),
    ).toEqual([
      'User-Agent',
      'StreamFront',
      'Accept-Encoding',
      'gzip',
      'X-Forwarded-For',
      'a, 192.0.2.1',
      'Via',
      'b, 1.1 here (StreamFront)',
      'CDN-Loop',
      'c, streamfront-1',
      'X-Request-Id',
      'id',
      'If-None-Match',
      '"x"',
    ]);
    expect(originRequestFields({ ...request, forwardedFor: 'x'.repeat(2_000) }, identity, [])).toEqual([
      'User-Agent',
      'StreamFront',
      'X-Forwarded-For',
      '192.0.2.1',
      'Via',
      identity.via,
      'CDN-Loop',
      'streamfront-1',
      'X-Request-Id',
      'id',
    ]);
  });
});
