import type { Clock } from './clock.ts';

/** How long a whole server may take to close. A process has to be gone five seconds after its signal. */
export const closeBudgetMs = 4_000;

/**
 * What is left of the time in which something has to be closed. It is handed down from the process to each listener, so
 * that the graces of all who are closed one after another stay within it together, however stubborn their peers are.
 */
export class CloseBudget {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #endsAtMs: number;

  private constructor(clock: Pick<Clock, 'monotonicMs'>, endsAtMs: number) {
    this.#clock = clock;
    this.#endsAtMs = endsAtMs;
  }

  /** Begins to run out now. */
  static of(clock: Pick<Clock, 'monotonicMs'>, totalMs: number = closeBudgetMs): CloseBudget {
    return new CloseBudget(clock, clock.monotonicMs() + totalMs);
  }

  /** What somebody may take who would like `wishedMs`. */
  graceMs(wishedMs: number): number {
    return Math.max(0, Math.min(wishedMs, this.#endsAtMs - this.#clock.monotonicMs()));
  }

  /** Without its last `keptMs`: those are for what is closed afterwards. */
  keeping(keptMs: number): CloseBudget {
    return new CloseBudget(this.#clock, this.#endsAtMs - keptMs);
  }
}
