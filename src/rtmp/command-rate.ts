import { LimitError } from '../base/errors.ts';
import { RateBucket } from '../base/rate-bucket.ts';

/** Bounds how often a peer may ask for something. */
export class CommandRate {
  readonly #bucket: RateBucket;

  constructor(perSecond: number, nowMs: number) {
    this.#bucket = new RateBucket(perSecond, nowMs);
  }

  /** Counts one command. Throws `LimitError` when there were too many. */
  count(nowMs: number): void {
    const { capacity } = this.#bucket;
    if (this.#bucket.take(nowMs)) return;
    throw new LimitError('RTMP_TOO_MANY_COMMANDS', 'commands come too fast; in a burst', {
      limit: capacity,
      value: capacity + 1,
    });
  }
}
