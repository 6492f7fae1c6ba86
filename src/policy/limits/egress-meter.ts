/** Segments go out in bursts: what went out is averaged over about so long. */
const averageMs = 4_000;
/** From this share of the cap on the top rendition goes. */
const nearShare = 0.9;
/** Below this one it comes back: players that may step up again must not meet the cap at once. */
const farShare = 0.5;
/** Players need a segment or two to step down, and are to be heard before the next rendition goes. */
const stepDownMs = 8_000;
const stepUpMs = 20_000;

/** How much goes out of something, and how many renditions are withheld so that it does not become too much. */
export class EgressMeter {
  readonly #capBytesPerSecond: number;
  #bytesPerSecond = 0;
  #atMs: number;
  #withheld = 0;
  #changedMs: number;

  constructor(capBytesPerSecond: number, nowMs: number) {
    this.#capBytesPerSecond = capBytesPerSecond;
    this.#atMs = nowMs;
    this.#changedMs = nowMs - stepUpMs;
  }

  /** How many of the top renditions are withheld. */
  get withheld(): number {
    return this.#withheld;
  }

  spend(bytes: number, nowMs: number): void {
    this.#average(nowMs);
    this.#bytesPerSecond += bytes / (averageMs / 1_000);
  }

  bytesPerSecond(nowMs: number): number {
    this.#average(nowMs);
    return this.#bytesPerSecond;
  }

  /** Nothing more may begin. */
  isFull(nowMs: number): boolean {
    return this.bytesPerSecond(nowMs) >= this.#capBytesPerSecond;
  }

  /** Withholds one more, up to `most`, or one less, when it is time. Returns whether it did. */
  adapt(most: number, nowMs: number): boolean {
    const share = this.bytesPerSecond(nowMs) / this.#capBytesPerSecond;
    const quietMs = nowMs - this.#changedMs;
    let withheld = Math.min(this.#withheld, most);
    if (share >= nearShare && withheld < most && quietMs >= stepDownMs) withheld++;
    else if (share < farShare && withheld > 0 && quietMs >= stepUpMs) withheld--;
    if (withheld === this.#withheld) return false;
    this.#withheld = withheld;
    this.#changedMs = nowMs;
    return true;
  }

  #average(nowMs: number): void {
    if (nowMs <= this.#atMs) return;
    this.#bytesPerSecond *= Math.exp((this.#atMs - nowMs) / averageMs);
    this.#atMs = nowMs;
  }
}
