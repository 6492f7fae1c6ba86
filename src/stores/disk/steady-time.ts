import type { Clock } from '../../base/clock.ts';

/**
 * Wall-clock milliseconds that never go back: what is written with them can be compared after a restart. When the wall
 * clock jumps forward, or the machine has slept, they follow it, so that what is stored is at worst taken for older
 * than it is; when it is set back they go on as the monotonic clock does.
 */
export class SteadyTime {
  readonly #clock: Clock;
  #offsetMs: number;
  /** What was written before this instant may be older than it looks: the clock was set back while nobody watched. */
  readonly trustedSinceMs: number;

  /** `lastSeenMs`: the largest instant that an earlier run has seen; `trustedSinceMs`: what it held itself. */
  constructor(clock: Clock, lastSeenMs: number, trustedSinceMs: number) {
    this.#clock = clock;
    const wallMs = clock.wallMs();
    this.#offsetMs = Math.max(wallMs, lastSeenMs + 1) - clock.monotonicMs();
    this.trustedSinceMs = wallMs >= lastSeenMs ? trustedSinceMs : lastSeenMs + 1;
  }

  nowMs(): number {
    const monotonicMs = this.#clock.monotonicMs();
    this.#offsetMs = Math.max(this.#offsetMs, this.#clock.wallMs() - monotonicMs);
    return monotonicMs + this.#offsetMs;
  }

  /** A monotonic instant of this run as one that can be kept. */
  fromMonotonic(monotonicMs: number): number {
    return this.nowMs() - (this.#clock.monotonicMs() - monotonicMs);
  }

  /** The way back. An instant that cannot be trusted is taken for one of long ago. */
  toMonotonic(steadyMs: number): number {
    const ageMs = steadyMs < this.trustedSinceMs ? longAgoMs : this.nowMs() - steadyMs;
    return this.#clock.monotonicMs() - ageMs;
  }
}

/** Ten years: older than any lifetime and any time that a stale answer may be given. */
const longAgoMs = 315_360_000_000;
