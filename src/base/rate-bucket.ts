/** Bounds how often something may happen: a bucket of two seconds' worth, refilled as time goes by. */
export class RateBucket {
  readonly capacity: number;
  readonly #perSecond: number;
  #left: number;
  #atMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.capacity = perSecond * 2;
    this.#perSecond = perSecond;
    this.#left = this.capacity;
    this.#atMs = nowMs;
  }

  /** Counts one more. `false` when there were too many. */
  take(nowMs: number): boolean {
    const refilled = this.#left + ((nowMs - this.#atMs) / 1_000) * this.#perSecond;
    this.#left = Math.min(this.capacity, refilled) - 1;
    this.#atMs = nowMs;
    return this.#left >= 0;
  }
}
