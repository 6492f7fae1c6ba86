import { describe, expect, it } from 'vitest';
import {
  isForwardable,
  keyedFields,
  originRequestFields,
  passedThroughFields,
  viewerFieldsForOrigin,
} from '../../src/policy/origin-request.ts';
import { confirms, headSpeaksOf, mergeNotModified, revalidationFields } from '../../src/policy/validation.ts';
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
    connectedFrom: '192.0.2.1',
    viewerProtocol: 'https' as const,
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
      'X-Forwarded-Proto',
      'https',
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
      'X-Forwarded-Proto',
      'https',
      'Via',
      identity.via,
      'CDN-Loop',
      'streamfront-1',
      'X-Request-Id',
      'id',
    ]);
  });
});

describe('viewerFieldsForOrigin', () => {
  const sent = Object.entries({
    Host: 'a',
    Cookie: 'a=b',
    'Accept-Language': 'de',
    'X-Any': '1',
    Connection: 'x-hop',
    'X-Hop': '1',
    Range: 'bytes=0-1',
    'If-None-Match': '"a"',
    'Accept-Encoding': 'br',
    'X-Forwarded-Host': 'evil',
    'X-Original-URL': '/admin',
    'X-HTTP-Method-Override': 'PUT',
    Forwarded: 'host=x',
  }).flat();

  it('lets through what the behaviour says, and never what the edge says or what pretends', () => {
    expect(viewerFieldsForOrigin(sent, new Set())).toEqual([]);
    expect(viewerFieldsForOrigin(sent, new Set(['accept-language', 'x-hop', 'x-original-url']))).toEqual([
      'Accept-Language',
      'de',
    ]);
    expect(viewerFieldsForOrigin(sent, 'all')).toEqual(['Cookie', 'a=b', 'Accept-Language', 'de', 'X-Any', '1']);
  });

  it('passes conditions and bodies on where the answer is for one viewer', () => {
    const passed = passedThroughFields([...sent, 'Content-Type', 'text/plain', 'Expect', '100-continue']);
    expect(passed.filter((_text, index) => index % 2 === 0)).toEqual([
      'Cookie',
      'Accept-Language',
      'X-Any',
      'Range',
      'If-None-Match',
      'Content-Type',
    ]);
  });

  it.each([
    ['x-forwarded-for'],
    ['x-forwarded-scheme'],
    ['x-rewrite-url'],
    ['x-host'],
    ['x-original-method'],
    ['true-client-ip'],
    ['host'],
    ['range'],
  ])('%s can never be forwarded by name', (name) => expect(isForwardable(name)).toBe(false));

  it('what is forwarded by name tells variants apart whatever Vary says, and with all Vary alone does', () => {
    expect(keyedFields(new Set(['b', 'a']))).toEqual(['a', 'b']);
    expect(keyedFields('all')).toEqual([]);
    expect(selectingFields(['Vary', 'c'], ['b', 'a'])).toEqual(['a', 'b', 'c']);
  });
});

describe('headSpeaksOf (RFC 9111 §4.3.5)', () => {
  const stored = ['ETag', '"a"', 'Last-Modified', 'x'];
  it.each<[string[], boolean]>([
    [['ETag', '"a"', 'Last-Modified', 'x', 'Content-Length', '5'], true],
    [[], true],
    [['ETag', 'W/"a"'], false],
    [['ETag', '"b"'], false],
    [['Last-Modified', 'y'], false],
    [['Content-Length', '6'], false],
  ])('%j: %s', (head, speaks) => {
    expect(headSpeaksOf(head, stored, 5)).toBe(speaks);
    if (head.includes('ETag')) expect(headSpeaksOf(head, [], 5)).toBe(false);
  });
});
