import { describe, expect, it } from 'vitest';
import { MemoryCache } from '../../src/stores/memory-cache.ts';
import { holdsTheStoreContract, stored, type TestStored } from './cache-store-contract.ts';

holdsTheStoreContract('MemoryCache', (limitBytes) => new MemoryCache<TestStored>(limitBytes));

describe('MemoryCache', () => {
  it('lets go first what was used longest ago', () => {
    const store = new MemoryCache<TestStored>(5_000);
    for (const cacheKey of ['a', 'b', 'c']) store.put(cacheKey, stored(cacheKey, 1_200));
    store.get('a');
    store.put('d', stored('d', 1_200));
    expect(['a', 'b', 'c', 'd'].filter((cacheKey) => store.get(cacheKey).length > 0)).toEqual(['a', 'c', 'd']);
  });
});
