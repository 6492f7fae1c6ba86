import type { PartBytes } from './part-memory.ts';

/** What a store needs to know of what it holds. */
export interface Storable {
  /** Tells the variants under one cache key apart (`policy/variants.ts`). */
  readonly variantKey: string;
  /** What it takes: body, fields and overhead. */
  readonly costBytes: number;
  /** The ban list's number when its fetch began, or when it was last looked at (`policy/ban-list.ts`). */
  sequence: number;
  /** What its origin calls it for invalidation, in lower case. */
  readonly tags: readonly string[];
  /** Where its body lies, if that is used again: whoever keeps it holds this as long. */
  readonly memory?: PartBytes;
}

/** They are kept from now on. */
export function holdMemory(kept: readonly Storable[]): void {
  for (const { memory } of kept) memory?.hold();
}

/** They are not kept any more by one who has held them. */
export function releaseMemory(kept: readonly Storable[]): void {
  for (const { memory } of kept) memory?.release();
}

/** What tells whether a ban speaks of something stored. */
export type BanFacts = Pick<Storable, 'sequence' | 'tags'>;

export interface CacheStoreStats {
  readonly objects: number;
  readonly bytes: number;
  /** For bodies that are arriving. */
  readonly reservedBytes: number;
  readonly limitBytes: number;
  readonly evictions: number;
  /** Of the tier below memory, where there is one. */
  readonly disk?: DiskTierStats;
}

export interface DiskTierStats {
  /** `resting`: it reads but does not write. `off`: neither; another attempt is made from time to time. */
  readonly state: 'working' | 'resting' | 'off';
  readonly objects: number;
  readonly bytes: number;
  /** As configured, or less while the file system is short of room. */
  readonly limitBytes: number;
  readonly evictions: number;
  /** Given out. */
  readonly reads: number;
  readonly writes: number;
  /** Not written because too much was waiting to be. */
  readonly droppedWrites: number;
  /** What was not what the index promised: never given out. */
  readonly damaged: number;
  /** Failures of the disk. */
  readonly failures: number;
}

/** Something stored whose body lies in borrowed bytes. It must not be put anywhere, or used after it was given back. */
export interface Loan<Stored> {
  readonly stored: Stored;
  /** To be called once. `isFree`: nobody reads the body any more, its bytes can be another's; else they stay as they are. */
  giveBack(isFree: boolean): void;
}

/**
 * Complete responses by cache key, several variants to a key, within a bound of bytes. Whether a response is fresh is
 * no business of the store's; what it lets go when room is short, is. `test/stores/cache-store-contract.ts` holds
 * every store to this.
 */
export interface CacheStore<Stored extends Storable> {
  /** All variants of a key, the newest first; counts as a use of them. Empty when there are none. */
  get(cacheKey: string): readonly Stored[];
  /** Whether `get` or `recall` would probably give something, at once and without counting as a use. */
  has(cacheKey: string): boolean;
  /**
   * What a lower tier holds under a key and `get` does not give. `undefined` at once when there is surely nothing;
   * otherwise it is being read, together for all who ask meanwhile, and never rejects: what cannot be read is not there.
   * Of what is used again the memory is held for them until the next turn of the event loop.
   */
  recall(cacheKey: string): Promise<readonly Stored[]> | undefined;
  /**
   * What a lower tier alone holds under a key, at once, for one use that leaves no trace in the tiers above. It gives only
   * what is had without a wait, and is better sent from where it is than taken up. `accepts` says whether it will
   * do, before its body is read: it must not look at the body.
   */
  lend(cacheKey: string, accepts: (stored: Stored) => boolean): Loan<Stored> | undefined;
  /** Takes the place of the same variant and makes room as needed. `false`: it is larger than the store and not held. */
  put(cacheKey: string, stored: Stored): boolean;
  /** All variants of a key. `false`: there were none. */
  remove(cacheKey: string): boolean;
  /**
   * Takes room out of the budget for a body that is arriving. `false` when what is arriving would take more than half
   * of the budget: then that body cannot be kept.
   */
  reserve(bytes: number): boolean;
  /** Gives back what was reserved. */
  release(bytes: number): void;
  /**
   * Walks over everything that is held, in all tiers, and removes the variants that are unwanted. Each `next()` is a
   * step of at most a few milliseconds and gives how many it removed; what is put or removed between steps may or may
   * not be met.
   */
  sweep(isUnwanted: (cacheKey: string, stored: BanFacts) => boolean): Generator<number, void, undefined>;
  stats(): CacheStoreStats;
}
