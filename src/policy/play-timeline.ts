/** What lies between the last access unit of one publication and the first of the next: less than a picture lasts. */
const stepMs = 20;

/** Timestamps of one track that go back by less than this are jitter, and go on by the least that there is instead. */
const jitterMs = 500;

/** Muxers of MP4 take no two units of a track with the same time. */
const leastStepMs = 1;

/** A publisher that goes ahead by more than this has set its clock: no player shall wait for so long. */
const longestGapMs = 600_000;

/** A track that is further behind the others cannot be told from one that is ahead: 32 bits count both ways. */
const farthestBehindMs = 2 ** 30;

/**
 * Makes one timeline of a stream for those who play it: publishers come back, origins restart and encoders set their
 * clocks, and no player sees time go back. The publisher's own timestamps stay what they are for as long as they do not
 * jump. All of them are unsigned counts of 32 bits that wrap.
 */
export class PlayTimeline {
  #offsetMs = 0;
  /** The latest that was given out, of any track, counted on where 32 bits wrap; `undefined` before the first. */
  #latestMs: number | undefined;
  readonly #latestByTrack = new Map<number, number>();
  #continuing = false;

  /** Where the timeline stands: that of the latest access unit, 0 before the first. */
  get latestMs(): number {
    return (this.#latestMs ?? 0) >>> 0;
  }

  /** A publisher has (again) begun: its first access unit follows the last one of the publisher before it. */
  restart(): void {
    this.#continuing = this.#latestMs !== undefined;
    // Its sound may begin a little before its first picture: the last of the publisher before is not to have the same time.
    for (const [track, latestMs] of this.#latestByTrack) this.#latestByTrack.set(track, latestMs + leastStepMs);
  }

  /** The timestamp that players get. `track` tells tracks apart. */
  advance(track: number, timestampMs: number): number {
    if (this.#continuing) {
      this.#continuing = false;
      this.#continueWith(timestampMs);
    }
    let playedMs = this.#unwrapped(timestampMs);
    const latestOfTrackMs = this.#latestByTrack.get(track) ?? playedMs;
    const stepOfTrackMs = playedMs - latestOfTrackMs;
    const aheadMs = this.#latestMs === undefined ? 0 : playedMs - this.#latestMs;
    if (stepOfTrackMs < -jitterMs || aheadMs > longestGapMs || aheadMs < -farthestBehindMs) {
      this.#continueWith(timestampMs);
      playedMs = this.#unwrapped(timestampMs);
    } else if (stepOfTrackMs < 0) {
      playedMs = latestOfTrackMs + leastStepMs;
    }
    this.#latestByTrack.set(track, playedMs);
    this.#latestMs = Math.max(this.#latestMs ?? playedMs, playedMs);
    return playedMs >>> 0;
  }

  /** For what belongs to no track: text and cues. */
  at(timestampMs: number): number {
    return (timestampMs + this.#offsetMs) >>> 0;
  }

  #continueWith(timestampMs: number): void {
    this.#offsetMs = signed(this.latestMs + stepMs - timestampMs);
  }

  /** Of the counts that wrap to this timestamp, the one next to the latest. */
  #unwrapped(timestampMs: number): number {
    const playedMs = this.at(timestampMs);
    return this.#latestMs === undefined ? playedMs : this.#latestMs + signed(playedMs - this.latestMs);
  }
}

/** The difference of two counts of 32 bits, the shorter way round. */
function signed(differenceMs: number): number {
  return differenceMs | 0;
}
