import type { Clock, Timer } from '../../base/clock.ts';

/** For so long nobody has asked for a file that has to be opened. */
const quietMs = 500;
/** Of what waits, in memory: beyond it the oldest does not wait any longer. */
const maxWaitingBytes = 67_108_864;

interface WaitingEncoding {
  readonly costBytes: number;
  readonly encode: () => Promise<void>;
}

/**
 * What was opened, and is to be encoded when nobody waits for the processor: one by one, the oldest first. That takes as
 * long as the opening itself.
 */
export class LaterEncodings {
  readonly #clock: Clock;
  #waiting: WaitingEncoding[] = [];
  #waitingBytes = 0;
  #timer: Timer | undefined;
  #running = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `costBytes`: what it takes until then. `encode` never rejects. */
  add(costBytes: number, encode: () => Promise<void>): void {
    this.#waiting.push({ costBytes, encode });
    this.#waitingBytes += costBytes;
    this.#wait();
  }

  /** A file is being opened. */
  postpone(): void {
    this.#wait();
  }

  /** Nothing is encoded any more. */
  close(): void {
    this.#waiting = [];
    this.#wait();
  }

  #wait(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#running || this.#waiting.length === 0) return;
    if (this.#waitingBytes > maxWaitingBytes) void this.#next();
    else this.#timer = this.#clock.after(quietMs, () => void this.#next());
  }

  async #next(): Promise<void> {
    const oldest = this.#waiting.shift();
    if (oldest === undefined) return;
    this.#running = true;
    await oldest.encode();
    this.#running = false;
    this.#waitingBytes -= oldest.costBytes;
    this.#wait();
  }
}
