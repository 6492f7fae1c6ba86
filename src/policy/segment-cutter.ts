import { type CutterSink, PartCutter } from './part-cutter.ts';
import { type Boundary, SegmentBoundaries } from './segment-boundaries.ts';
import { endsAtKeyframe, longestSegmentSeconds, type PlaylistTargets } from './target-duration.ts';
import type { UnitSink } from './target-learner.ts';
import type { TimedTrack, TimedUnit } from './timed-unit.ts';

/** How far other tracks may run ahead of the leading one before they stop waiting for it. */
const longestLagSeconds = 1;
/** What begins this much before the first picture still belongs to its segment. */
const headStartSeconds = 0.25;
/** Pictures of two tracks that are shown this near to each other are the same: clocks count in milliseconds. */
const sameInstantSeconds = 0.01;
/** A track whose keyframe comes this much later than the leading one's still begins its segment with it. */
const keyframeLagSeconds = 0.1;
/** Over how many keyframe intervals the longest is looked for. */
const rememberedIntervals = 8;

/** A track that goes by the boundaries of another, and what has come of it that they have not reached yet. */
interface Follower {
  readonly cutter: PartCutter;
  waiting: TimedUnit[];
}

/**
 * Cuts a stream's tracks into segments and parts. The leading track (the first video, if there is any, else the first
 * sound) decides where segments begin; the others begin their own there, sound at its first unit from there on, video
 * with the keyframe that is shown at the same time, so that a media sequence number covers the same time in all. They
 * therefore wait for the leading track, a second at most; when it stays away for longer they cut by themselves and it
 * follows. A segment of which a rendition has nothing becomes a gap.
 *
 * Units must come in decode order within each track; `flush` ends what is open.
 */
export class SegmentCutter implements UnitSink {
  readonly #targets: PlaylistTargets;
  readonly #sink: CutterSink;
  readonly #boundaries = new SegmentBoundaries();
  /** Of every track that there has been, by its number. */
  readonly #cutters = new Map<number, PartCutter>();
  #leader: PartCutter | undefined;
  /** The other tracks of this run of time, by number. */
  #followers = new Map<number, Follower>();
  #intervalsSeconds: number[] = [];
  #lastKeyframeSeconds: number | undefined;
  /** The longest that a unit of a follower has lasted. */
  #followerUnitSeconds = 0;

  constructor(targets: PlaylistTargets, sink: CutterSink) {
    this.#targets = targets;
    this.#sink = sink;
  }

  onEpoch(tracks: readonly TimedTrack[]): void {
    this.flush();
    const [leading, ...following] = tracks;
    this.#leader = leading && this.#cutterOf(leading);
    this.#followers = new Map(following.map((track) => [track.track, { cutter: this.#cutterOf(track), waiting: [] }]));
    this.#intervalsSeconds = [];
    this.#lastKeyframeSeconds = undefined;
    this.#followerUnitSeconds = 0;
  }

  onUnit(unit: TimedUnit): void {
    const leader = this.#leader;
    if (leader === undefined) return;
    if (unit.track === leader.track.track) this.#lead(leader, unit);
    else this.#followers.get(unit.track)?.waiting.push(unit);
    this.#releaseWaiting(leader, false);
  }

