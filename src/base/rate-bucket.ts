/** What is refilled piece by piece may come to a little less than one: who waits as long as it says gets it all the same. */
const rounding = 1e-9;

/** Bounds how much of something there may be in a time: a bucket that is refilled as time goes by. */
export class RateBucket {
  readonly capacity: number;
  readonly #perSecond: number;
  #left: number;
  #atMs: number;

  /** `capacity`: how much may come at once; if left out: two seconds' worth. */
  constructor(perSecond: number, nowMs: number, capacity = perSecond * 2) {
    this.capacity = capacity;
    this.#perSecond = perSecond;
    this.#left = capacity;
    this.#atMs = nowMs;
  }

  /** Counts one more. `false` when there were too many: that one costs nothing. */
  take(nowMs: number): boolean {
    this.#refill(nowMs);
    if (this.#left < 1 - rounding) return false;
    this.#left--;
    return true;
  }

  /** What was taken and not used. */
  giveBack(): void {
    this.#left = Math.min(this.capacity, this.#left + 1);
  }

  /** Counts what has happened already, more than there was perhaps: it has to be made up for. */
  spend(amount: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#left -= amount;
  }

  /** What was spent beyond it need not be made up for. */
  forgive(): void {
    this.#left = Math.max(0, this.#left);
  }

  /** How long until there is as much as this; 0 when there is. */
  waitMs(amount: number, nowMs: number): number {
    this.#refill(nowMs);
    return Math.max(0, Math.ceil(((amount - this.#left) / this.#perSecond) * 1_000));
  }

  #refill(nowMs: number): void {
    if (nowMs === this.#atMs) return;
    this.#left = Math.min(this.capacity, this.#left + ((nowMs - this.#atMs) / 1_000) * this.#perSecond);
    this.#atMs = nowMs;
  }
}
