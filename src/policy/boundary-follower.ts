import type { PartCutter } from './part-cutter.ts';
import type { Boundary, SegmentBoundaries } from './segment-boundaries.ts';
import type { TimedUnit } from './timed-unit.ts';

/** What begins this much before the first picture of a run of time still belongs to its segment. */
export const headStartSeconds = 0.25;
/** Pictures of two tracks that are shown this near to each other are the same: clocks count in milliseconds. */
export const sameInstantSeconds = 0.01;
/** A track whose keyframe comes this much later than the leading one's still begins its segment with it. */
export const keyframeLagSeconds = 0.1;

/** How far other tracks may run ahead of the leading one before they stop waiting for it. */
export const usualLagSeconds = 1;
/** Who is this far ahead may soon stop waiting: nothing is done by what the leading one is expected to do. */
export const farAheadSeconds = usualLagSeconds / 2;

/** How far sound goes out ahead of the leading track: where the end of the segment is to be foreseen, it waits for that only. */
export function soundAheadSeconds(isEndForeseen: boolean): number {
  return isEndForeseen ? farAheadSeconds : sameInstantSeconds;
}

/** A track that begins later than this has a gap before; a picture that lasts longer into the next segment ends before. */
const longestLateSeconds = 1;

/**
 * One track that goes by the boundaries of a stream: sound begins a segment with its first unit from there on, video
 * with the keyframe that is shown at the same time. Segments of which it has nothing become gaps.
 */
export class BoundaryFollower {
  readonly cutter: PartCutter;
  readonly #boundaries: SegmentBoundaries;
  readonly #leads: boolean;
  /** Of the keyframe that a segment began with last. */
  #keyframeOffsetTicks = 0;

  /** `leads`: the boundaries are made of this track's own units. */
  constructor(cutter: PartCutter, boundaries: SegmentBoundaries, leads = false) {
    this.cutter = cutter;
    this.#boundaries = boundaries;
    this.#leads = leads;
  }

  secondsOf(unit: TimedUnit): number {
    return unit.dtsTicks / this.cutter.timescale;
  }

  shownSecondsOf(unit: TimedUnit): number {
    return (unit.dtsTicks + unit.compositionOffsetTicks) / this.cutter.timescale;
  }

  /**
   * What the leading track must have passed before the unit can be placed. Of a keyframe that is when it is shown: with
   * more B-frames than the leading track it is decoded sooner than the keyframe that it belongs to. Of a picture that lasts
   * long, nearly as long as that: a segment may begin meanwhile, which takes the rest of its time.
   */
  latestSecondsOf(unit: TimedUnit): number {
    const atSeconds = this.secondsOf(unit);
    const { track, timescale } = this.cutter;
    if (track.config.kind !== 'video') return atSeconds;
    const lastsSeconds = unit.durationTicks / timescale;
    const placedSeconds = atSeconds + Math.max(sameInstantSeconds, lastsSeconds - longestLateSeconds);
    if (!unit.keyframe) return placedSeconds;
    const shownSeconds = this.shownSecondsOf(unit) + sameInstantSeconds;
    return Math.max(placedSeconds, Math.min(shownSeconds, atSeconds + usualLagSeconds));
  }

  /** Puts a unit where the boundaries say that it belongs. Returns whether a segment has begun with it. */
  follow(unit: TimedUnit): boolean {
    const { cutter } = this;
    const next = this.#boundaries.at(cutter.msn + 1);
    const begins = next !== undefined && this.reaches(unit, next);
    if (begins) {
      const atSeconds = this.secondsOf(unit);
      cutter.endSegment(next.discontinuity ? undefined : this.#endBefore(next, atSeconds));
      this.skipGaps(atSeconds);
      const boundary = this.#boundaries.at(cutter.msn + 1) ?? next;
      const isLate = atSeconds - boundary.startSeconds > longestLateSeconds;
      cutter.startSegment(boundary, unit, isLate ? boundary.startSeconds : undefined);
      if (unit.keyframe) this.#keyframeOffsetTicks = unit.compositionOffsetTicks;
    }
    if (cutter.segment !== undefined) {
      cutter.add(unit, this.#saysUntil(unit));
      if (this.#isLast(unit)) cutter.expectNoUnit();
    }
    // Nobody could decode it; but what it has passed is missed.
    else this.skipGaps(this.secondsOf(unit));
    return begins;
  }

  /** Whether the next segment, which has a boundary already, begins with what comes right behind the unit. */
  #isLast(unit: TimedUnit): boolean {
    const next = this.#boundaries.at(this.cutter.msn + 1);
    if (next === undefined) return false;
    const dtsTicks = unit.dtsTicks + unit.durationTicks;
    const compositionOffsetTicks = this.#keyframeOffsetTicks;
    return this.reaches({ ...unit, dtsTicks, compositionOffsetTicks, keyframe: next.independent }, next);
  }

  /** Where a picture that lasts far into the next segment ends for the playlist. */
  #saysUntil(unit: TimedUnit): number | undefined {
    const { timescale, msn } = this.cutter;
    const next = this.#boundaries.at(msn + 1);
    if (next === undefined) return undefined;
    const endSeconds = this.secondsOf(unit) + unit.durationTicks / timescale;
    return this.#reachesFar(next, endSeconds) ? next.startSeconds : undefined;
  }

  #reachesFar({ startSeconds }: Boundary, endSeconds: number): boolean {
    return this.cutter.track.config.kind === 'video' && endSeconds - startSeconds > longestLateSeconds;
  }

