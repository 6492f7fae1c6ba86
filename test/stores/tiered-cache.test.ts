import { describe, expect, it } from 'vitest';
import { MemoryCache } from '../../src/stores/memory-cache.ts';
import { TieredCache } from '../../src/stores/tiered-cache.ts';
import { holdsTheBudgetContract, holdsTheStoreContract, type OpenedStore, stored } from './cache-store-contract.ts';
import { openDisk, temporaryFolder, testCodec, type TestResponse } from './disk/test-disk.ts';

interface Tiers extends AsyncDisposable {
  readonly memory: MemoryCache<TestResponse>;
  readonly disk: ReturnType<typeof openDisk>['disk'];
  readonly store: TieredCache<TestResponse>;
}

function openTiers(memoryBytes: number, diskBytes = 100_000_000): Tiers {
  const { folder, ...temporary } = temporaryFolder();
  const memory = new MemoryCache<TestResponse>(memoryBytes);
  const { disk } = openDisk(folder, { limitBytes: diskBytes, isUsedAbove: (cacheKey) => memory.hasEarned(cacheKey) });
  return {
    memory,
    disk,
    store: new TieredCache(memory, disk, testCodec),
    async [Symbol.asyncDispose]() {
      await disk.close();
      temporary[Symbol.dispose]();
    },
  };
}

function open(limitBytes: number): OpenedStore {
  const tiers = openTiers(limitBytes, limitBytes);
  return {
    store: tiers.store,
    settled: () => tiers.disk.settled(),
    [Symbol.asyncDispose]: () => tiers[Symbol.asyncDispose](),
  };
}

holdsTheStoreContract('TieredCache', open);
holdsTheBudgetContract('TieredCache', open);

const labels = (found: readonly TestResponse[] | undefined) => found?.map(({ label }) => label);

describe('TieredCache', () => {
  it('recalls what memory has let go, and has it in memory then', async () => {
    await using tiers = openTiers(20_000);
    const { store, disk, memory } = tiers;
    for (let i = 0; i < 20; i++) store.put(`k${i}`, stored(`label ${i}`, 3_000));
    await disk.settled();
    expect(memory.has('k0')).toBe(false);
    expect(labels(await store.recall('k0'))).toEqual(['label 0']);
    expect(labels(store.get('k0'))).toEqual(['label 0']);
  });

  it('knows at once that it holds nothing, and reads once for all who ask', async () => {
    await using tiers = openTiers(1_000);
    const { store, disk } = tiers;
    store.put('k', stored('on disk', 3_000));
    await disk.settled();
    expect(store.recall('other')).toBeUndefined();
    const all = await Promise.all(Array.from({ length: 50 }, async () => store.recall('k')));
    expect(new Set(all.map((found) => labels(found)?.join()))).toEqual(new Set(['on disk']));
    expect(disk.stats().reads).toBe(1);
  });

  it('never gives a version older than one that was put, written or not', async () => {
    await using tiers = openTiers(5_000);
    const { store, disk, memory } = tiers;
    store.put('k', stored('old', 2_000));
    await disk.settled();
    store.put('k', { ...stored('new', 2_000), fleeting: true });
    expect(disk.has('k')).toBe(false);
    memory.remove('k');
    expect(store.recall('k')).toBeUndefined();
  });

  it('gives what came into memory while the disk was read, not what it read', async () => {
    await using tiers = openTiers(20_000);
    const { store, disk, memory } = tiers;
    store.put('k', stored('old', 2_000));
    store.put('k', stored('old', 2_000, 'gzip'));
    await disk.settled();
    memory.remove('k');
    const recalled = store.recall('k');
    store.put('k', stored('new', 2_000));
    expect(labels(await recalled)).toEqual(['new', 'old']);
    expect(labels(store.get('k'))?.toSorted()).toEqual(['new', 'old']);
  });

  it('does not bring back what was removed or swept while the disk was read', async () => {
    await using tiers = openTiers(20_000);
    const { store, disk, memory } = tiers;
    for (const cacheKey of ['removed', 'swept']) store.put(cacheKey, stored(cacheKey, 2_000));
    await disk.settled();
    for (const cacheKey of ['removed', 'swept']) memory.remove(cacheKey);
    const recalled = [store.recall('removed'), store.recall('swept')];
    store.remove('removed');
    for (const _removed of store.sweep((cacheKey) => cacheKey === 'swept'));
    expect([await recalled[0], await recalled[1]]).toEqual([[], []]);
    expect([store.has('removed'), store.has('swept')]).toEqual([false, false]);
  });

  it('a sweep reaches what waits to be written and what is being written', async () => {
    await using tiers = openTiers(1_000);
    const { store, disk } = tiers;
    for (let i = 0; i < 20; i++) store.put(`k${i}`, stored('x', 3_000));
    for (const _removed of store.sweep(() => true));
    await disk.settled();
    expect(disk.stats()).toMatchObject({ objects: 0, bytes: 0 });
  });

  it('writes only the fields again when the body is the same', async () => {
    await using tiers = openTiers(100_000);
    const { store, disk, memory } = tiers;
    const body = Buffer.alloc(2_000, 'same');
    store.put('k', { ...stored('before', 2_000), body });
    await disk.settled();
    store.put('k', { ...stored('confirmed', 2_000), body });
    await disk.settled();
    expect(disk.stats()).toMatchObject({ writes: 1, objects: 1 });
    memory.remove('k');
    const recalled = await store.recall('k');
    expect([labels(recalled), recalled?.[0]?.body?.equals(body)]).toEqual([['confirmed'], true]);
  });

  it('lends what the disk alone holds, and leaves no trace of it in memory', async () => {
    await using tiers = openTiers(1_000);
    const { store, disk, memory } = tiers;
    store.put('k', { ...stored('on disk', 100), body: Buffer.alloc(70_000, 'a') });
    await disk.settled();
    expect(store.lend('k', () => true)).toBeUndefined();
    memory.remove('k');
    await disk.recall('k', []);
    const loan = store.lend('k', () => true);
    expect([loan?.stored.label, loan?.stored.body?.equals(Buffer.alloc(70_000, 'a'))]).toEqual(['on disk', true]);
    expect(memory.has('k')).toBe(false);
    loan?.giveBack(true);
    await store.recall('k');
    expect(memory.has('k')).toBe(true);
    expect(store.lend('k', () => true)).toBeUndefined();
  });

  it('keeps on disk what is used in memory alone, while unused objects come and go', async () => {
    await using tiers = openTiers(100_000, 100_000);
    const { store, disk } = tiers;
    store.put('hot', stored('hot', 3_000));
    for (let i = 0; i < 100; i++) {
      store.get('hot');
      store.put(`cold${i}`, stored('cold', 3_000));
      await disk.settled();
    }
    expect(disk.has('hot')).toBe(true);
    expect(disk.stats().evictions).toBeGreaterThan(50);
  });
});
