/**
 * Time as a value that is handed in. The pure floors take `nowMs` as an argument; whoever has to wait takes a
 * `Clock`, so that a test can stand at any millisecond. The real one is made in `src/cli/system-clock.ts`.
 */
export interface Clock {
  /** Wall clock, in milliseconds since 1970-01-01T00:00:00Z. May jump. */
  wallMs(): number;
  /** Milliseconds since some fixed instant. Never goes back. */
  monotonicMs(): number;
  /** Calls `action` once, `delayMs` from now at the earliest. */
  after(delayMs: number, action: () => void): Timer;
}

/** For so long the two clocks are taken to go alike. */
const alikeMs = 100;

/**
 * The wall clock at an instant of the monotonic one that has just been, for those who need both very often and looked at
 * that one anyway. That the wall clock has jumped may show a tenth of a second late.
 */
export function wallClockBeside(clock: Clock): (monotonicMs: number) => number {
  let lookedMs = Number.NEGATIVE_INFINITY;
  let apartMs = 0;
  return (monotonicMs) => {
    if (monotonicMs - lookedMs >= alikeMs) {
      lookedMs = monotonicMs;
      apartMs = clock.wallMs() - monotonicMs;
    }
    return apartMs + monotonicMs;
  };
}

export interface Timer {
  /** The action is not called any more. Harmless when it has been called already. */
  cancel(): void;
}
