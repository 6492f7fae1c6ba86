import type { BodyUses } from './body-uses.ts';
import type { IndexRow } from './disk-index.ts';
import { LentBuffers } from './lent-buffers.ts';

export interface BodyLenderOptions {
  readonly uses: BodyUses;
  /** What the tier above has room for. */
  readonly bytesAbove: number;
  /** Fills a buffer with a body at once. Throws when it cannot be read. */
  readonly readNow: (id: number, body: Buffer) => void;
  readonly monotonicMs: () => number;
}

/** Filling a buffer took longer, and everybody waited for it: nothing is lent for a while. */
const slowReadMs = 10;
/** So many times as long as that took: a medium that is slow after all has at most a tenth of the time. */
const slowRest = 10;

/**
 * Reads bodies into buffers that are used again, without a wait: those that were read a short while ago, which the
 * system has in its page cache. What comes back so soon that the tier above could have held it is left to be recalled, so
 * that it gets there.
 */
export class BodyLender {
  readonly #options: BodyLenderOptions;
  readonly #buffers = new LentBuffers();
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: BodyLenderOptions) {
    this.#options = options;
  }

  /** With bytes of another body in it, until `fill`; `undefined` when this body is not one to be lent now. */
  take({ bodyBytes, id }: Pick<IndexRow, 'bodyBytes' | 'id'>): Buffer | undefined {
    const { bytesAbove, monotonicMs, uses } = this.#options;
    const nowMs = monotonicMs();
    const wanted = LentBuffers.fits(bodyBytes) && uses.isWarm(id, nowMs) && uses.wasLongAgo(id, bytesAbove);
    return wanted && nowMs >= this.#restsUntilMs ? this.#buffers.take() : undefined;
  }

  /** `false`: it cannot be read. Who recalls it finds out why. */
  fill(id: number, body: Buffer): boolean {
    const { monotonicMs, readNow } = this.#options;
    const beganMs = monotonicMs();
    try {
      readNow(id, body);
    } catch {
      return false;
    }
    const endedMs = monotonicMs();
    if (endedMs - beganMs > slowReadMs) this.#restsUntilMs = endedMs + (endedMs - beganMs) * slowRest;
    return true;
  }

  /** As `LentBuffers.giveBack`. */
  giveBack(buffer: Buffer, isFree: boolean): void {
    this.#buffers.giveBack(buffer, isFree);
  }
}
