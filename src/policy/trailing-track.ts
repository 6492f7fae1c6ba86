import { sameTrackConfig } from '../formats/media/track.ts';
import { BoundaryFollower } from './boundary-follower.ts';
import { type CutterSink, PartCutter } from './part-cutter.ts';
import type { SegmentBoundaries } from './segment-boundaries.ts';
import type { PlaylistTargets } from './target-duration.ts';
import { type TimedTrack, type TimedUnit, timescaleOf } from './timed-unit.ts';

/** What may wait for the leading track to decide on its time; the oldest is dropped. */
const maxWaiting = 4_000;
/** A unit that comes this long after the end of the one before it does not go on from it. */
const holeSeconds = 0.1;
/** It joins with a keyframe that is this near to the beginning of a segment. */
const joinSeconds = 0.1;

/**
 * A track that is made of the others and comes later than they, by seconds. It goes by the same boundaries and holds
 * nobody back: it joins where a segment begins, what is missing in the midst of it becomes gaps, and so do segments of
 * which it has nothing, once it has moved on or is given up.
 */
export class TrailingTrack {
  readonly #boundaries: SegmentBoundaries;
  readonly #decidedSeconds: () => number;
  readonly #targets: PlaylistTargets;
  readonly #sink: CutterSink;
  /** Once it has joined. */
  #follower: BoundaryFollower | undefined;
  #waiting: { readonly track: TimedTrack; readonly unit: TimedUnit }[] = [];
  /** Nothing comes of it: segments that end meanwhile are gaps. */
  #isDown = false;

  /** `decidedSeconds`: up to where the boundaries are known. */
  constructor(
    boundaries: SegmentBoundaries,
    decidedSeconds: () => number,
    { targets, sink }: { readonly targets: PlaylistTargets; readonly sink: CutterSink },
  ) {
    this.#boundaries = boundaries;
    this.#decidedSeconds = decidedSeconds;
    this.#targets = targets;
    this.#sink = sink;
  }

  /** The segment that is open, or was last. */
  get msn(): number | undefined {
    return this.#follower?.cutter.msn;
  }

  /**
   * In decode order, on the stream's media time. A `track` of another configuration, which must have the same
   * timescale, comes into force with the next segment that begins with a keyframe.
   */
  push(track: TimedTrack, unit: TimedUnit): void {
    this.#isDown = false;
    this.#waiting.push({ track, unit });
    if (this.#waiting.length > maxWaiting) this.#waiting.shift();
    this.release();
  }

  /** It was there before a restart, up to where the boundaries begin now. */
  resume(track: TimedTrack): void {
    const cutter = new PartCutter(track, this.#targets, this.#boundaries.nextMsn - 1, this.#sink);
    this.#follower = new BoundaryFollower(cutter, this.#boundaries);
  }

  /** Another run of time begins: what comes of it may be late as ever. */
  startRun(): void {
    this.#isDown = false;
  }

  /** The boundaries have gone on. */
  release(): void {
    const decidedSeconds = this.#decidedSeconds();
    let released = 0;
    for (const { track, unit } of this.#waiting) {
      if (unit.dtsTicks / timescaleOf(track.config) >= decidedSeconds) break;
      this.#place(track, unit);
      released++;
    }
    if (released > 0) this.#waiting.splice(0, released);
    if (this.#isDown) this.giveUpBefore(this.#boundaries.nextMsn);
  }

  /** Nothing comes for what has been cut so far, nor for what will be until the next `push`, or the next run. */
  giveUp(): void {
    for (const { track, unit } of this.#waiting.splice(0)) this.#place(track, unit);
    this.#isDown = true;
    this.giveUpBefore(this.#boundaries.nextMsn);
  }

  /** Nothing comes for the segments before `msn`. */
  giveUpBefore(msn: number): void {
    this.#follower?.giveUpBefore(msn);
  }

  #place(track: TimedTrack, unit: TimedUnit): void {
    const follower = this.#follower ?? this.#join(track, unit);
    if (follower === undefined) return;
    const { cutter } = follower;
    const atSeconds = follower.secondsOf(unit);
    const next = this.#boundaries.at(cutter.msn + 1);
    const begins = next !== undefined && follower.reaches(unit, next);
    const isSame = sameTrackConfig(track.config, cutter.track.config);
    const goesOn = cutter.segment !== undefined && isSame && atSeconds - cutter.endSeconds < holeSeconds;
    if (atSeconds < cutter.endSeconds || (!goesOn && !unit.keyframe) || (!isSame && !begins)) return;
    if (!begins && atSeconds >= (this.#boundaries.at(cutter.msn)?.runEndSeconds ?? Infinity)) {
      cutter.endSegment();
      return;
    }
    cutter.setTrack(track);
    follower.follow(unit);
  }

  /** With the segment that begins with this unit, or with the one after that in which it lies. */
  #join(track: TimedTrack, unit: TimedUnit): BoundaryFollower | undefined {
    const atSeconds = unit.dtsTicks / timescaleOf(track.config);
    const boundary = this.#boundaries.newestAt(atSeconds + joinSeconds);
    if (boundary === undefined) return undefined;
    const isLate = atSeconds - boundary.startSeconds > joinSeconds;
    const lastMsn = isLate ? boundary.msn : boundary.msn - 1;
    const cutter = new PartCutter(track, this.#targets, lastMsn, this.#sink);
    this.#follower = new BoundaryFollower(cutter, this.#boundaries);
    return this.#follower;
  }
}
