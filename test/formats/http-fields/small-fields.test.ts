import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normaliseAcceptEncoding } from '../../../src/formats/http-fields/accept-encoding.ts';
import { parseAgeSeconds } from '../../../src/formats/http-fields/age.ts';
import { formatCacheStatus } from '../../../src/formats/http-fields/cache-status.ts';
import {
  parseEntityTag,
  parseIfNoneMatch,
  sameStrongly,
  sameWeakly,
} from '../../../src/formats/http-fields/entity-tag.ts';
import { fieldNames, fieldValue, fieldValues, withoutFields } from '../../../src/formats/http-fields/field-lines.ts';
import { endToEndFields } from '../../../src/formats/http-fields/hop-by-hop.ts';
import { splitList, unquote } from '../../../src/formats/http-fields/list.ts';
import { parseVary } from '../../../src/formats/http-fields/vary.ts';

describe('field lines', () => {
  const fields = ['Via', 'a', 'X', '1', 'vIA', 'b'];
  it('are looked up without regard to case, in order, joined as a list', () => {
    expect(fieldValues(fields, 'via')).toEqual(['a', 'b']);
    expect(fieldValue(fields, 'via')).toBe('a, b');
    expect(fieldValue(fields, 'y')).toBeUndefined();
    expect(withoutFields(fields, new Set(['via']))).toEqual(['X', '1']);
    expect(fieldNames(fields)).toEqual(new Set(['via', 'x']));
  });
});

describe('splitList (RFC 9110 §5.6.1)', () => {
  it.each([
    ['a, b,c', ['a', 'b', 'c']],
    [' ,, a ,\t', ['a']],
    ['a="x, y", b', ['a="x, y"', 'b']],
    ['a="x\\", y", b', ['a="x\\", y"', 'b']],
    ['a="x, b', ['a="x', 'b']],
    ['', []],
  ])('splits %j', (value, members) => {
    expect(splitList(value)).toEqual(members);
  });

  it('unquotes exactly one quoted string', () => {
    expect([unquote('"a\\"b"'), unquote('a'), unquote('"a"b'), unquote('"a'), unquote('""')]).toEqual([
      'a"b',
      undefined,
      undefined,
      undefined,
      '',
    ]);
  });
});

describe('parseAgeSeconds (RFC 9111 §5.1)', () => {
  it.each([
    [['5'], 5],
    [['5, 6'], 5],
    [['5', '6'], 5],
    [['007'], 7],
    [['99999999999'], 2 ** 31],
    [['7200.0'], 0],
    [['-1'], 0],
    [['a'], 0],
    [[], 0],
  ])('reads %j as %j', (values, seconds) => {
    expect(parseAgeSeconds(values)).toBe(seconds);
  });
});

describe('parseVary (RFC 9110 §12.5.5)', () => {
  it.each([
    [
      ['Accept-Encoding, origin', 'ORIGIN'],
      ['accept-encoding', 'origin'],
    ],
    [['a, *'], 'any'],
    [[], []],
  ])('reads %j', (values, names) => {
    expect(parseVary(values)).toEqual(names);
  });
});

describe('entity tags (RFC 9110 §8.8.3)', () => {
  it.each([['"a"'], ['W/"a"'], ['""'], ['"a,b\\"'], ['"\xe9"']])('%s is one', (text) => {
    expect(parseEntityTag(text)).toBeDefined();
  });

  it.each([['a'], ['w/"a"'], ['"a'], ['"a" '], ['"a b"'], ['"a"b"'], ['W/a'], ['']])('%j is none', (text) => {
    expect(parseEntityTag(text)).toBeUndefined();
  });

  it('compare weakly and strongly', () => {
    const strong = { weak: false, opaque: '"a"' };
    const weak = { weak: true, opaque: '"a"' };
    expect([sameWeakly(strong, weak), sameStrongly(strong, weak), sameStrongly(weak, weak)]).toEqual([
      true,
      false,
      false,
    ]);
    expect([sameStrongly(strong, strong), sameWeakly(strong, { weak: false, opaque: '"A"' })]).toEqual([true, false]);
  });

  it('are read one by one from If-None-Match, commas within them and all', () => {
    expect(parseIfNoneMatch(' * ')).toBe('any');
    expect(parseIfNoneMatch('"a,b", W/"c" ,"d"')).toEqual([
      { weak: false, opaque: '"a,b"' },
      { weak: true, opaque: '"c"' },
      { weak: false, opaque: '"d"' },
    ]);
    expect(parseIfNoneMatch('"a", junk, "b"')).toEqual([{ weak: false, opaque: '"a"' }]);
    fc.assert(fc.property(fc.string({ unit: 'binary-ascii' }), (text) => void parseIfNoneMatch(text)));
  });
});

describe('normaliseAcceptEncoding (RFC 9110 §12.5.3)', () => {
  it.each([
    ['gzip', 'gzip'],
    ['br, GZIP;q=0.2', 'gzip'],
    ['x-gzip', 'gzip'],
    ['*', 'gzip'],
    ['*;q=0', undefined],
    ['gzip;q=0, *', undefined],
    ['gzip; q=0.000', undefined],
    ['gzip;q=0.001', 'gzip'],
    ['br', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j comes down to %j', (value, coding) => {
    expect(normaliseAcceptEncoding(value)).toBe(coding);
  });
});

describe('endToEndFields (RFC 9110 §7.6.1)', () => {
  it('drops the hop-by-hop fields and those that Connection names', () => {
    const fields = [
      'Connection',
      'close, X-Hop',
      'X-Hop',
      '1',
      'Transfer-Encoding',
      'chunked',
      'Keep-Alive',
      'x',
      'TE',
      'x',
      'Trailer',
      'x',
      'Upgrade',
      'x',
      'Proxy-Authenticate',
      'x',
      'ETag',
      '"a"',
    ];
    expect(endToEndFields(fields)).toEqual(['ETag', '"a"']);
  });
});

describe('formatCacheStatus (RFC 9211)', () => {
  it('writes one member', () => {
    expect(formatCacheStatus('edge', { kind: 'hit', ttlSeconds: 3 })).toBe('edge; hit; ttl=3');
    expect(
      formatCacheStatus('edge', {
        kind: 'forward',
        reason: 'stale',
        status: 304,
        ttlSeconds: -1,
        stored: true,
        collapsed: true,
        detail: 'ORIGIN_RESET',
      }),
    ).toBe('edge; fwd=stale; fwd-status=304; ttl=-1; stored; collapsed; detail=ORIGIN_RESET');
    expect(formatCacheStatus('edge', { kind: 'forward', reason: 'method', stored: false })).toBe('edge; fwd=method');
  });
});
