import { noteFreed } from '../../base/freed-memory.ts';

/** Smaller ones lie in V8's heap, where they cost little. */
const leastPooledBytes = 128;
const mostPooledBytes = 1_048_576;
/** Of the memory for messages that have not come whole, for what takes up to twice its length. */
const pooledShare = 1 / 16;

/**
 * Memory for the messages of one connection, which is used again for others: by powers of two, so that it fits. Otherwise
 * it would be memory outside of V8's heap, of which every few MiB begin a collection of the whole heap.
 */
export class MessageBodies {
  readonly #mostPooledBytes: number;
  /** By the logarithm of their length. */
  readonly #spares: Uint8Array<ArrayBuffer>[][] = [];
  #spareBytes = 0;

  /** `maxBufferedBytes`: as of the decoder. */
  constructor(maxBufferedBytes: number) {
    this.#mostPooledBytes = Math.min(mostPooledBytes, maxBufferedBytes * pooledShare);
  }

  /** Memory that waits to be used again. */
  get spareBytes(): number {
    return this.#spareBytes;
  }

  /** At least `leastBytes` long, for a message of `messageBytes`: for all of it where there is memory already. */
  take(leastBytes: number, messageBytes: number): Uint8Array<ArrayBuffer> {
    return this.#spare(messageBytes) ?? this.#spare(leastBytes) ?? new Uint8Array(this.#roundedUp(leastBytes));
  }

  /** Nobody reads it any more. */
  give(body: Uint8Array<ArrayBuffer>): void {
    noteFreed(body);
    const { length } = body;
    if (length < leastPooledBytes || this.#roundedUp(length) !== length || length > this.#mostPooledBytes) return;
    (this.#spares[Math.log2(length)] ??= []).push(body);
    this.#spareBytes += length;
    // What was needed once and is large would keep out what is needed all the time.
    while (this.#spareBytes > 2 * this.#mostPooledBytes) {
      const largest = this.#spares.findLast((spares) => spares.length > 0)?.pop();
      this.#spareBytes -= largest?.length ?? 0;
    }
  }

  #spare(length: number): Uint8Array<ArrayBuffer> | undefined {
    const spare = length < leastPooledBytes ? undefined : this.#spares[Math.ceil(Math.log2(length))]?.pop();
    if (spare !== undefined) this.#spareBytes -= spare.length;
    return spare;
  }

  /** As long as asked for where that is too little or too much to be used again. */
  #roundedUp(length: number): number {
    const rounded = 2 ** Math.ceil(Math.log2(length));
    return length < leastPooledBytes || rounded > this.#mostPooledBytes ? length : rounded;
  }
}
