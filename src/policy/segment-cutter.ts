import type { CmafTrackConfig } from '../formats/cmaf/cmaf-track.ts';
import { type CutterSink, PartCutter } from './part-cutter.ts';
import { endsAtKeyframe, longestSegmentSeconds, type PlaylistTargets } from './target-duration.ts';
import type { UnitSink } from './target-learner.ts';
import type { TimedUnit } from './timed-unit.ts';

/** How far sound may run ahead of the pictures before it stops waiting for them. */
const longestLagSeconds = 1;
/** Sound that begins this much before the first picture still belongs to its segment. */
const headStartSeconds = 0.25;
/** Over how many keyframe intervals the longest is looked for. */
const rememberedIntervals = 8;

/** Where a segment begins, in all renditions. */
interface Boundary {
  readonly msn: number;
  readonly startSeconds: number;
}

/**
 * Cuts a stream's tracks into segments and parts. The leading track (video, if there is any) decides where segments
 * begin; the other begins its own at its first unit from there on, so that a media sequence number covers the same
 * time in both. Sound therefore waits for the pictures, a second at most; when they stay away for longer it cuts by
 * itself and they follow. A segment of which a rendition has nothing becomes a gap.
 *
 * Units must come in decode order within each track; `flush` ends what is open.
 */
export class SegmentCutter implements UnitSink {
  readonly #targets: PlaylistTargets;
  readonly #sink: CutterSink;
  /** Every track that there has been, by kind. */
  readonly #cutters = new Map<CmafTrackConfig['kind'], PartCutter>();
  #leader: PartCutter | undefined;
  #follower: PartCutter | undefined;
  #waiting: TimedUnit[] = [];
  #boundaries: Boundary[] = [];
  #nextMsn = 0;
  /** The first sequence number of this run of time. */
  #firstMsn = 0;
  #intervalsSeconds: number[] = [];
  #lastKeyframeSeconds: number | undefined;
  #followerFrameSeconds = 0;

  constructor(targets: PlaylistTargets, sink: CutterSink) {
    this.#targets = targets;
    this.#sink = sink;
  }

  onEpoch(tracks: readonly CmafTrackConfig[]): void {
    this.flush();
    const [leading, following] = tracks;
    this.#leader = leading && this.#cutterOf(leading);
    this.#follower = following && this.#cutterOf(following);
    this.#firstMsn = this.#nextMsn;
    this.#boundaries = [];
    this.#intervalsSeconds = [];
    this.#lastKeyframeSeconds = undefined;
    this.#followerFrameSeconds = 0;
  }

  onUnit(unit: TimedUnit): void {
    const leader = this.#leader;
    if (leader === undefined) return;
    if (unit.kind === leader.config.kind) {
      this.#lead(leader, unit);
    } else {
      this.#waiting.push(unit);
    }
    this.#releaseWaiting(false);
  }

