/** How long to wait before the next attempt: twice as long each time, and never the same for all who wait. */
export class RetryDelay {
  readonly #firstMs: number;
  readonly #longestMs: number;
  readonly #random: () => number;
  #nextMs: number;

  /** `random` gives numbers from 0 up to 1. */
  constructor(bounds: { readonly firstMs: number; readonly longestMs: number }, random: () => number) {
    this.#firstMs = bounds.firstMs;
    this.#longestMs = bounds.longestMs;
    this.#random = random;
    this.#nextMs = bounds.firstMs;
  }

  /** Between half of the bound and the bound, which doubles for the next time. */
  nextMs(): number {
    const boundMs = this.#nextMs;
    this.#nextMs = Math.min(boundMs * 2, this.#longestMs);
    return boundMs * (0.5 + this.#random() / 2);
  }

  /** What was tried has worked. */
  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}