  /** Where the segment before `next` ends, of which the first unit is at `atSeconds`: there is to be no hole between. */
  #endBefore(next: Boundary, atSeconds: number): number {
    const missesNext = (this.#boundaries.endSeconds(next.msn) ?? Infinity) <= atSeconds;
    if (missesNext || this.#reachesFar(next, this.cutter.endSeconds)) return next.startSeconds;
    return Math.max(this.cutter.endSeconds, Math.min(next.startSeconds, atSeconds));
  }

  /** Whether the segment begins with this unit, if not with one before it. */
  reaches(unit: TimedUnit, boundary: Boundary): boolean {
    const { cutter } = this;
    const atSeconds = this.secondsOf(unit);
    if (this.#leads) return atSeconds >= boundary.startSeconds && (unit.keyframe || cutter.segment !== undefined);
    const hasHeadStart = cutter.segment === undefined && boundary.msn === this.#boundaries.firstMsn;
    if (cutter.track.config.kind === 'audio') {
      return cutter.isComplete || atSeconds >= boundary.startSeconds - (hasHeadStart ? headStartSeconds : 0);
    }
    if (unit.keyframe) {
      const early = hasHeadStart ? headStartSeconds : sameInstantSeconds;
      return this.shownSecondsOf(unit) >= boundary.shownSeconds - early;
    }
    // Nobody could decode it.
    if (cutter.segment === undefined) return false;
    return boundary.independent
      ? atSeconds > boundary.shownSeconds + keyframeLagSeconds
      : atSeconds >= boundary.startSeconds - sameInstantSeconds;
  }

  /**
   * Sound that has come to where its open segment ends gives the last part of that, and does not wait for what is behind.
   * `endSeconds`: where that is to be, if there is no boundary yet.
   */
  endLastPart(endSeconds = Infinity): void {
    const { cutter } = this;
    if (cutter.segment === undefined || (cutter.track.config.kind !== 'audio' && !this.#leads)) return;
    const untilSeconds = this.#boundaries.at(cutter.msn + 1)?.startSeconds ?? endSeconds;
    const beyondSeconds = cutter.endSeconds - untilSeconds;
    // What lasts far beyond it ends there for the playlist, when the next segment begins.
    if (beyondSeconds >= 0 && beyondSeconds < keyframeLagSeconds) cutter.endLastPart();
  }

  /** Its segment, the open one or the last, is the newest that has begun. */
  get isInNewest(): boolean {
    return this.cutter.msn === this.#boundaries.nextMsn - 1;
  }

  /** Its segment has had the last part, and none has begun behind it. */
  get waitsForBoundary(): boolean {
    return this.cutter.isComplete && this.#boundaries.at(this.cutter.msn + 1) === undefined;
  }

  /** Gaps for the segments that it has missed: those that were over at `untilSeconds`. */
  skipGaps(untilSeconds: number): void {
    while (this.#skipGap(untilSeconds)) {
      // One after the other.
    }
  }

  /** Whether there was one. */
  #skipGap(untilSeconds: number): boolean {
    const missed = this.#boundaries.at(this.cutter.msn + 1);
    const endSeconds = missed && this.#boundaries.endSeconds(missed.msn);
    if (missed === undefined || endSeconds === undefined || endSeconds > untilSeconds) return false;
    this.cutter.gap(missed, endSeconds);
    return true;
  }

  /**
   * It has nothing more for the segments before `msn`: what is open of them ends, at the end of a run of time with the leading
   * track, the others are gaps. A segment of which nobody knows yet where it ends stays open.
   */
  giveUpBefore(msn: number): void {
    if (this.cutter.segment !== undefined && this.cutter.msn < msn) {
      const { msn: openMsn } = this.cutter;
      const endSeconds = this.#boundaries.at(openMsn)?.leadEndSeconds ?? this.#boundaries.endSeconds(openMsn);
      if (endSeconds === undefined) return;
      this.cutter.endSegment(endSeconds);
    }
    while (this.cutter.msn + 1 < msn && this.#skipGap(Infinity)) {
      // One after the other.
    }
  }

  /** Nothing follows in this run of time. What has not come of the open segment is a gap, if others have gone on. */
  finish(): void {
    this.cutter.endSegment(this.#boundaries.at(this.cutter.msn + 1)?.startSeconds);
    this.cutter.rest();
  }
}
