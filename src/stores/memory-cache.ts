import { GhostList } from '../policy/ghost-list.ts';
import {
  type BanFacts,
  type CacheStore,
  type CacheStoreStats,
  holdMemory,
  releaseMemory,
  type Storable,
} from './cache-store.ts';
import { FifoList, type FifoMember } from './fifo-list.ts';

/** More variants than this under one key are noise: the oldest goes. */
const maxVariants = 8;
/** The entry itself, its place in the map, its links: measured by `npm run bench -- store`. */
const entryOverheadBytes = 300;
/** Keys that one step of a sweep looks at: well under a millisecond. */
const sweepStepKeys = 500;
/** What comes new has this share of the room to show that it is used again. */
const smallShare = 0.1;
const maxVisits = 3;
const mainQueue = maxVisits + 1;

/** All variants of one key. There may be millions: every field counts. */
class Entry<Stored extends Storable> implements FifoMember<Entry<Stored>> {
  readonly cacheKey: string;
  /** Most have one variant: an array around it would be two places more in memory to look at. */
  readonly #held: Stored | readonly Stored[];
  newer: Entry<Stored> | undefined = undefined;
  older: Entry<Stored> | undefined = undefined;
  /** Uses since it came into its queue, counted up to `maxVisits`; the main queue's count begins at `mainQueue`. */
  standing: number;

  constructor(cacheKey: string, variants: readonly Stored[], standing: number) {
    this.cacheKey = cacheKey;
    const [only] = variants;
    this.#held = only !== undefined && variants.length === 1 ? only : variants;
    this.standing = standing;
  }

  get variants(): readonly Stored[] {
    const held = this.#held;
    return isList(held) ? held : [held];
  }

  get costBytes(): number {
    return keyCostBytes(this.cacheKey, this.variants);
  }
}

/**
 * A store in memory. What it lets go follows S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction",
 * SOSP 2023): new keys go through a small queue; those asked for again there move on to the main queue, the others leave and
 * are remembered as ghosts for a while: a ghost that comes back goes to the main queue at once. The main queue is a
 * clock: a key that was used gets another round. A scan of keys that are asked for once so passes through a tenth of the
 * room, and a use is a count and nothing else. Queues are bounded by bytes.
 */