  /** Nothing of this run follows: every rendition ends its segment, all with the same sequence number. */
  flush(): void {
    this.#releaseWaiting(true);
    this.#waiting = [];
    for (const cutter of this.#cutters.values()) cutter.endSegment();
    const endSeconds = Math.max(0, ...[...this.#cutters.values()].map((cutter) => cutter.endSeconds));
    for (const cutter of this.#cutters.values()) this.#skipGaps(cutter, endSeconds, true);
  }

  #cutterOf(config: CmafTrackConfig): PartCutter {
    const cutter = new PartCutter(config, this.#targets.partTargetMs, this.#nextMsn - 1, this.#sink);
    this.#cutters.set(config.kind, cutter);
    return cutter;
  }

  #lead(leader: PartCutter, unit: TimedUnit): void {
    const atSeconds = unit.dtsTicks / leader.timescale;
    this.#noteKeyframe(unit, atSeconds);
    const { segment } = leader;
    if (segment === undefined) {
      // Nobody could decode it.
      if (!unit.keyframe) return;
      this.#begin(atSeconds);
    } else if (leader.msn === this.#nextMsn - 1) {
      if (this.#endsSegment(leader, segment, unit, atSeconds)) this.#begin(atSeconds);
    } else if (atSeconds - (this.#boundaries.at(-1)?.startSeconds ?? atSeconds) > longestLagSeconds) {
      // Back after a hole, in the midst of a segment of sound: better a new one than half a segment without pictures.
      this.#begin(atSeconds);
    }
    this.#follow(leader, unit, atSeconds);
  }

  #noteKeyframe(unit: TimedUnit, atSeconds: number): void {
    if (unit.kind !== 'video' || !unit.keyframe) return;
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
    const follower = this.#follower;
    const followerStart = follower?.msn === leader.msn ? follower.segment?.startSeconds : undefined;
    const lengthSeconds = atSeconds - Math.min(segment.startSeconds, followerStart ?? segment.startSeconds);
    // The sound of this segment may last one frame longer.
    const limitSeconds = longestSegmentSeconds(this.#targets.targetDurationSeconds) - this.#followerFrameSeconds;
    const durationSeconds = unit.durationTicks / leader.timescale;
    if (lengthSeconds + durationSeconds > limitSeconds) return true;
    if (!unit.keyframe) return false;
    const expectedSeconds = unit.kind === 'video' ? Math.max(0, ...this.#intervalsSeconds) : durationSeconds;
    return (
      !segment.independent || endsAtKeyframe(lengthSeconds, expectedSeconds, this.#targets.segmentSeconds, limitSeconds)
    );
  }

  #begin(startSeconds: number): void {
    this.#boundaries.push({ msn: this.#nextMsn++, startSeconds });
  }

  /** Sound goes out as far as the pictures have been decided on. */
  #releaseWaiting(all: boolean): void {
    const [leader, follower] = [this.#leader, this.#follower];
    if (leader === undefined || follower === undefined) return;
    const secondsOf = (unit: TimedUnit) => unit.dtsTicks / follower.timescale;
    const newest = this.#waiting.at(-1);
    const isRunning = this.#boundaries.length > 0;
    const lagFrom = newest === undefined ? 0 : secondsOf(newest) - longestLagSeconds;
    let released = 0;
    for (const unit of this.#waiting) {
      const atSeconds = secondsOf(unit);
      if (!isRunning) {
        // No picture yet: what is too old to be heard with it is dropped.
        if (atSeconds >= lagFrom) break;
      } else if (all || atSeconds < leader.endSeconds || atSeconds < lagFrom) {
        this.#followUnit(follower, unit, atSeconds);
      } else {
        break;
      }
      released++;
    }
    if (released > 0) this.#waiting.splice(0, released);
  }

  #followUnit(follower: PartCutter, unit: TimedUnit, atSeconds: number): void {
    const first = this.#boundaries[0];
    if (follower.segment === undefined && first?.msn === this.#firstMsn && follower.msn < first.msn) {
      if (atSeconds < first.startSeconds - headStartSeconds) return;
      if (atSeconds < first.startSeconds) {
        this.#startSegment(follower, first.msn, unit);
        follower.add(unit);
        return;
      }
    }
    const durationSeconds = unit.durationTicks / follower.timescale;
    this.#followerFrameSeconds = Math.max(this.#followerFrameSeconds, durationSeconds);
    const lengthSeconds = atSeconds + durationSeconds - (follower.segment?.startSeconds ?? atSeconds);
    if (
      follower.msn === this.#nextMsn - 1 &&
      lengthSeconds > longestSegmentSeconds(this.#targets.targetDurationSeconds)
    ) {
      this.#begin(atSeconds);
    }
    this.#follow(follower, unit, atSeconds);
  }

  /** Puts a unit where the boundaries say that it belongs. */
  #follow(cutter: PartCutter, unit: TimedUnit, atSeconds: number): void {
    const next = this.#boundaries.find(({ msn }) => msn > cutter.msn);
    if (next !== undefined && next.startSeconds <= atSeconds) {
      cutter.endSegment();
      if (cutter === this.#leader) this.#skipAbsent(atSeconds);
      this.#skipGaps(cutter, atSeconds, false);
      this.#startSegment(cutter, cutter.msn + 1, unit);
      this.#forgetBoundaries();
    }
    if (cutter.segment !== undefined) cutter.add(unit);
  }

  #startSegment(cutter: PartCutter, msn: number, first: TimedUnit): void {
    cutter.startSegment(msn, first, this.#isDiscontinuity(msn));
  }

  #isDiscontinuity(msn: number): boolean {
    return msn > 0 && msn === this.#firstMsn;
  }

  /** Segments that a rendition missed: those that were over at `untilSeconds`, or all. */
  #skipGaps(cutter: PartCutter, untilSeconds: number, all: boolean): void {
    for (const boundary of this.#boundaries) {
      if (boundary.msn <= cutter.msn) continue;
      const next = this.#boundaries.find(({ msn }) => msn === boundary.msn + 1);
      if (!all && (next === undefined || next.startSeconds > untilSeconds)) return;
      cutter.gap(
        boundary.msn,
        boundary.startSeconds,
        next?.startSeconds ?? untilSeconds,
        this.#isDiscontinuity(boundary.msn),
      );
    }
  }

  /** Renditions that this run of time does not have miss every segment of it. */
  #skipAbsent(untilSeconds: number): void {
    for (const cutter of this.#cutters.values()) {
      if (cutter !== this.#leader && cutter !== this.#follower) this.#skipGaps(cutter, untilSeconds, false);
    }
  }

  #forgetBoundaries(): void {
    const oldest = Math.min(...[...this.#cutters.values()].map(({ msn }) => msn));
    this.#boundaries = this.#boundaries.filter(({ msn }) => msn >= oldest);
  }
}
