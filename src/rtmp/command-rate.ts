import { LimitError } from '../base/errors.ts';

/** Bounds how often a peer may ask for something: a bucket of two seconds' worth, refilled as time goes by. */
export class CommandRate {
  readonly #perSecond: number;
  #left: number;
  #atMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond * 2;
    this.#atMs = nowMs;
  }

  /** Counts one command. Throws `LimitError` when there were too many. */
  count(nowMs: number): void {
    const refilled = this.#left + ((nowMs - this.#atMs) / 1_000) * this.#perSecond;
    this.#left = Math.min(this.#perSecond * 2, refilled) - 1;
    this.#atMs = nowMs;
    if (this.#left < 0) {
      throw new LimitError('RTMP_TOO_MANY_COMMANDS', 'commands come too fast; in a burst', {
        limit: this.#perSecond * 2,
        value: this.#perSecond * 2 + 1,
      });
    }
  }
}
