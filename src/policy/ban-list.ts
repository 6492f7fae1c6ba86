import { PrefixNumbers } from './prefix-numbers.ts';

/** What an invalidation names. */
export type Ban =
  /** One object with all its variants and slices. */
  | { readonly kind: 'exact'; readonly cacheKey: string }
  /** Every object whose cache key begins so. */
  | { readonly kind: 'prefix'; readonly cacheKeyPrefix: string }
  /** Every object of a distribution that its origin has given this tag, in lower case. */
  | { readonly kind: 'tag'; readonly distribution: string; readonly tag: string };

/** Where a list of bans begins, in numbers that only grow. */
export interface BanListStart {
  /** What was stored before this was stored under another list, whose bans are not known: all of it counts as banned. */
  readonly beginSequence: number;
  /** Bans up to this one have been carried out in the stores, and are forgotten. */
  readonly forgottenSequence: number;
  /** At least as large as any number given before. */
  readonly currentSequence: number;
}

/** The tags of what any tag may be meant for. `*` is none that has a name. */
export const everyTag: readonly string[] = ['*'];

/** So many keys are remembered as written to; they matter as long as a fetch runs that is older. */
const maxWritten = 10_000;

/**
 * The bans in force. Each has a sequence number, and whatever is fetched remembers the number that was current when its
 * fetch began: a ban with a larger number speaks of it. Most of the time nothing was banned since, and a comparison
 * says so.
 */
export class BanList {
  readonly #beginSequence: number;
  #forgottenSequence: number;
  #currentSequence: number;
  /** The number of the last ban of each. The maps hold the older ones first. */
  readonly #exact = new Map<string, number>();
  readonly #prefixes = new PrefixNumbers();
  readonly #tags = new Map<string, number>();
  readonly #written = new Map<string, number>();
  #forgottenWrittenSequence = 0;

  constructor(start: BanListStart) {
    this.#beginSequence = start.beginSequence;
    this.#forgottenSequence = start.forgottenSequence;
    this.#currentSequence = start.currentSequence;
  }

  /** What a fetch that begins now has to remember. */
  get current(): number {
    return this.#currentSequence;
  }

  /** How many bans are remembered. */
  get sizes(): { readonly exactAndTags: number; readonly prefixes: number } {
    return { exactAndTags: this.#exact.size + this.#tags.size, prefixes: this.#prefixes.size };
  }

  /** Puts bans in force, all under the number that is returned. */
  add(bans: readonly Ban[]): number {
    this.restore(bans, ++this.#currentSequence);
    return this.#currentSequence;
  }

  /** Bans of an earlier run, under the number they had. To be called in the order of these numbers. */
  restore(bans: readonly Ban[], sequence: number): void {
    for (const ban of bans) {
      if (ban.kind === 'exact') setAsNewest(this.#exact, ban.cacheKey, sequence);
      else if (ban.kind === 'prefix') this.#prefixes.set(ban.cacheKeyPrefix, sequence);
      else setAsNewest(this.#tags, tagKey(ban.distribution, ban.tag), sequence);
    }
  }

  /**
   * Something was written under this key: what is being fetched for it is out of date (RFC 9111 §4.4). What is stored
   * is the caller's to remove.
   */
  outdate(cacheKey: string): void {
    setAsNewest(this.#written, objectKey(cacheKey), ++this.#currentSequence);
    if (this.#written.size <= maxWritten) return;
    const [oldest] = this.#written;
    if (oldest === undefined) return;
    this.#written.delete(oldest[0]);
    this.#forgottenWrittenSequence = oldest[1];
  }

  /** Whether a stored response, whose fetch began at `sequence`, may not be given any more. Slices have their object's key. */
  isBanned(cacheKey: string, tags: readonly string[], sequence: number): boolean {
    if (sequence === this.#currentSequence) return false;
    // Beyond the current number: the list is younger than what was stored, and cannot speak for it.
    if (sequence < this.#beginSequence || sequence > this.#currentSequence) return true;
    return this.#names(objectKey(cacheKey), tags, sequence);
  }

  /**
   * Whether something that is being fetched since `sequence` may neither be stored nor be given to whoever asks now.
   * `tags`: `everyTag` as long as the origin has not named them.
   */
  isOutdated(cacheKey: string, tags: readonly string[], sequence: number): boolean {
    if (sequence === this.#currentSequence) return false;
    if (sequence < this.#forgottenSequence || sequence < this.#forgottenWrittenSequence) return true;
    const key = objectKey(cacheKey);
    return (this.#written.get(key) ?? 0) > sequence || this.#names(key, tags, sequence);
  }

  /** Bans up to this number have been carried out: nothing that is stored is concerned by them. */
  forget(upToSequence: number): void {
    this.#prefixes.deleteUpTo(upToSequence);
    for (const numbered of [this.#exact, this.#tags, this.#written]) {
      for (const [key, sequence] of numbered) {
        if (sequence > upToSequence) break;
        numbered.delete(key);
      }
    }
    this.#forgottenSequence = Math.max(this.#forgottenSequence, upToSequence);
  }

  #names(key: string, tags: readonly string[], sequence: number): boolean {
    if ((this.#exact.get(key) ?? 0) > sequence) return true;
    if (this.#prefixes.largest(key) > sequence) return true;
    if (this.#tags.size === 0 || tags.length === 0) return false;
    const distribution = key.slice(0, key.lastIndexOf(' '));
    if (tags[0] !== everyTag[0]) {
      return tags.some((tag) => (this.#tags.get(tagKey(distribution, tag)) ?? 0) > sequence);
    }
    const beginning = tagKey(distribution, '');
    for (const [tag, number] of this.#tags) if (number > sequence && tag.startsWith(beginning)) return true;
    return false;
  }
}

/** A slice is kept under its object's key and `#n`; neither path nor query holds a `#`, nor a space. */
function objectKey(cacheKey: string): string {
  const sliceAt = cacheKey.lastIndexOf('#');
  return sliceAt > cacheKey.lastIndexOf(' ') ? cacheKey.slice(0, sliceAt) : cacheKey;
}

function tagKey(distribution: string, tag: string): string {
  return `${distribution} ${tag}`;
}

function setAsNewest(numbered: Map<string, number>, key: string, sequence: number): void {
  numbered.delete(key);
  numbered.set(key, sequence);
}
