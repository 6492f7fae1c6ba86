import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileBehaviours, compileHosts, compilePathPattern } from '../../src/policy/behaviour-match.ts';

describe('compilePathPattern', () => {
  it.each([
    ['*', '/anything/at/all', true],
    ['/*', '/', true],
    ['/live/*', '/live/a/b.m3u8', true],
    ['live/*', '/live/a', true],
    ['/live/*', '/live', false],
    ['/live/*', '/Live/a', false],
    ['*.jpg', '/a/b.jpg', true],
    ['*.jpg', '/a/b.jpgx', false],
    ['/a?c', '/abc', true],
    ['/a?c', '/ac', false],
    ['/a?c', '/a/c', true],
    ['/a*b*c', '/axxbyybzzc', true],
    ['/a*b*c', '/axxcyyb', false],
    ['/a*', '/a', true],
    ['/exact', '/exact', true],
    ['/exact', '/exact/', false],
    ['/a.c', '/abc', false],
    ['/a**?', '/a', false],
    ['?', '/x', true],
  ])('%s and %s: %s', (pattern, path, fits) => {
    expect(compilePathPattern(pattern)(path)).toBe(fits);
  });

  it('agrees with the obvious regular expression', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '/'), maxLength: 8 });
    const path = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 12 });
    fc.assert(
      fc.property(pattern, path, (written, rest) => {
        const source = written.replace(/^\//, '').replaceAll('*', '.*').replaceAll('?', '.');
        expect(compilePathPattern(written)(`/${rest}`)).toBe(new RegExp(`^/${source}$`, 's').test(`/${rest}`));
      }),
      { numRuns: 2_000 },
    );
  });

  it('has no exponential case', () => {
    const pattern = compilePathPattern(`/${'*a'.repeat(120)}b`);
    const startMs = performance.now();
    expect(pattern(`/${'a'.repeat(8_000)}`)).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(500);
  });
});

describe('compileBehaviours', () => {
  it('takes the first that fits', () => {
    const behaviourOf = compileBehaviours([{ path: '/a/*' }, { path: '*.jpg' }, { path: '/b' }]);
    expect(['/a/x.jpg', '/x.jpg', '/b', '/c'].map((path) => behaviourOf(path)?.path)).toEqual([
      '/a/*',
      '*.jpg',
      '/b',
      undefined,
    ]);
  });
});

describe('compileHosts', () => {
  const named = { hosts: ['Example.org'], name: 'named' };
  const below = { hosts: ['*.example.org', '*.deep.example.org'], name: 'below' };
  const deeper = { hosts: ['*.deep.example.org', '*.a.example.org'], name: 'deeper' };
  const any = { hosts: ['*'], name: 'any' };

  it.each([
    ['example.org', 'named'],
    ['EXAMPLE.org:8080', 'named'],
    ['example.org.', 'named'],
    ['x.example.org', 'below'],
    ['x.deep.example.org', 'below'],
    ['x.y.a.example.org', 'deeper'],
    ['evilexample.org', 'any'],
    ['[::1]:8080', 'any'],
    ['', 'any'],
  ])('%s belongs to %s', (host, name) => {
    expect(compileHosts([any, named, below, deeper])(host)?.name).toBe(name);
  });

  it('knows no distribution for a host that none claims', () => {
    expect(compileHosts([named])('other.org')).toBeUndefined();
    expect(compileHosts([{ hosts: ['[::1]'] }])('[::1]:8080')).toBeDefined();
  });
});
