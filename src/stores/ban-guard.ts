import type { BanList } from '../policy/ban-list.ts';
import type { CacheStore, CacheStoreStats, Loan, Storable } from './cache-store.ts';

/** A store that neither gives nor takes what has been banned, so that nobody above can forget to ask. */
export class BanGuard<Stored extends Storable> implements CacheStore<Stored> {
  readonly #store: CacheStore<Stored>;
  readonly #bans: BanList;

  constructor(store: CacheStore<Stored>, bans: BanList) {
    this.#store = store;
    this.#bans = bans;
  }

  get(cacheKey: string): readonly Stored[] {
    return this.#allowed(cacheKey, this.#store.get(cacheKey));
  }

  has(cacheKey: string): boolean {
    return this.#store.has(cacheKey);
  }

  recall(cacheKey: string): Promise<readonly Stored[]> | undefined {
    return this.#store.recall(cacheKey)?.then((variants) => this.#allowed(cacheKey, variants));
  }

  lend(cacheKey: string, accepts: (stored: Stored) => boolean): Loan<Stored> | undefined {
    return this.#store.lend(cacheKey, (stored) => this.#allows(cacheKey, stored) && accepts(stored));
  }

  /** `false` also when it was banned while it was being fetched. */
  put(cacheKey: string, stored: Stored): boolean {
    return !this.#bans.isOutdated(cacheKey, stored.tags, stored.sequence) && this.#store.put(cacheKey, stored);
  }

  remove(cacheKey: string): boolean {
    return this.#store.remove(cacheKey);
  }

  reserve(bytes: number): boolean {
    return this.#store.reserve(bytes);
  }

  release(bytes: number): void {
    this.#store.release(bytes);
  }

  sweep(isUnwanted: Parameters<CacheStore<Stored>['sweep']>[0]): Generator<number, void, undefined> {
    return this.#store.sweep(isUnwanted);
  }

  stats(): CacheStoreStats {
    return this.#store.stats();
  }

  #allowed(cacheKey: string, variants: readonly Stored[]): readonly Stored[] {
    const { current } = this.#bans;
    for (const { sequence } of variants) {
      if (sequence !== current) return variants.filter((stored) => this.#allows(cacheKey, stored));
    }
    return variants;
  }

  #allows(cacheKey: string, stored: Stored): boolean {
    if (this.#bans.isBanned(cacheKey, stored.tags, stored.sequence)) return false;
    // No ban so far speaks of it: the next look is one comparison.
    stored.sequence = this.#bans.current;
    return true;
  }
}
