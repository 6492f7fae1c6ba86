/** What one GOP may cost before it is no longer kept for late joiners. */
export interface GopBounds {
  readonly maxBytes: number;
  readonly maxItems: number;
}

/** 32 s of 2 Mbit/s, or 3 s of 20 Mbit/s; 50 s of 30 pictures and 47 audio frames a second. */
export const defaultGopBounds: GopBounds = { maxBytes: 8_388_608, maxItems: 4_096 };

/**
 * What has come since the last keyframe, so that who comes late can begin at once. A GOP that would exceed the bounds
 * is dropped whole, and nothing is kept until the next one begins: a part of a GOP is of no use to anybody.
 */
export class GopWindow<T> {
  readonly #bounds: GopBounds;
  #items: T[] = [];
  #bytes = 0;
  #open = false;

  constructor(bounds: GopBounds = defaultGopBounds) {
    this.#bounds = bounds;
  }

  /** In order, beginning with a keyframe; empty while there is no GOP to begin with. */
  get items(): readonly T[] {
    return this.#items;
  }

  /** `startsGop`: a decoder of everything that follows can start here. */
  push(item: T, bytes: number, startsGop: boolean): void {
    if (startsGop) {
      this.clear();
      this.#open = true;
    }
    if (!this.#open) return;
    if (this.#bytes + bytes > this.#bounds.maxBytes || this.#items.length >= this.#bounds.maxItems) {
      this.clear();
      return;
    }
    this.#items.push(item);
    this.#bytes += bytes;
  }

  /** Until the next keyframe. */
  clear(): void {
    this.#items = [];
    this.#bytes = 0;
    this.#open = false;
  }
}
