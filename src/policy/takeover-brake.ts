/** So many takeovers of one stream within the window are one too many. */
const maxTakeovers = 5;

const windowMs = 60_000;

/** After the last of them nobody takes the stream over for this long. */
const pauseMs = 60_000;

/**
 * Ends the quarrel of two encoders that have the same stream key and reconnect by themselves: each would take the
 * stream from the other for ever, and viewers would see it begin anew every few seconds. An encoder whose connection
 * breaks now and then stays far below the bound.
 */
export class TakeoverBrake {
  /** Those within the window, oldest first. */
  #takeoversMs: number[] = [];
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  /** A takeover happens now. */
  count(nowMs: number): void {
    this.#takeoversMs = [...this.#takeoversMs.filter((atMs) => nowMs - atMs < windowMs), nowMs];
    if (this.#takeoversMs.length < maxTakeovers) return;
    this.#takeoversMs = [];
    this.#pausedUntilMs = nowMs + pauseMs;
  }

  /** Why there can be no takeover now, for the person at the encoder; `undefined` when there can. */
  refusal(path: string, nowMs: number): string | undefined {
    if (nowMs >= this.#pausedUntilMs) return undefined;
    const seconds = Math.ceil((this.#pausedUntilMs - nowMs) / 1_000);
    return (
      `encoders with the same stream key took ${path} from each other ${maxTakeovers} times within a minute: ` +
      `stop all but one; another may take it over in ${seconds} s`
    );
  }
}
