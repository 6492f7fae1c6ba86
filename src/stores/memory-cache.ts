import type { BanFacts, CacheStore, CacheStoreStats, Storable } from './cache-store.ts';

/** More variants than this under one key are noise: the oldest goes. */
const maxVariants = 8;
/** The entry itself, its place in the map, its links. */
const entryOverheadBytes = 300;
/** Keys that one step of a sweep looks at: well under a millisecond. */
const sweepStepKeys = 500;

/** All variants of one key. Entries form a list from the one used last to the one used longest ago. */
interface Entry<Stored> {
  readonly cacheKey: string;
  variants: readonly Stored[];
  costBytes: number;
  newer: Entry<Stored> | undefined;
  older: Entry<Stored> | undefined;
}

/** A store in memory; when room is short, the key that was used longest ago goes first. */
export class MemoryCache<Stored extends Storable> implements CacheStore<Stored> {
  readonly #limitBytes: number;
  readonly #entries = new Map<string, Entry<Stored>>();
  #newest: Entry<Stored> | undefined;
  #oldest: Entry<Stored> | undefined;
  #bytes = 0;
  #reservedBytes = 0;
  #objects = 0;
  #evictions = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get(cacheKey: string): readonly Stored[] {
    const entry = this.#entries.get(cacheKey);
    if (entry === undefined) return [];
    if (entry !== this.#newest) {
      this.#unlink(entry);
      this.#linkAsNewest(entry);
    }
    return entry.variants;
  }

  has(cacheKey: string): boolean {
    return this.#entries.has(cacheKey);
  }

  /** There is no lower tier. */
  recall(): undefined {}

  put(cacheKey: string, stored: Stored): boolean {
    const overheadBytes = entryOverheadBytes + cacheKey.length * 2;
    if (overheadBytes + stored.costBytes > this.#limitBytes) return false;
    const others = (this.#entries.get(cacheKey)?.variants ?? []).filter(
      (other) => other.variantKey !== stored.variantKey,
    );
    this.remove(cacheKey);
    const variants = [stored, ...others.slice(0, maxVariants - 1)];
    const entry: Entry<Stored> = {
      cacheKey,
      variants,
      costBytes: variants.reduce((sum, variant) => sum + variant.costBytes, overheadBytes),
      newer: undefined,
      older: undefined,
    };
    this.#entries.set(cacheKey, entry);
    this.#linkAsNewest(entry);
    this.#bytes += entry.costBytes;
    this.#objects += variants.length;
    this.#makeRoom();
    return this.#entries.has(cacheKey);
  }

  *sweep(isUnwanted: (cacheKey: string, stored: BanFacts) => boolean): Generator<number, void, undefined> {
    let seen = 0;
    let removed = 0;
    // A Map's iterator stays valid while entries come and go.
    for (const entry of this.#entries.values()) {
      const kept = entry.variants.filter((stored) => !isUnwanted(entry.cacheKey, stored));
      removed += entry.variants.length - kept.length;
      if (kept.length === 0) this.remove(entry.cacheKey);
      else if (kept.length < entry.variants.length) this.#keepVariants(entry, kept);
      if (++seen % sweepStepKeys === 0) {
        yield removed;
        removed = 0;
      }
    }
    yield removed;
  }

  remove(cacheKey: string): boolean {
    const entry = this.#entries.get(cacheKey);
    if (entry === undefined) return false;
    this.#entries.delete(cacheKey);
    this.#unlink(entry);
    this.#bytes -= entry.costBytes;
    this.#objects -= entry.variants.length;
    return true;
  }

  reserve(bytes: number): boolean {
    if (this.#reservedBytes + bytes > this.#limitBytes / 2) return false;
    this.#reservedBytes += bytes;
    this.#makeRoom();
    return true;
  }

  release(bytes: number): void {
    this.#reservedBytes -= bytes;
  }

  stats(): CacheStoreStats {
    return {
      objects: this.#objects,
      bytes: this.#bytes,
      reservedBytes: this.#reservedBytes,
      limitBytes: this.#limitBytes,
      evictions: this.#evictions,
    };
  }

  #keepVariants(entry: Entry<Stored>, kept: readonly Stored[]): void {
    const costOf = (variants: readonly Stored[]) => variants.reduce((sum, { costBytes }) => sum + costBytes, 0);
    const freedBytes = costOf(entry.variants) - costOf(kept);
    this.#bytes -= freedBytes;
    this.#objects -= entry.variants.length - kept.length;
    entry.costBytes -= freedBytes;
    entry.variants = kept;
  }

  #makeRoom(): void {
    while (this.#bytes + this.#reservedBytes > this.#limitBytes && this.#oldest !== undefined) {
      this.#evictions += this.#oldest.variants.length;
      this.remove(this.#oldest.cacheKey);
    }
  }

  #linkAsNewest(entry: Entry<Stored>): void {
    entry.older = this.#newest;
    if (this.#newest !== undefined) this.#newest.newer = entry;
    this.#newest = entry;
    this.#oldest ??= entry;
  }

  #unlink(entry: Entry<Stored>): void {
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    entry.newer = undefined;
    entry.older = undefined;
  }
}
