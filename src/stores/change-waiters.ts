import type { Clock } from '../base/clock.ts';
import { LimitError } from '../base/errors.ts';

/** How a wait came to its end. `closed`: nothing will change any more. */
export type WaitOutcome = 'met' | 'deadline' | 'aborted' | 'closed';

/**
 * Those who wait for a state of something that changes. Whoever changes it calls `changed`; a waiter goes on when its
 * condition holds, its deadline is over, or it is not interested any more.
 */
export class ChangeWaiters {
  readonly #clock: Clock;
  readonly #maxWaiters: number;
  readonly #waiters = new Set<{ readonly isMet: () => boolean; readonly end: (outcome: WaitOutcome) => void }>();
  #closed = false;

  constructor(clock: Clock, maxWaiters: number) {
    this.#clock = clock;
    this.#maxWaiters = maxWaiters;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** Throws a `LimitError` when too many wait already. */
  wait(isMet: () => boolean, deadlineMs: number, signal: AbortSignal): Promise<WaitOutcome> {
    if (isMet()) return Promise.resolve('met');
    if (signal.aborted) return Promise.resolve('aborted');
    if (this.#closed) return Promise.resolve('closed');
    if (this.#waiters.size >= this.#maxWaiters) {
      throw new LimitError('TOO_MANY_WAITERS', 'too many requests wait for this stream', {
        limit: this.#maxWaiters,
        value: this.#waiters.size + 1,
      });
    }
    return new Promise((resolve) => {
      const end = (outcome: WaitOutcome) => {
        this.#waiters.delete(waiter);
        timer.cancel();
        signal.removeEventListener('abort', onAbort);
        resolve(outcome);
      };
      const onAbort = () => end('aborted');
      const waiter = { isMet, end };
      const timer = this.#clock.after(deadlineMs, () => end('deadline'));
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /** Something has changed: whoever waited for it goes on. */
  changed(): void {
    for (const waiter of this.#waiters) {
      if (waiter.isMet()) waiter.end('met');
    }
  }

  /** Nothing will change any more: all go on. */
  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiters) waiter.end(waiter.isMet() ? 'met' : 'closed');
  }
}
