import { describe, expect, it } from 'vitest';
import { BanList } from '../../src/policy/ban-list.ts';
import { BanGuard } from '../../src/stores/ban-guard.ts';
import type { CacheStore } from '../../src/stores/cache-store.ts';
import { MemoryCache } from '../../src/stores/memory-cache.ts';
import { holdsTheStoreContract, opened, stored, type TestStored } from './cache-store-contract.ts';

const openList = (begin = 0) => new BanList({ beginSequence: begin, forgottenSequence: begin, currentSequence: begin });

holdsTheStoreContract('BanGuard with bans of other things', (limitBytes) => {
  const bans = openList();
  bans.add([{ kind: 'prefix', cacheKeyPrefix: 'elsewhere' }]);
  // The contract's objects of sequence 7 must not be from the future.
  for (let i = 0; i < 10; i++) bans.add([{ kind: 'exact', cacheKey: 'elsewhere' }]);
  return opened(new BanGuard(new MemoryCache<TestStored>(limitBytes), bans));
});

describe('BanGuard', () => {
  const open = () => {
    const bans = openList(100);
    const store = new BanGuard(new MemoryCache<TestStored>(100_000), bans);
    const put = (cacheKey: string, sequence: number, tags: string[] = [], variantKey = '') =>
      store.put(cacheKey, { ...stored('x', 10, variantKey), sequence, tags });
    return { bans, store, put };
  };

  it('gives nothing that was banned after its fetch began, and gives what was fetched after the ban', () => {
    const { bans, store, put } = open();
    put('site /a', 100);
    put('site /b', 100);
    bans.add([{ kind: 'exact', cacheKey: 'site /a' }]);
    expect(store.get('site /a')).toEqual([]);
    expect(store.get('site /b')).toHaveLength(1);
    put('site /a', bans.current);
    expect(store.get('site /a')).toHaveLength(1);
  });

  it('gives the variants that a tag ban does not name', () => {
    const { bans, store, put } = open();
    put('site /a', 100, ['red'], 'gzip');
    put('site /a', 100, ['blue'], 'br');
    bans.add([{ kind: 'tag', distribution: 'site', tag: 'red' }]);
    expect(store.get('site /a').map(({ variantKey }) => variantKey)).toEqual(['br']);
  });

  it('takes nothing that was banned, or written to, while it was being fetched', () => {
    const { bans, store, put } = open();
    bans.add([{ kind: 'prefix', cacheKeyPrefix: 'site /a' }]);
    bans.outdate('site /b');
    expect(put('site /ab', 100)).toBe(false);
    expect(put('site /b', 100)).toBe(false);
    expect(put('site /c', 100)).toBe(true);
    expect(store.stats().objects).toBe(1);
  });

  it('gives nothing that was banned while a lower tier was read', async () => {
    const { promise, resolve } = Promise.withResolvers<TestStored[]>();
    const bans = openList(100);
    const memory: CacheStore<TestStored> = new MemoryCache<TestStored>(1_000);
    memory.recall = () => promise;
    const recalled = new BanGuard(memory, bans).recall('site /a');
    bans.add([{ kind: 'exact', cacheKey: 'site /a' }]);
    resolve([{ ...stored('old', 10), sequence: 100 }]);
    expect(await recalled).toEqual([]);
  });

  it('borrows nothing from a lower tier that was banned, and what was not as far as the asker accepts it', () => {
    const bans = openList(100);
    const memory: CacheStore<TestStored> = new MemoryCache<TestStored>(1_000);
    memory.lend = (cacheKey, accepts) => {
      const old = { ...stored(cacheKey, 10), sequence: 100 };
      return accepts(old) ? { stored: old, giveBack: () => {} } : undefined;
    };
    const store = new BanGuard(memory, bans);
    bans.add([{ kind: 'exact', cacheKey: 'site /a' }]);
    expect(store.lend('site /a', () => true)).toBeUndefined();
    expect(store.lend('site /b', () => true)?.stored.label).toBe('site /b');
    expect(store.lend('site /b', () => false)).toBeUndefined();
  });

  it('still refuses what it has seen to be free of one ban when the next one names it', () => {
    const { bans, store, put } = open();
    put('site /a', 100);
    bans.add([{ kind: 'exact', cacheKey: 'site /b' }]);
    expect(store.get('site /a')).toHaveLength(1);
    bans.add([{ kind: 'exact', cacheKey: 'site /a' }]);
    expect(store.get('site /a')).toEqual([]);
  });
});
