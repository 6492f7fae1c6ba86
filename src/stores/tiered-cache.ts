import type { BanFacts, CacheStore, CacheStoreStats, Loan, Storable } from './cache-store.ts';
import type { DiskStore } from './disk/disk-store.ts';
import type { MemoryCache } from './memory-cache.ts';
import type { StoredCodec } from './stored-codec.ts';

/**
 * Memory over disk. What is put goes to both, to the disk in the background and if it is worth it; what is not in memory
 * is recalled from the disk and put into memory again, where it has to earn its place as anything new.
 */
export class TieredCache<Stored extends Storable> implements CacheStore<Stored> {
  readonly #memory: MemoryCache<Stored>;
  readonly #disk: DiskStore<Stored>;
  readonly #isSameBody: (one: Stored, other: Stored) => boolean;

  constructor(memory: MemoryCache<Stored>, disk: DiskStore<Stored>, codec: Pick<StoredCodec<Stored>, 'isSameBody'>) {
    this.#memory = memory;
    this.#disk = disk;
    this.#isSameBody = codec.isSameBody;
  }

  get(cacheKey: string): readonly Stored[] {
    return this.#memory.get(cacheKey);
  }

  has(cacheKey: string): boolean {
    return this.#memory.has(cacheKey) || this.#disk.has(cacheKey);
  }

  recall(cacheKey: string): Promise<readonly Stored[]> | undefined {
    return this.#disk
      .recall(cacheKey, this.#memory.peek(cacheKey))
      ?.then((variants) => this.#promote(cacheKey, variants));
  }

  lend(cacheKey: string, accepts: (stored: Stored) => boolean): Loan<Stored> | undefined {
    return this.#memory.has(cacheKey) ? undefined : this.#disk.lend(cacheKey, accepts);
  }

  put(cacheKey: string, stored: Stored): boolean {
    const before = this.#memory.peek(cacheKey).find(({ variantKey }) => variantKey === stored.variantKey);
    this.#disk.put(cacheKey, stored, before !== undefined && this.#isSameBody(before, stored));
    return this.#memory.put(cacheKey, stored);
  }

  remove(cacheKey: string): boolean {
    const inMemory = this.#memory.remove(cacheKey);
    return this.#disk.remove(cacheKey) || inMemory;
  }

  reserve(bytes: number): boolean {
    return this.#memory.reserve(bytes);
  }

  release(bytes: number): void {
    this.#memory.release(bytes);
  }

  /** The disk first: nothing of it can come up into a part of memory that has been swept already. */
  *sweep(isUnwanted: (cacheKey: string, stored: BanFacts) => boolean): Generator<number, void, undefined> {
    let onDiskOnly = 0;
    const sweepDisk = this.#disk.sweep((cacheKey, stored) => {
      const unwanted = isUnwanted(cacheKey, stored);
      if (unwanted && !this.#memory.has(cacheKey)) onDiskOnly++;
      return unwanted;
    });
    for (const _removed of sweepDisk) {
      yield onDiskOnly;
      onDiskOnly = 0;
    }
    yield* this.#memory.sweep(isUnwanted);
  }

  stats(): CacheStoreStats {
    return { ...this.#memory.stats(), disk: this.#disk.stats() };
  }

  /** What came into memory while the disk was read is newer. Gives the newest first, as they were put. */
  #promote(cacheKey: string, variants: readonly Stored[]): readonly Stored[] {
    const newer = this.#memory.peek(cacheKey);
    const missing = variants.filter((stored) => !newer.some(({ variantKey }) => variantKey === stored.variantKey));
    for (const stored of missing.toReversed()) this.#memory.put(cacheKey, stored);
    return [...newer, ...missing];
  }
}
