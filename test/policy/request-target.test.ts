import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cacheKey, chooseQuery, compileChosenQuery } from '../../src/policy/cache-key.ts';
import { normalisePath, normalisePathPrefix, parseRequestTarget, readingsOf } from '../../src/policy/request-target.ts';

const awkward = [
  '%2f',
  '%2F',
  '%2e',
  '%2E%2e',
  '..',
  '.',
  '//',
  '/',
  '\\',
  '%5c',
  '\0',
  '%00',
  ';',
  ';x=1',
  'a',
  '%61',
];
awkward.push('%c0%af', '%C0%AE', '%e0%80%af', '%f0%80%80%ae', '%c1%9c', '%252f', '%', '?', '#', ' ', '\t', '\x7f');

describe('normalisePath (RFC 3986 §6.2.2)', () => {
  it.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/%7Euser', '/~user'],
    ['/%41%2d%2e%5F', '/A-._'],
    ['/a%2fb', '/a%2Fb'],
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/%2e%2E/b', '/b'],
    ['/../../etc', '/etc'],
    ['/a/..', '/'],
    ['/a/.', '/a/'],
    ['/a//b', '/a//b'],
    ['/...', '/...'],
    ['/a/..b', '/a/..b'],
    ['/a b', '/a%20b'],
    ['/a"<>\\^`{|}', '/a%22%3C%3E%5C%5E%60%7B%7C%7D'],
    ['/caf\xc3\xa9', '/caf%C3%A9'],
    ['/%252e%252e/', '/%252e%252e/'],
  ])('spells %j as %j', (path, normal) => {
    expect(normalisePath(path)).toBe(normal);
  });

  it.each([[''], ['a'], ['/%'], ['/%4'], ['/%zz'], ['/%00'], ['/\0'], ['/a#b']])('refuses %j', (path) => {
    expect(normalisePath(path)).toBeUndefined();
  });

  it('changes nothing the second time, and leaves no dot segment and no white space', () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(...Array.from('/.%2eEfF~aA4 1\xe9"')) }),
      // What is no path on its own, in every mixture.
      fc.array(fc.constantFrom(...awkward), { maxLength: 12 }).map((parts) => parts.join('')),
      // Any bytes.
      fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }),
    );
    fc.assert(
      fc.property(text, (rest) => {
        const normal = normalisePath(`/${rest}`);
        if (normal === undefined) return;
        expect(normalisePath(normal)).toBe(normal);
        expect(normal).toMatch(/^\/[\x21-\x7e]*$/);
        expect(normal.split('/')).not.toContain('..');
        expect(normal.split('/')).not.toContain('.');
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('normalisePath and spelling', () => {
  const segment = fc.string({ unit: fc.constantFrom(...Array.from('azAZ09-._~!$&\'()*+,;=:@ "<>^`{|}\\\xe9')) });
  /** The same segments with some characters escaped, in either case, and with detours through dot segments. */
  const spellings = fc.array(segment, { minLength: 1, maxLength: 4 }).chain((segments) =>
    fc.tuple(
      fc.constant(`/${segments.join('/')}`),
      fc
        .tuple(
          ...segments.map((text) =>
            fc.tuple(
              fc.constantFrom('', './', 'x/../', '%2e/', 'y/%2E%2e/'),
              fc.tuple(
                ...Array.from(text, (char) => fc.constantFrom(char, escaped(char), escaped(char).toLowerCase())),
              ),
            ),
          ),
        )
        .map((parts) => `/${parts.map(([detour, chars]) => detour + chars.join('')).join('/')}`),
    ),
  );
  const escaped = (char: string) =>
    // A delimiter means something else when it is escaped (RFC 3986 §2.2).
    /[!$&'()*+,;=:@]/.test(char) ? char : `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

  it('two spellings of one path are one path, and so one cache key', () => {
    fc.assert(
      fc.property(spellings, ([plain, spelt]) => {
        expect(normalisePath(spelt)).toBe(normalisePath(plain));
      }),
    );
  });

  it('an escaped delimiter, a doubled slash and another case are another path', () => {
    for (const [one, other] of [
      ['/a/b', '/a%2Fb'],
      ['/a;b', '/a%3Bb'],
      ['/a/b', '/a//b'],
      ['/a', '/A'],
      ['/a/b', '/a%5Cb'],
      ['/a', '/a/'],
      ['/a%2Fb', '/a%252Fb'],
      ['/./', '/%C0%AE/'],
    ] as const) {
      expect(normalisePath(one)).not.toBe(normalisePath(other));
    }
  });
});

describe('normalisePathPrefix', () => {
  it.each([
    ['/', '/'],
    ['/a', '/a'],
    ['/a/', '/a/'],
    ['/a/..', '/a/..'],
    ['/a/.', '/a/.'],
    ['/a/../b', '/b'],
    ['/a/./b', '/a/b'],
    ['/%61%2f', '/a%2F'],
    ['/a b', '/a%20b'],
  ])('spells %j as %j', (prefix, normal) => {
    expect(normalisePathPrefix(prefix)).toBe(normal);
  });

  it.each([[''], ['a'], ['/%4'], ['/%00'], ['/#']])('refuses %j', (prefix) => {
    expect(normalisePathPrefix(prefix)).toBeUndefined();
  });

  it('begins every path that is written with it, whatever follows that is no dot segment', () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from('/.%2eEfa1 ')) });
    fc.assert(
      fc.property(text, fc.string({ unit: fc.constantFrom('a', '/', 'Z') }), (rest, tail) => {
        const prefix = normalisePathPrefix(`/${rest}`);
        const path = normalisePath(`/${rest}a${tail}`);
        if (prefix === undefined || path === undefined) return;
        expect(path.startsWith(prefix)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('readingsOf', () => {
  it.each([
    ['/a/b', ['/a/b']],
    ['/a%20b', ['/a%20b']],
    ['/a%2Fb', ['/a%2Fb', '/a/b']],
    ['/a%5Cb', ['/a%5Cb', '/a/b']],
    ['//a', ['//a', '/a']],
    ['/a;x/b', ['/a;x/b', '/a/b']],
    ['/p/..%2Fa', ['/p/..%2Fa', '/a']],
    ['/p%C0%AFa', ['/p%C0%AFa', '/p/a']],
    ['/p/%C0%AE%C0%AE/a', ['/p/%C0%AE%C0%AE/a', '/a']],
    ['/p%5C..%C1%9C', ['/p%5C..%C1%9C', '/p/..%C1%9C', '/p%5C../', '/']],
    ['/p%C0%AF..%E0%80%AF', ['/p%C0%AF..%E0%80%AF', '/p/..%E0%80%AF', '/p%C0%AF../', '/']],
    ['/%2F/%5C;%C0%AE%C0%AF', undefined],
    ['/p/..;/a', ['/p/..;/a', '/a']],
  ])('of %s are %j', (path, readings) => {
    expect(readingsOf(path)).toEqual(readings);
  });

  it('are normal paths, of which the first is the path itself, and a bounded number', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...awkward), { maxLength: 12 }), (parts) => {
        const path = normalisePath(`/${parts.join('')}`);
        if (path === undefined) return;
        const readings = readingsOf(path);
        if (readings === undefined) return;
        expect(readings[0]).toBe(path);
        expect(readings.length).toBeLessThanOrEqual(8);
        for (const reading of readings) expect(reading.split('/')).not.toContain('..');
      }),
    );
  });
});

describe('parseRequestTarget (RFC 9112 §3.2)', () => {
  it.each([
    ['/a?b=c?d', { kind: 'resource', path: '/a', query: 'b=c?d', authority: undefined }],
    ['http://Host:81/a/../b?c', { kind: 'resource', path: '/b', query: 'c', authority: 'Host:81' }],
    ['http://host', { kind: 'resource', path: '/', query: '', authority: 'host' }],
    ['http://host?x', { kind: 'resource', path: '/', query: 'x', authority: 'host' }],
    ['*', { kind: 'server' }],
  ])('reads %s', (target, outcome) => {
    expect(parseRequestTarget(target)).toEqual(outcome);
  });

  it.each([['a'], [''], ['http:///a'], ['ftp://host/a'], ['/a?b#c']])('refuses %j', (target) => {
    expect(parseRequestTarget(target).kind).toBe('malformed');
  });
});

describe('chooseQuery', () => {
  const named = compileChosenQuery(['w', '_HLS_msn', 'w[]', 'ü']);

  it.each([
    ['w=1&x=2', 'w=1'],
    ['x=2', ''],
    ['w=2&w=1', 'w=2&w=1'],
    ['w=1&_HLS_msn=5', '_HLS_msn=5&w=1'],
    ['%77=1&%5fHLS_msn=2', '_HLS_msn=2&w=1'],
    ['w[]=1', 'w%5B%5D=1'],
    ['w%5b%5d=1', 'w%5B%5D=1'],
    ['%c3%bc=1', '%C3%BC=1'],
    ['w', 'w'],
    ['w=', 'w='],
    ['&&w=1&', 'w=1'],
    ['w=100%', 'w=100%25'],
    ['W=1', ''],
    ['token=w&cmcd=w', ''],
  ])('of %s keeps %s', (query, kept) => {
    expect(chooseQuery(query, named)).toBe(kept);
  });

  it('keeps all or none where that is the setting', () => {
    expect(chooseQuery('b=1&a=2', 'all')).toBe('a=2&b=1');
    expect(chooseQuery('b=1&a=2', 'none')).toBe('');
    expect(compileChosenQuery('all')).toBe('all');
  });

  it('gives the same for every order of different parameters, and changes nothing the second time', () => {
    const parameters = fc.uniqueArray(fc.string({ unit: fc.constantFrom(...Array.from('abc=%2 +')), minLength: 1 }), {
      selector: (text) => text.split('=')[0]?.trim(),
    });
    fc.assert(
      fc.property(parameters, (list) => {
        const chosen = chooseQuery(list.join('&'), 'all');
        expect(chooseQuery(chosen, 'all')).toBe(chosen);
      }),
    );
    expect(chooseQuery('c=1&a=2&b=3', 'all')).toBe(chooseQuery('b=3&c=1&a=2', 'all'));
  });
});

describe('cacheKey', () => {
  it('tells distributions, paths and queries apart', () => {
    const keys = [
      cacheKey('a', '/b', ''),
      cacheKey('a', '/b', 'c'),
      cacheKey('b', '/b', ''),
      cacheKey('a b', '/b', ''),
      cacheKey('a', '/b%3Fc', ''),
    ];
    expect(new Set(keys).size).toBe(5);
  });
});