export class MemoryCache<Stored extends Storable> implements CacheStore<Stored> {
  readonly #limitBytes: number;
  readonly #entries = new Map<string, Entry<Stored>>();
  readonly #small = new FifoList<Entry<Stored>>();
  readonly #main = new FifoList<Entry<Stored>>();
  readonly #ghosts = new GhostList();
  #reservedBytes = 0;
  #objects = 0;
  #evictions = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get(cacheKey: string): readonly Stored[] {
    const entry = this.#entries.get(cacheKey);
    if (entry === undefined) return nothing;
    if (entry.standing !== maxVisits && entry.standing !== mainQueue + maxVisits) entry.standing++;
    return entry.variants;
  }

  has(cacheKey: string): boolean {
    return this.#entries.has(cacheKey);
  }

  /** There is no lower tier. */
  recall(): undefined {}

  lend(): undefined {}

  /** What `get` would give; no use of it. */
  peek(cacheKey: string): readonly Stored[] {
    return this.#entries.get(cacheKey)?.variants ?? nothing;
  }

  /** Whether it has been asked for again since it came. */
  hasEarned(cacheKey: string): boolean {
    return (this.#entries.get(cacheKey)?.standing ?? 0) > 0;
  }

  put(cacheKey: string, stored: Stored): boolean {
    const known = this.#entries.get(cacheKey);
    const boundBytes = this.#limitBytes - this.#reservedBytes;
    const others = known?.variants.filter(({ variantKey }) => variantKey !== stored.variantKey) ?? [];
    const variants = [stored, ...others.slice(0, maxVariants - 1)];
    while (variants.length > 1 && keyCostBytes(cacheKey, variants) > boundBytes) variants.pop();
    // First: some were held by what is let go.
    holdMemory(variants);
    if (known !== undefined) this.#drop(known);
    const costBytes = keyCostBytes(cacheKey, variants);
    if (costBytes > boundBytes) {
      releaseMemory(variants);
      return false;
    }
    this.#shortenTo(boundBytes - costBytes);
    const standing = known?.standing ?? (this.#ghosts.take(cacheKey) ? mainQueue : 0);
    this.#add(new Entry(known?.cacheKey ?? flatCopy(cacheKey), variants, standing));
    return true;
  }

  remove(cacheKey: string): boolean {
    const entry = this.#entries.get(cacheKey);
    if (entry === undefined) return false;
    this.#drop(entry);
    return true;
  }

  *sweep(isUnwanted: (cacheKey: string, stored: BanFacts) => boolean): Generator<number, void, undefined> {
    let seen = 0;
    let removed = 0;
    // A Map's iterator stays valid while entries come and go.
    for (const entry of this.#entries.values()) {
      const kept = entry.variants.filter((stored) => !isUnwanted(entry.cacheKey, stored));
      const unwanted = entry.variants.length - kept.length;
      if (unwanted > 0) holdMemory(kept);
      if (unwanted > 0) this.#drop(entry);
      if (unwanted > 0 && kept.length > 0) this.#add(new Entry(entry.cacheKey, kept, entry.standing));
      removed += unwanted;
      if (++seen % sweepStepKeys === 0) {
        yield removed;
        removed = 0;
      }
    }
    yield removed;
  }

  reserve(bytes: number): boolean {
    if (this.#reservedBytes + bytes > this.#limitBytes / 2) return false;
    this.#reservedBytes += bytes;
    this.#shortenTo(this.#limitBytes - this.#reservedBytes);
    return true;
  }

  release(bytes: number): void {
    this.#reservedBytes -= bytes;
  }

  stats(): CacheStoreStats {
    return {
      objects: this.#objects,
      bytes: this.#small.bytes + this.#main.bytes,
      reservedBytes: this.#reservedBytes,
      limitBytes: this.#limitBytes,
      evictions: this.#evictions,
    };
  }

  /** Its memory is held already. */
  #add(entry: Entry<Stored>): void {
    this.#entries.set(entry.cacheKey, entry);
    this.#queueOf(entry).add(entry);
    this.#objects += entry.variants.length;
    this.#ghosts.fit(this.#entries.size);
  }

  #shortenTo(boundBytes: number): void {
    while (this.#small.bytes + this.#main.bytes > boundBytes) {
      const fromSmall = this.#small.bytes > boundBytes * smallShare ? this.#small.oldest : undefined;
      if (fromSmall !== undefined) this.#shortenSmall(fromSmall);
      else if (this.#main.oldest !== undefined) this.#shortenMain(this.#main.oldest);
    }
  }

  #shortenSmall(oldest: Entry<Stored>): void {
    if (oldest.standing > 0) {
      this.#small.remove(oldest);
      oldest.standing = mainQueue;
      this.#main.add(oldest);
    } else {
      this.#ghosts.add(oldest.cacheKey);
      this.#evict(oldest);
    }
  }

  #shortenMain(oldest: Entry<Stored>): void {
    if (oldest.standing > mainQueue) {
      oldest.standing--;
      this.#main.remove(oldest);
      this.#main.add(oldest);
    } else {
      this.#evict(oldest);
    }
  }

  #evict(entry: Entry<Stored>): void {
    this.#evictions += entry.variants.length;
    this.#drop(entry);
  }

  #drop(entry: Entry<Stored>): void {
    this.#entries.delete(entry.cacheKey);
    this.#queueOf(entry).remove(entry);
    this.#objects -= entry.variants.length;
    releaseMemory(entry.variants);
  }

  #queueOf(entry: Entry<Stored>): FifoList<Entry<Stored>> {
    return entry.standing >= mainQueue ? this.#main : this.#small;
  }
}

const nothing: readonly never[] = [];

function isList<Stored>(held: Stored | readonly Stored[]): held is readonly Stored[] {
  return Array.isArray(held);
}

function keyCostBytes(cacheKey: string, variants: readonly Storable[]): number {
  return variants.reduce((sum, { costBytes }) => sum + costBytes, entryOverheadBytes + cacheKey.length * 2);
}

/** A key is put together from pieces, and V8 keeps those beside it for as long as the key lives: 32 bytes a key. */
function flatCopy(cacheKey: string): string {
  return Buffer.from(cacheKey).toString();
}
