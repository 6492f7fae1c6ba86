import { RetryDelay } from '../rtmp/retry-delay.ts';

/** An origin that breaks off or cannot be reached is asked again for this long, counted from when it last was of use. */
const patienceMs = 10_000;

/** When to ask an origin again that has failed in the middle of something, and when not any more. */
export class OriginPatience {
  readonly #delay = new RetryDelay({ firstMs: 100, longestMs: 2_000 }, Math.random);
  #failingSinceMs: number | undefined;

  /** It has failed, and nothing has come since. */
  get isTried(): boolean {
    return this.#failingSinceMs !== undefined;
  }

  /** Somebody got on. */
  succeed(): void {
    if (this.#failingSinceMs === undefined) return;
    this.#failingSinceMs = undefined;
    this.#delay.reset();
  }

  /** How long to wait; `give-up` when it has failed for too long. `nowMs` is monotonic. */
  fail(nowMs: number): { readonly delayMs: number } | 'give-up' {
    this.#failingSinceMs ??= nowMs;
    if (nowMs - this.#failingSinceMs < patienceMs) return { delayMs: this.#delay.nextMs() };
    this.succeed();
    return 'give-up';
  }
}
