import { describe, expect, it } from 'vitest';
import type { CacheStore, Storable } from '../../src/stores/cache-store.ts';

export interface TestStored extends Storable {
  readonly label: string;
}

export function stored(label: string, costBytes: number, variantKey = ''): TestStored {
  return { label, costBytes, variantKey, sequence: 0, tags: [] };
}

/** A store under test. */
export interface OpenedStore extends AsyncDisposable {
  readonly store: CacheStore<TestStored>;
  /** Resolves when what was put is where it belongs. */
  settled(): Promise<void>;
}

/** A store that does everything at once and needs no closing. */
export function opened(store: CacheStore<TestStored>): OpenedStore {
  return { store, settled: () => Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** A thousand files on a disk that others use too. */
const patient = { timeout: 60_000 };

/** What every store must do. `open` gives an empty one with this bound. */
export function holdsTheStoreContract(name: string, open: (limitBytes: number) => OpenedStore): void {
  /** What a request would find, in whichever tier. */
  async function labels(held: OpenedStore, cacheKey: string): Promise<string[]> {
    const { store } = held;
    await held.settled();
    const found = store.get(cacheKey);
    const all = found.length > 0 ? found : ((await store.recall(cacheKey)) ?? []);
    return all.map(({ label }) => label);
  }

  describe(`${name} as a store`, () => {
    it('gives back what was put under a key, and nothing for other keys', async () => {
      await using held = open(100_000);
      const { store } = held;
      expect(store.put('a', stored('one', 100))).toBe(true);
      expect(await labels(held, 'a')).toEqual(['one']);
      expect(await labels(held, 'b')).toEqual([]);
      expect([store.has('a'), store.has('b')]).toEqual([true, false]);
      expect(store.stats()).toMatchObject({ objects: 1, evictions: 0, reservedBytes: 0, limitBytes: 100_000 });
    });

    it('keeps variants apart, the newest first, and replaces the same one', async () => {
      await using held = open(100_000);
      const { store } = held;
      store.put('a', stored('plain', 100));
      store.put('a', stored('zipped', 100, 'gzip'));
      expect(await labels(held, 'a')).toEqual(['zipped', 'plain']);
      store.put('a', stored('plain again', 100));
      expect(await labels(held, 'a')).toEqual(['plain again', 'zipped']);
      await held.settled();
      expect(store.stats().objects).toBe(2);
    });

    it('bounds the variants of one key', async () => {
      await using held = open(1_000_000);
      const { store } = held;
      for (let i = 0; i < 100; i++) store.put('a', stored(`v${i}`, 100, `v${i}`));
      const found = await labels(held, 'a');
      expect(found.length).toBeLessThanOrEqual(16);
      expect(found[0]).toBe('v99');
    });

    it('removes a key with all its variants, and gives their room back', async () => {
      await using held = open(100_000);
      const { store } = held;
      store.put('a', stored('plain', 100));
      store.put('a', stored('zipped', 100, 'gzip'));
      expect(store.remove('a')).toBe(true);
      expect(store.remove('a')).toBe(false);
      expect(await labels(held, 'a')).toEqual([]);
      expect(store.stats()).toMatchObject({ objects: 0, bytes: 0 });
    });

    it('never holds more bytes than its bound, and refuses what is larger than all of it', async () => {
      await using held = open(100_000);
      const { store } = held;
      store.put('large', stored('large', 100_001));
      expect(await labels(held, 'large')).toEqual([]);
      for (let i = 0; i < 200; i++) {
        store.put(`k${i}`, stored('x', (i * 7_919) % 30_000));
        expect(store.stats().bytes).toBeLessThanOrEqual(100_000);
        expect(await labels(held, `k${i}`)).toEqual(['x']);
      }
      expect(store.stats().evictions).toBeGreaterThan(0);
    });

    it('counts more than the body: many empty objects fill it too', patient, async () => {
      await using held = open(100_000);
      const { store } = held;
      for (let i = 0; i < 1_000; i++) store.put(`k${i}`, stored('empty', 0));
      await held.settled();
      expect(store.stats().objects).toBeLessThan(500);
    });

    it('sweeps out the unwanted variants in steps, all others stay, and the room is given back', patient, async () => {
      await using held = open(100_000_000);
      const { store } = held;
      for (let i = 0; i < 600; i++) {
        store.put(`k${i}`, stored('plain', 100));
        store.put(`k${i}`, { ...stored('zipped', 1_000, 'gzip'), sequence: 7, tags: i % 2 === 0 ? ['even'] : [] });
      }
      await held.settled();
      const before = store.stats();
      const facts = new Set<number>();
      const steps = [
        ...store.sweep((cacheKey, { sequence, tags }) => {
          facts.add(sequence);
          return cacheKey === 'k1' || tags.includes('even');
        }),
      ];
      expect(steps.length).toBeGreaterThan(1);
      expect(steps.reduce((sum, removed) => sum + removed, 0)).toBe(302);
      expect(facts).toEqual(new Set([0, 7]));
      expect(await labels(held, 'k0')).toEqual(['plain']);
      expect(await labels(held, 'k1')).toEqual([]);
      expect(await labels(held, 'k3')).toEqual(['zipped', 'plain']);
      expect(store.stats().objects).toBe(before.objects - 302);
      expect(before.bytes - store.stats().bytes).toBeGreaterThanOrEqual(301 * 1_000);
    });

    it('goes on sweeping while objects are put and removed between its steps', patient, async () => {
      await using held = open(100_000_000);
      const { store } = held;
      for (let i = 0; i < 600; i++) store.put(`k${i}`, stored('old', 100));
      await held.settled();
      const sweep = store.sweep((_cacheKey, { sequence }) => sequence === 0);
      sweep.next();
      for (let i = 0; i < 600; i += 2) store.remove(`k${i}`);
      for (let i = 1; i < 600; i += 4) store.put(`k${i}`, { ...stored('new', 100), sequence: 1 });
      await held.settled();
      for (const _removed of sweep);
      expect(store.stats().objects).toBe(150);
      expect(await labels(held, 'k1')).toEqual(['new']);
      expect(await labels(held, 'k3')).toEqual([]);
    });
  });
}

/** What a store must do that holds what is arriving. */
export function holdsTheBudgetContract(name: string, open: (limitBytes: number) => OpenedStore): void {
  describe(`${name} as a budget`, () => {
    it('reserves room for what is arriving, up to half of the bound, and lets stored objects go for it', async () => {
      await using held = open(100_000);
      const { store } = held;
      store.put('a', stored('one', 90_000));
      expect(store.reserve(50_001)).toBe(false);
      expect(store.get('a').map(({ label }) => label)).toEqual(['one']);
      expect(store.reserve(40_000)).toBe(true);
      expect(store.get('a').map(({ label }) => label)).toEqual([]);
      expect(store.reserve(10_001)).toBe(false);
      store.release(40_000);
      expect(store.stats()).toMatchObject({ reservedBytes: 0, bytes: 0 });
      expect(store.reserve(50_000)).toBe(true);
    });
  });
}
