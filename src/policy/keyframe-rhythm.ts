import { endsFromSeconds } from './target-duration.ts';

/** What ends segments. */
export interface SegmentEnds {
  /** How long the last unit of the leading track lasts. */
  readonly unitSeconds: number;
  /** The aim of a segment. */
  readonly segmentSeconds: number;
  /** No segment of the leading track may last longer. */
  readonly limitSeconds: number;
}

/** Over how many intervals is looked. */
const rememberedIntervals = 8;
/** An encoder that has sent keyframes so often at the same distance is taken to go on with that. */
const leastRegular = 3;

/** How far apart the keyframes of a run of time come, on decode time in seconds. */
export class KeyframeRhythm {
  #intervalsSeconds: number[] = [];
  /** Of those: each unit is compared with them. */
  #longestSeconds = 0;
  #shortestSeconds = Infinity;
  #latestSeconds: number | undefined;

  /** A run of time begins. */
  restart(): void {
    this.#intervalsSeconds = [];
    this.#longestSeconds = 0;
    this.#shortestSeconds = Infinity;
    this.#latestSeconds = undefined;
  }

  note(atSeconds: number): void {
    if (this.#latestSeconds !== undefined) {
      this.#intervalsSeconds.push(atSeconds - this.#latestSeconds);
      if (this.#intervalsSeconds.length > rememberedIntervals) this.#intervalsSeconds.shift();
      this.#longestSeconds = Math.max(...this.#intervalsSeconds);
      this.#shortestSeconds = Math.min(...this.#intervalsSeconds);
    }
    this.#latestSeconds = atSeconds;
  }

  get latestSeconds(): number | undefined {
    return this.#latestSeconds;
  }

  /** 0 while there was none. */
  get longestSeconds(): number {
    return this.#longestSeconds;
  }

  /** `Infinity` while there was none. */
  get shortestSeconds(): number {
    return this.#shortestSeconds;
  }

  /** The one interval that there was of late, give or take half of `unitSeconds`; `undefined` where they differ, or are few. */
  regularSeconds(unitSeconds: number): number | undefined {
    if (this.#intervalsSeconds.length < leastRegular) return undefined;
    return this.isVaried(unitSeconds) ? undefined : this.shortestSeconds;
  }

  /** The intervals of late differ by half of `unitSeconds` or more: a keyframe may come at any time. */
  isVaried(unitSeconds: number): boolean {
    return this.longestSeconds - this.shortestSeconds >= unitSeconds / 2;
  }

  /** Whether one is to be expected then, give or take half of `unitSeconds`, as they come at regular distances. */
  isDueAt(atSeconds: number, unitSeconds: number): boolean {
    const intervalSeconds = this.regularSeconds(unitSeconds);
    if (intervalSeconds === undefined || this.#latestSeconds === undefined) return false;
    return Math.abs(atSeconds - this.#latestSeconds - intervalSeconds) <= unitSeconds / 2;
  }

  /** Decode time of the keyframe that ends the segment which begins at `startSeconds`, if they come at regular distances. */
  endOfSegment(startSeconds: number, { unitSeconds, segmentSeconds, limitSeconds }: SegmentEnds): number | undefined {
    const intervalSeconds = this.regularSeconds(unitSeconds);
    if (intervalSeconds === undefined || this.#latestSeconds === undefined) return undefined;
    const nextSeconds = this.#latestSeconds + intervalSeconds;
    const leastSeconds = endsFromSeconds(intervalSeconds, segmentSeconds, limitSeconds);
    const further = Math.ceil((startSeconds + leastSeconds - nextSeconds) / intervalSeconds - 0.01);
    return nextSeconds + Math.max(0, further) * intervalSeconds;
  }
}
