import { describe, expect, it } from 'vitest';
import { MemoryCache } from '../../src/stores/memory-cache.ts';
import {
  holdsTheBudgetContract,
  holdsTheStoreContract,
  opened,
  stored,
  type TestStored,
} from './cache-store-contract.ts';

const open = (limitBytes: number) => opened(new MemoryCache<TestStored>(limitBytes));

holdsTheStoreContract('MemoryCache', open);
holdsTheBudgetContract('MemoryCache', open);

function fill(store: MemoryCache<TestStored>, prefix: string, count: number): void {
  for (let i = 0; i < count; i++) store.put(`${prefix}${i}`, stored('x', 700));
}

function held(store: MemoryCache<TestStored>, cacheKeys: readonly string[]): string[] {
  return cacheKeys.filter((cacheKey) => store.peek(cacheKey).length > 0);
}

describe('MemoryCache', () => {
  it('keeps what was asked for again through a scan of ten times its size, and not what was not', () => {
    const store = new MemoryCache<TestStored>(100_000);
    for (const cacheKey of ['again', 'once']) store.put(cacheKey, stored(cacheKey, 700));
    store.get('again');
    fill(store, 'scan', 1_000);
    expect(held(store, ['again', 'once'])).toEqual(['again']);
  });

  it('keeps what comes back soon after it was let go', () => {
    const store = new MemoryCache<TestStored>(100_000);
    store.put('returns', stored('returns', 700));
    fill(store, 'first', 120);
    expect(held(store, ['returns'])).toEqual([]);
    store.put('returns', stored('returns', 700));
    fill(store, 'second', 1_000);
    expect(held(store, ['returns'])).toEqual(['returns']);
  });

  it('lets go of what was popular when it is not used any more', () => {
    const store = new MemoryCache<TestStored>(100_000);
    store.put('old', stored('old', 700));
    for (let i = 0; i < 100; i++) store.get('old');
    for (let round = 0; round < 8; round++) {
      fill(store, 'new', 90);
      for (let i = 0; i < 90; i++) for (let use = 0; use < 3; use++) store.get(`new${i}`);
      fill(store, `round${round}-`, 90);
    }
    expect(held(store, ['old'])).toEqual([]);
  });

  it('a new version keeps the standing that its key has earned', () => {
    const store = new MemoryCache<TestStored>(100_000);
    store.put('playlist', stored('version 0', 700));
    for (let version = 1; version < 100; version++) {
      store.get('playlist');
      store.put('playlist', stored(`version ${version}`, 700));
      fill(store, `scan${version}-`, 30);
    }
    expect(store.get('playlist').map(({ label }) => label)).toEqual(['version 99']);
  });

  it('lets older variants go when not all of a key fit', () => {
    const store = new MemoryCache<TestStored>(100_000);
    for (const variantKey of ['a', 'b', 'c']) store.put('k', stored(variantKey, 40_000, variantKey));
    expect(store.get('k').map(({ label }) => label)).toEqual(['c', 'b']);
  });

  it('holds nothing of a key whose new version is too large for it', () => {
    const store = new MemoryCache<TestStored>(100_000);
    store.put('k', stored('old', 1_000));
    expect(store.put('k', stored('new', 100_000))).toBe(false);
    expect(store.get('k')).toEqual([]);
    expect(store.stats()).toMatchObject({ objects: 0, bytes: 0 });
  });
});
