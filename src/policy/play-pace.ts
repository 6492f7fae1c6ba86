/** For clients that never say how much they buffer: enough that the picture starts at once and survives a hiccup. */
const defaultAheadMs = 2_000;

/** Less than this starts slowly, whatever a client asks for: Flash players say 100 ms where nobody has set anything. */
const leastAheadMs = 1_000;

/** What is sent in one go, as part of what a client is ahead: fewer and larger writes, without its buffer running low. */
const burstShare = 1 / 4;
const longestBurstMs = 1_000;

/**
 * How far ahead of its playback a player of stored media is sent: what its buffer asks for at once, then as fast as it
 * plays. Times are milliseconds, `mediaMs` in the file and `nowMs` on the monotonic clock.
 */
export class PlayPace {
  #aheadMs = defaultAheadMs;
  /** The media time at which playback would have begun at `nowMs` 0. */
  #originMs = 0;
  #pausedAtMs: number | undefined;

  /** SetBufferLength (RTMP 1.0 §7.1.7). What a client asks for beyond any use is taken at its word: rtmpdump wants the file. */
  setBuffer(bufferMs: number): void {
    this.#aheadMs = Math.max(bufferMs, leastAheadMs);
  }

  /** Playback begins here, now. */
  begin(mediaMs: number, nowMs: number): void {
    this.#originMs = mediaMs - nowMs;
    if (this.#pausedAtMs !== undefined) this.#pausedAtMs = nowMs;
  }

  pause(nowMs: number): void {
    this.#pausedAtMs ??= nowMs;
  }

  resume(nowMs: number): void {
    if (this.#pausedAtMs === undefined) return;
    this.#originMs -= nowMs - this.#pausedAtMs;
    this.#pausedAtMs = undefined;
  }

  /** Whether what has this time may be sent. */
  mayBeSent(mediaMs: number, nowMs: number): boolean {
    return mediaMs <= this.#allowedMs(nowMs);
  }

  /** A player that gets this only now has not come farther: it has been waiting, and will not catch up. */
  sent(mediaMs: number, nowMs: number): void {
    this.#originMs = Math.min(this.#originMs, mediaMs - (this.#pausedAtMs ?? nowMs));
  }

  /** How long to wait where what comes next is at `mediaMs` and may not be sent yet: until it is worth a write. */
  waitMs(mediaMs: number, nowMs: number): number {
    const burstMs = Math.min(this.#aheadMs * burstShare, longestBurstMs);
    return Math.max(0, mediaMs + burstMs - this.#allowedMs(nowMs));
  }

  #allowedMs(nowMs: number): number {
    return this.#originMs + (this.#pausedAtMs ?? nowMs) + this.#aheadMs;
  }
}
