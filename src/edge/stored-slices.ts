import type { CacheStore } from '../stores/cache-store.ts';
import type { SliceBytes } from '../stores/slice-memory.ts';
import { type CachedResponse, CachedSlice, type ResponseHead, type SlicedManifest } from './edge-response.ts';

/** A slice by its number, or what was found out about the whole of a media file, which comes and goes with its slices. */
export type StoredPart = number | 'index';

/**
 * The slices of one version of an object in the store: one entry each, under the object's cache key and a number. A media
 * file has its index beside them.
 */
export class StoredSlices {
  readonly #store: CacheStore<CachedResponse>;
  readonly #cacheKey: string;
  readonly #head: ResponseHead;
  readonly #identity: string;

  constructor(store: CacheStore<CachedResponse>, cacheKey: string, head: ResponseHead, { identity }: SlicedManifest) {
    this.#store = store;
    this.#cacheKey = cacheKey;
    this.#head = head;
    this.#identity = identity;
  }

  get(part: StoredPart): SliceBytes | undefined {
    return this.#amongThese(this.#store.get(this.#partKey(part)));
  }

  /** Probably: no use of the slice is counted. */
  has(index: number): boolean {
    return this.#store.has(this.#partKey(index));
  }

  /** From the lower tier, held until the next turn of the event loop; `undefined` when it surely has nothing. */
  recall(part: StoredPart): Promise<SliceBytes | undefined> | undefined {
    return this.#store.recall(this.#partKey(part))?.then((variants) => this.#amongThese(variants));
  }

  /**
   * What puts slices that are fetched from now on into the store. They are as new as the manifest is known to be now: a
   * ban may have spoken since it came.
   */
  keeper(): (part: StoredPart, slice: SliceBytes) => void {
    const { facts, memoryOnly = false, sequence, tags, variantKey } = this.#head;
    const manifest = this.#manifest();
    const head: ResponseHead = {
      status: 206,
      fields: [],
      facts,
      selecting: [],
      variantKey,
      sequence: manifest?.sequence ?? sequence,
      tags,
      memoryOnly,
      sliceOf: this.#identity,
    };
    return (part, slice) => {
      this.#store.put(this.#partKey(part), new CachedSlice(head, slice));
    };
  }

  /** This version is not there any more: whoever comes now gets the one that is. */
  forget(): void {
    if (this.#manifest() !== undefined) this.#store.remove(this.#cacheKey);
  }

  #manifest(): CachedResponse | undefined {
    return this.#store.get(this.#cacheKey).find(({ head }) => head.sliced?.identity === this.#identity);
  }

  /** Not one of a version before or after. */
  #amongThese(variants: readonly CachedResponse[]): SliceBytes | undefined {
    return variants
      .filter((stored) => stored instanceof CachedSlice)
      .find(({ head }) => head.sliceOf === this.#identity);
  }

  /** `#` cannot stand in a cache key. */
  #partKey(part: StoredPart): string {
    return `${this.#cacheKey}#${part}`;
  }
}