  /** Nothing of this run follows: every rendition ends its segment, all with the same sequence number. */
  flush(): void {
    if (this.#leader !== undefined) this.#releaseWaiting(this.#leader, true);
    for (const follower of this.#followers.values()) follower.waiting = [];
    for (const cutter of this.#cutters.values()) cutter.endSegment();
    const endSeconds = Math.max(0, ...[...this.#cutters.values()].map((cutter) => cutter.endSeconds));
    this.#boundaries.endRun(endSeconds);
    for (const cutter of this.#cutters.values()) this.#skipGaps(cutter, Infinity);
  }

  #cutterOf(track: TimedTrack): PartCutter {
    const cutter = new PartCutter(track, this.#targets.partTargetMs, this.#boundaries.nextMsn - 1, this.#sink);
    this.#cutters.set(track.track, cutter);
    return cutter;
  }

  #lead(leader: PartCutter, unit: TimedUnit): void {
    const atSeconds = unit.dtsTicks / leader.timescale;
    this.#noteKeyframe(leader, unit, atSeconds);
    const { segment } = leader;
    if (segment === undefined) {
      // Nobody could decode it.
      if (!unit.keyframe) return;
      this.#begin(leader, unit);
    } else if (leader.msn === this.#boundaries.nextMsn - 1) {
      if (this.#endsSegment(leader, segment, unit, atSeconds)) this.#begin(leader, unit);
    } else if (atSeconds - (this.#boundaries.newest?.startSeconds ?? atSeconds) > longestLagSeconds) {
      // Back after a hole, in the midst of a segment of sound: better a new one than half a segment without pictures.
      this.#begin(leader, unit);
    }
    this.#follow(leader, unit);
  }

  #noteKeyframe(leader: PartCutter, unit: TimedUnit, atSeconds: number): void {
    if (leader.track.config.kind !== 'video' || !unit.keyframe) return;
    if (this.#lastKeyframeSeconds !== undefined) {
      this.#intervalsSeconds.push(atSeconds - this.#lastKeyframeSeconds);
      if (this.#intervalsSeconds.length > rememberedIntervals) this.#intervalsSeconds.shift();
    }
    this.#lastKeyframeSeconds = atSeconds;
  }

  #endsSegment(
    leader: PartCutter,
    segment: { readonly startSeconds: number; readonly independent: boolean },
    unit: TimedUnit,
    atSeconds: number,
  ): boolean {
    let { startSeconds } = segment;
    for (const { cutter } of this.#followers.values()) {
      if (cutter.msn === leader.msn)
        startSeconds = Math.min(startSeconds, cutter.segment?.startSeconds ?? startSeconds);
    }
    const lengthSeconds = atSeconds - startSeconds;
    // The sound of this segment may last one frame longer.
    const limitSeconds = longestSegmentSeconds(this.#targets.targetDurationSeconds) - this.#followerUnitSeconds;
    const durationSeconds = unit.durationTicks / leader.timescale;
    if (lengthSeconds + durationSeconds > limitSeconds) return true;
    if (!unit.keyframe) return false;
    const isVideo = leader.track.config.kind === 'video';
    const expectedSeconds = isVideo ? Math.max(0, ...this.#intervalsSeconds) : durationSeconds;
    return (
      !segment.independent || endsAtKeyframe(lengthSeconds, expectedSeconds, this.#targets.segmentSeconds, limitSeconds)
    );
  }

  #begin(cutter: PartCutter, first: TimedUnit): void {
    this.#boundaries.begin({
      startSeconds: first.dtsTicks / cutter.timescale,
      shownSeconds: shownSeconds(cutter, first),
      independent: first.keyframe && cutter === this.#leader,
    });
  }

  /** The other tracks go out as far as the leading one has been decided on. */
  #releaseWaiting(leader: PartCutter, all: boolean): void {
    let newestSeconds = 0;
    for (const { cutter, waiting } of this.#followers.values()) {
      const newest = waiting.at(-1);
      if (newest !== undefined) newestSeconds = Math.max(newestSeconds, newest.dtsTicks / cutter.timescale);
    }
    const lagFrom = newestSeconds - longestLagSeconds;
    const isRunning = this.#boundaries.newest !== undefined;
    // As long as there is no picture, what is too old to be shown or heard with it is dropped.
    const until = !isRunning ? lagFrom : all ? Infinity : Math.max(leader.endSeconds, lagFrom);
    for (const follower of this.#followers.values()) {
      const { cutter, waiting } = follower;
      let released = 0;
      for (const unit of waiting) {
        if (unit.dtsTicks / cutter.timescale >= until) break;
        if (isRunning) this.#followUnit(cutter, unit);
        released++;
      }
      if (released > 0) waiting.splice(0, released);
    }
  }

  #followUnit(follower: PartCutter, unit: TimedUnit): void {
    const atSeconds = unit.dtsTicks / follower.timescale;
    const durationSeconds = unit.durationTicks / follower.timescale;
    this.#followerUnitSeconds = Math.max(this.#followerUnitSeconds, durationSeconds);
    const lengthSeconds = atSeconds + durationSeconds - (follower.segment?.startSeconds ?? atSeconds);
    if (
      follower.msn === this.#boundaries.nextMsn - 1 &&
      lengthSeconds > longestSegmentSeconds(this.#targets.targetDurationSeconds)
    ) {
      this.#begin(follower, unit);
    }
    this.#follow(follower, unit);
  }

  /** Puts a unit where the boundaries say that it belongs. */
  #follow(cutter: PartCutter, unit: TimedUnit): void {
    const next = this.#boundaries.at(cutter.msn + 1);
    if (next !== undefined && this.#reaches(cutter, unit, next)) {
      cutter.endSegment();
      const atSeconds = unit.dtsTicks / cutter.timescale;
      if (cutter === this.#leader) this.#skipAbsent(atSeconds);
      this.#skipGaps(cutter, atSeconds);
      const boundary = this.#boundaries.at(cutter.msn + 1) ?? next;
      cutter.startSegment(boundary.msn, unit, boundary.discontinuity);
      this.#forgetBoundaries();
    }
    if (cutter.segment !== undefined) cutter.add(unit);
  }

  /** Whether the segment of a track begins with this unit, if not with one before it. */
  #reaches(cutter: PartCutter, unit: TimedUnit, boundary: Boundary): boolean {
    const atSeconds = unit.dtsTicks / cutter.timescale;
    const hasHeadStart = cutter.segment === undefined && boundary.msn === this.#boundaries.firstMsn;
    if (cutter === this.#leader) return atSeconds >= boundary.startSeconds;
    if (cutter.track.config.kind === 'audio')
      return atSeconds >= boundary.startSeconds - (hasHeadStart ? headStartSeconds : 0);
    if (unit.keyframe)
      return (
        shownSeconds(cutter, unit) >= boundary.shownSeconds - (hasHeadStart ? headStartSeconds : sameInstantSeconds)
      );
    // Nobody could decode it.
    if (cutter.segment === undefined) return false;
    return boundary.independent
      ? atSeconds > boundary.shownSeconds + keyframeLagSeconds
      : atSeconds >= boundary.startSeconds;
  }

  /** Segments that a rendition missed: those that were over at `untilSeconds`. */
  #skipGaps(cutter: PartCutter, untilSeconds: number): void {
    for (;;) {
      const missed = this.#boundaries.at(cutter.msn + 1);
      const endSeconds = missed && this.#boundaries.endSeconds(missed.msn);
      if (missed === undefined || endSeconds === undefined || endSeconds > untilSeconds) return;
      cutter.gap(missed.msn, missed.startSeconds, endSeconds, missed.discontinuity);
    }
  }

  /** Renditions that this run of time does not have miss every segment of it. */
  #skipAbsent(untilSeconds: number): void {
    for (const [number, cutter] of this.#cutters) {
      if (cutter !== this.#leader && !this.#followers.has(number)) this.#skipGaps(cutter, untilSeconds);
    }
  }

  #forgetBoundaries(): void {
    this.#boundaries.forgetBefore(Math.min(...[...this.#cutters.values()].map(({ msn }) => msn)));
  }
}

function shownSeconds(cutter: PartCutter, unit: TimedUnit): number {
  return (unit.dtsTicks + unit.compositionOffsetTicks) / cutter.timescale;
}
