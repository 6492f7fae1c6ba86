import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Ban, BanList, everyTag } from '../../src/policy/ban-list.ts';

const openList = (start = 100) =>
  new BanList({ beginSequence: start, forgottenSequence: start, currentSequence: start });

const exact = (cacheKey: string): Ban => ({ kind: 'exact', cacheKey });
const prefix = (cacheKeyPrefix: string): Ban => ({ kind: 'prefix', cacheKeyPrefix });
const tag = (name: string, distribution = 'site'): Ban => ({ kind: 'tag', distribution, tag: name });

describe('BanList.isBanned', () => {
  it.each<[string, Ban, string, string[], boolean]>([
    ['its very key', exact('site /a'), 'site /a', [], true],
    ['a slice of it', exact('site /a'), 'site /a#12', [], true],
    ['the same path with a query', exact('site /a'), 'site /a?x=1', [], false],
    ['the same path elsewhere', exact('site /a'), 'other /a', [], false],
    ['another case', exact('site /a'), 'site /A', [], false],
    ['what begins so', prefix('site /a'), 'site /ab/c?x', [], true],
    ['a slice of what begins so', prefix('site /a'), 'site /ab#0', [], true],
    ['what does not begin so', prefix('site /ab'), 'site /a', [], false],
    ['the same elsewhere', prefix('site /'), 'other /a', [], false],
    ['what has the tag', tag('red'), 'site /a', ['blue', 'red'], true],
    ['a slice of what has the tag', tag('red'), 'site /a#1', ['red'], true],
    ['what has other tags', tag('red'), 'site /a', ['blue', 'reddish'], false],
    ['what has it elsewhere', tag('red'), 'other /a', ['red'], false],
  ])('%s', (_what, ban, cacheKey, tags, banned) => {
    const bans = openList();
    const before = bans.current;
    const sequence = bans.add([ban]);
    expect(sequence).toBe(before + 1);
    expect(bans.current).toBe(sequence);
    expect(bans.isBanned(cacheKey, tags, before)).toBe(banned);
    expect(bans.isOutdated(cacheKey, tags, before)).toBe(banned);
    expect(bans.isBanned(cacheKey, tags, sequence)).toBe(false);
    expect(bans.isOutdated(cacheKey, tags, sequence)).toBe(false);
  });

  it('tells what came before a ban from what came after, for any order of bans and fetches', () => {
    const keys = ['site /', 'site /a', 'site /a?x=1', 'site /a/b', 'other /a', 'site /a#3'];
    const anyBan = fc.oneof(
      fc.constantFrom(...keys.slice(0, 5)).map(exact),
      fc.constantFrom('site /', 'site /a', 'site /a/', 'other /', 'site /a?').map(prefix),
      fc.constantFrom('red', 'blue').map((name) => tag(name)),
    );
    const anyFetch = fc.record({ key: fc.constantFrom(...keys), tags: fc.subarray(['red', 'blue', 'green']) });
    const names = (ban: Ban, key: string, tags: readonly string[]) => {
      const object = key.replace(/#\d+$/, '');
      if (ban.kind === 'exact') return object === ban.cacheKey;
      if (ban.kind === 'prefix') return object.startsWith(ban.cacheKeyPrefix);
      return object.startsWith(`${ban.distribution} `) && tags.includes(ban.tag);
    };
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.array(anyBan, { maxLength: 3 }), anyFetch), { maxLength: 30 }), (events) => {
        const bans = openList();
        const fetched: { key: string; tags: readonly string[]; sequence: number; banned: boolean }[] = [];
        for (const event of events) {
          if (!Array.isArray(event)) {
            fetched.push({ ...event, sequence: bans.current, banned: false });
            continue;
          }
          bans.add(event);
          for (const one of fetched) one.banned ||= event.some((ban) => names(ban, one.key, one.tags));
        }
        for (const { key, tags, sequence, banned } of fetched) {
          expect(bans.isBanned(key, tags, sequence)).toBe(banned);
          expect(bans.isOutdated(key, tags, sequence)).toBe(banned);
        }
      }),
    );
  });

  it('does not vouch for what was stored under another list', () => {
    const bans = openList(100);
    bans.add([exact('site /a')]);
    expect(bans.isBanned('site /b', [], 99)).toBe(true);
    expect(bans.isBanned('site /b', [], 100)).toBe(false);
    expect(bans.isBanned('site /b', [], 102)).toBe(true);
  });

  it('keeps the numbers of an earlier run', () => {
    const bans = new BanList({ beginSequence: 10, forgottenSequence: 20, currentSequence: 50 });
    bans.restore([exact('site /a')], 30);
    expect(bans.isBanned('site /a', [], 29)).toBe(true);
    expect(bans.isBanned('site /a', [], 30)).toBe(false);
    expect(bans.add([])).toBe(51);
  });
});

describe('BanList.isOutdated', () => {
  it('takes any tag ban of its distribution for one of what goes with every tag', () => {
    const bans = openList();
    bans.add([tag('red')]);
    expect(bans.isOutdated('site /a', everyTag, 100)).toBe(true);
    expect(bans.isOutdated('other /a', everyTag, 100)).toBe(false);
    expect(bans.isOutdated('site /a', everyTag, bans.current)).toBe(false);
  });

  it('knows what was written to, which says nothing of what is stored', () => {
    const bans = openList();
    bans.outdate('site /a');
    expect(bans.isOutdated('site /a', [], 100)).toBe(true);
    expect(bans.isOutdated('site /a#2', [], 100)).toBe(true);
    expect(bans.isOutdated('site /b', [], 100)).toBe(false);
    expect(bans.isOutdated('site /a', [], bans.current)).toBe(false);
    expect(bans.isBanned('site /a', [], 100)).toBe(false);
  });

  it('is bounded: when more is written to than it can hold, fetches older than what it let go are all out of date', () => {
    const bans = openList();
    for (let i = 0; i < 10_001; i++) bans.outdate(`site /${i}`);
    expect(bans.isOutdated('site /never', [], 100)).toBe(true);
    expect(bans.isOutdated('site /never', [], 101)).toBe(false);
    expect(bans.isOutdated('site /10000', [], 101)).toBe(true);
  });
});

describe('BanList.forget', () => {
  it('lets go what has been carried out: stored things are free of it, and what still runs from before is out of date', () => {
    const bans = openList();
    const first = bans.add([exact('site /a'), prefix('site /p'), tag('red')]);
    const second = bans.add([exact('site /b')]);
    bans.forget(first);
    for (const [cacheKey, tags] of [
      ['site /a', []],
      ['site /p/1', []],
      ['site /t', ['red']],
    ] as const) {
      expect(bans.isBanned(cacheKey, tags, 100)).toBe(false);
      expect(bans.isOutdated(cacheKey, tags, 100)).toBe(true);
    }
    expect(bans.isBanned('site /b', [], 100)).toBe(true);
    expect(bans.isOutdated('site /c', [], first)).toBe(false);
    expect(bans.isOutdated('site /b', [], first)).toBe(true);
    expect(bans.current).toBe(second);
  });
});
