import { describe, expect, it } from 'vitest';
import { GhostList } from '../../src/policy/ghost-list.ts';

const keys = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `site /${prefix}/${i}.m4s`);

describe('GhostList', () => {
  it('remembers a key until it is taken', () => {
    const ghosts = new GhostList();
    ghosts.add('site /a');
    expect([ghosts.take('site /a'), ghosts.take('site /a'), ghosts.take('site /b')]).toEqual([true, false, false]);
  });

  it('remembers most of as many keys as it was fitted for, and takes hardly a stranger for one of them', () => {
    const ghosts = new GhostList();
    ghosts.fit(16_000);
    const known = keys('known', 10_000);
    for (const key of known) ghosts.add(key);
    expect(keys('stranger', 10_000).filter((key) => ghosts.take(key)).length).toBeLessThan(30);
    expect(known.filter((key) => ghosts.take(key)).length).toBeGreaterThan(8_500);
  });

  it('forgets what was added longest ago', () => {
    const ghosts = new GhostList();
    const old = keys('old', 200);
    for (const key of [...old, ...keys('new', 20_000)]) ghosts.add(key);
    expect(old.filter((key) => ghosts.take(key))).toEqual([]);
  });
});
