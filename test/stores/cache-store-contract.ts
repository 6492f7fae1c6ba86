import { describe, expect, it } from 'vitest';
import type { CacheStore, Storable } from '../../src/stores/cache-store.ts';

export interface TestStored extends Storable {
  readonly label: string;
}

export function stored(label: string, costBytes: number, variantKey = ''): TestStored {
  return { label, costBytes, variantKey, sequence: 0, tags: [] };
}

/** What every store must do. `open` gives an empty one with this bound. */
export function holdsTheStoreContract(name: string, open: (limitBytes: number) => CacheStore<TestStored>): void {
  const labels = (found: readonly TestStored[]) => found.map(({ label }) => label);

  describe(`${name} as a store`, () => {
    it('gives back what was put under a key, and nothing for other keys', () => {
      const store = open(100_000);
      expect(store.put('a', stored('one', 100))).toBe(true);
      expect(labels(store.get('a'))).toEqual(['one']);
      expect(labels(store.get('b'))).toEqual([]);
      expect([store.has('a'), store.has('b')]).toEqual([true, false]);
      expect(store.stats()).toMatchObject({ objects: 1, evictions: 0, reservedBytes: 0, limitBytes: 100_000 });
    });

    it('keeps variants apart, the newest first, and replaces the same one', () => {
      const store = open(100_000);
      store.put('a', stored('plain', 100));
      store.put('a', stored('zipped', 100, 'gzip'));
      expect(labels(store.get('a'))).toEqual(['zipped', 'plain']);
      store.put('a', stored('plain again', 100));
      expect(labels(store.get('a'))).toEqual(['plain again', 'zipped']);
      expect(store.stats().objects).toBe(2);
    });

    it('bounds the variants of one key', () => {
      const store = open(1_000_000);
      for (let i = 0; i < 100; i++) store.put('a', stored(`v${i}`, 100, `v${i}`));
      expect(store.get('a').length).toBeLessThanOrEqual(16);
      expect(store.get('a')[0]?.label).toBe('v99');
    });

    it('removes a key with all its variants, and gives their room back', () => {
      const store = open(100_000);
      store.put('a', stored('plain', 100));
      store.put('a', stored('zipped', 100, 'gzip'));
      expect(store.remove('a')).toBe(true);
      expect(store.remove('a')).toBe(false);
      expect(labels(store.get('a'))).toEqual([]);
      expect(store.stats()).toMatchObject({ objects: 0, bytes: 0 });
    });

    it('never holds more bytes than its bound, and refuses what is larger than all of it', () => {
      const store = open(100_000);
      expect(store.put('large', stored('large', 100_001))).toBe(false);
      for (let i = 0; i < 200; i++) {
        store.put(`k${i}`, stored('x', (i * 7_919) % 30_000));
        expect(store.stats().bytes).toBeLessThanOrEqual(100_000);
        expect(labels(store.get(`k${i}`))).toEqual(['x']);
      }
      expect(store.stats().evictions).toBeGreaterThan(0);
    });

    it('counts more than the body: many empty objects fill it too', () => {
      const store = open(100_000);
      for (let i = 0; i < 10_000; i++) store.put(`k${i}`, stored('empty', 0));
      expect(store.stats().objects).toBeLessThan(1_000);
    });

    it('sweeps out the unwanted variants in steps, all others stay, and the room is given back', () => {
      const store = open(100_000_000);
      for (let i = 0; i < 2_000; i++) {
        store.put(`k${i}`, stored('plain', 100));
        store.put(`k${i}`, { ...stored('zipped', 1_000, 'gzip'), sequence: 7, tags: i % 2 === 0 ? ['even'] : [] });
      }
      const before = store.stats();
      const facts = new Set<number>();
      const steps = [
        ...store.sweep((cacheKey, { sequence, tags }) => {
          facts.add(sequence);
          return cacheKey === 'k1' || tags.includes('even');
        }),
      ];
      expect(steps.length).toBeGreaterThan(1);
      expect(steps.reduce((sum, removed) => sum + removed, 0)).toBe(1_002);
      expect(facts).toEqual(new Set([0, 7]));
      expect(labels(store.get('k0'))).toEqual(['plain']);
      expect(labels(store.get('k1'))).toEqual([]);
      expect(labels(store.get('k3'))).toEqual(['zipped', 'plain']);
      expect(store.stats().objects).toBe(before.objects - 1_002);
      expect(before.bytes - store.stats().bytes).toBeGreaterThanOrEqual(1_001 * 1_000);
    });

    it('goes on sweeping while objects are put and removed between its steps', () => {
      const store = open(100_000_000);
      for (let i = 0; i < 2_000; i++) store.put(`k${i}`, stored('old', 100));
      const sweep = store.sweep((_cacheKey, { sequence }) => sequence === 0);
      sweep.next();
      for (let i = 0; i < 2_000; i += 2) store.remove(`k${i}`);
      for (let i = 1; i < 2_000; i += 4) store.put(`k${i}`, { ...stored('new', 100), sequence: 1 });
      for (const _removed of sweep);
      expect(store.stats().objects).toBe(500);
      expect(labels(store.get('k1'))).toEqual(['new']);
      expect(labels(store.get('k3'))).toEqual([]);
    });

    it('reserves room for what is arriving, up to half of the bound, and lets stored objects go for it', () => {
      const store = open(100_000);
      store.put('a', stored('one', 90_000));
      expect(store.reserve(50_001)).toBe(false);
      expect(labels(store.get('a'))).toEqual(['one']);
      expect(store.reserve(40_000)).toBe(true);
      expect(labels(store.get('a'))).toEqual([]);
      expect(store.reserve(10_001)).toBe(false);
      store.release(40_000);
      expect(store.stats()).toMatchObject({ reservedBytes: 0, bytes: 0 });
      expect(store.reserve(50_000)).toBe(true);
    });
  });
}
