import {
  BoundaryFollower,
  farAheadSeconds,
  headStartSeconds,
  keyframeLagSeconds,
  sameInstantSeconds,
  soundAheadSeconds,
} from './boundary-follower.ts';
import { expectedParts } from './expected-parts.ts';
import { FollowingTracks } from './following.ts';
import { KeyframeRhythm, type SegmentEnds } from './keyframe-rhythm.ts';
import { type CutterSink, type OpenSegment, PartCutter } from './part-cutter.ts';
import type { ExpectedPart } from './part-forecast.ts';
import { type Boundary, SegmentBoundaries } from './segment-boundaries.ts';
import { SplicePoints } from './splice-points.ts';
import { endsAtKeyframe, longestSegmentSeconds, type PlaylistTargets } from './target-duration.ts';
import type { UnitSink } from './target-learner.ts';
import type { TimedTrack, TimedUnit } from './timed-unit.ts';
import { TrailingTrack } from './trailing-track.ts';

/** How many segments ago one began that a track may still join that trails behind. */
const joinableSegments = 32;

/** Where a stream goes on after a restart, and the tracks that it had. */
export interface CutterStart {
  readonly nextMsn: number;
  /** How many there were. */
  readonly discontinuities: number;
  readonly published: readonly TimedTrack[];
  /** Those that trail behind. */
  readonly trailing: readonly TimedTrack[];
}

/**
 * Cuts a stream's tracks into segments and parts. The leading track (the first video, if there is any, else the first
 * sound) decides where segments begin; the others begin their own there, so that a media sequence number covers the
 * same time in all. They therefore wait for the leading track, a second at most; when it stays away for longer they cut
 * by themselves and it follows. A segment of which a rendition has nothing becomes a gap. The first keyframe at or behind
 * a splice point ends a segment, however short that is.
 *
 * Units must come in decode order within each track; `flush` ends what is open.
 */
export class SegmentCutter implements UnitSink {
  readonly #targets: PlaylistTargets;
  readonly #sink: CutterSink;
  readonly #boundaries: SegmentBoundaries;
  readonly #splices: SplicePoints;
  /** Every track that there has been, by its number. */
  readonly #tracks = new Map<number, BoundaryFollower>();
  #leader: BoundaryFollower | undefined;
  /** The other tracks of this run of time. */
  readonly #following = new FollowingTracks();
  readonly #trailing = new Map<number, TrailingTrack>();
  #decidedSeconds = 0;
  /** Of the leading track, if it is video. */
  readonly #keyframes = new KeyframeRhythm();
  /** How long its last unit lasts. */
  #leaderUnitSeconds = 0;
  /** Its last unit goes on until then, if it lasts as long as the one before it. */
  #expectedEndSeconds = 0;

  constructor(targets: PlaylistTargets, sink: CutterSink, start?: CutterStart, splices = new SplicePoints()) {
    this.#targets = targets;
    this.#sink = sink;
    this.#splices = splices;
    this.#boundaries = new SegmentBoundaries(start?.nextMsn, start?.discontinuities);
    for (const track of start?.published ?? []) this.#add(track, false);
    for (const track of start?.trailing ?? []) this.trailingTrack(track.track).resume(track);
  }

  onEpoch(tracks: readonly TimedTrack[]): void {
    this.flush();
    const [leading, ...following] = tracks;
    this.#leader = leading && this.#add(leading, true);
    this.#following.startRun(following.map((track) => this.#add(track, false)));
    for (const track of this.#trailing.values()) track.startRun();
    this.#keyframes.restart();
    this.#expectedEndSeconds = 0;
  }

  onUnit(unit: TimedUnit): void {
    const leader = this.#leader;
    if (leader === undefined) return;
    if (unit.track === leader.cutter.track.track) this.#lead(leader, unit);
    else this.#following.push(unit);
    this.#releaseWaiting(leader, false);
  }

  /**
   * A picture of the leading track that fills a part, or after which the next segment is to begin, does not wait until the
   * next one says how long it lasts, nor does a segment that begins with it, nor sound until the picture is over.
   */
  onExpectedUnit(unit: TimedUnit): void {
    const leader = this.#leader;
    if (leader === undefined || unit.track !== leader.cutter.track.track) return;
    const { segment, isComplete, timescale } = leader.cutter;
    if (segment === undefined || !leader.isInNewest) return;
    const atSeconds = leader.secondsOf(unit);
    const durationSeconds = unit.durationTicks / timescale;
    const isKeyframeNext = this.#keyframes.isDueAt(atSeconds + durationSeconds, durationSeconds);
    this.#noteKeyframe(leader, unit, atSeconds);
    if (isComplete || this.#endsSegment(leader, segment, unit, atSeconds)) {
      // Others must not go on without it.
      if (this.#isBehind(atSeconds)) return;
      this.#begin(leader, unit);
    } else if (!unit.keyframe) {
      leader.cutter.addEarly(unit, isKeyframeNext && this.#isLast(leader, segment, unit));
    }
    this.#expectedEndSeconds = atSeconds + Math.min(durationSeconds, farAheadSeconds);
    const isCut = leader.cutter.endSeconds > atSeconds || !leader.isInNewest;
    if (isCut || this.#following.isWaiting) this.#releaseWaiting(leader, false);
  }

  /** Whether the segment ends behind the unit, if what comes next is a keyframe. */
  #isLast(leader: BoundaryFollower, segment: OpenSegment, unit: TimedUnit): boolean {
    const next = { ...unit, dtsTicks: unit.dtsTicks + unit.durationTicks, keyframe: true };
    const nextSeconds = leader.secondsOf(next);
    return !this.#following.isFarAhead(nextSeconds) && this.#endsSegment(leader, segment, next, nextSeconds);
  }

  /** The next parts of this run's tracks; empty while that of the leading one is not to be foreseen. */
  get expectedParts(): readonly ExpectedPart[] {
    if (this.#leader === undefined) return [];
    return expectedParts(this.#leader.cutter, this.#following.followers, {
      ...this.#segmentEnds,
      keyframes: this.#keyframes,
      endsAtSeconds: this.#foreseenEndSeconds(this.#leader),
    });
  }

  /** Nothing of this run follows: every rendition ends its segment, all with the same sequence number. */
  flush(): void {
    if (this.#leader !== undefined) this.#releaseWaiting(this.#leader, true);
    this.#following.letGo();
    const endSeconds = Math.max(0, ...[...this.#tracks.values()].map(({ cutter }) => cutter.endSeconds));
    this.#fillUp(endSeconds);
    for (const track of this.#tracks.values()) track.finish();
    this.#boundaries.endRun(endSeconds, this.#leader?.cutter.endSeconds ?? endSeconds);
    for (const track of this.#tracks.values()) {
      track.skipGaps(Infinity);
      this.#sink.onRunEnd(track.cutter.track);
    }
    this.#decide(endSeconds);
  }

  /** The track with this number, which is none of the publisher's: it may come seconds later than those. */
  trailingTrack(track: number): TrailingTrack {
    const existing = this.#trailing.get(track);
    if (existing !== undefined) return existing;
    const options = { targets: this.#targets, sink: this.#sink };
    const created = new TrailingTrack(this.#boundaries, () => this.#decidedSeconds, options);
    this.#trailing.set(track, created);
    return created;
  }

  /**
   * Segments before `msn` are wanted no more, of tracks that do not trail those before `publishedMsn`: who has nothing of
   * them yet gets gaps.
   */
  giveUpBefore(msn: number, publishedMsn: number): void {
    for (const track of this.#tracks.values()) track.giveUpBefore(publishedMsn);
    for (const track of this.#trailing.values()) track.giveUpBefore(msn);
  }

  #add(track: TimedTrack, leads: boolean): BoundaryFollower {
    const { saidSeconds } = this.#tracks.get(track.track)?.cutter ?? {};
    const cutter = new PartCutter(track, this.#targets, this.#boundaries.nextMsn - 1, this.#sink, saidSeconds);
    const follower = new BoundaryFollower(cutter, this.#boundaries, leads);
    this.#tracks.set(track.track, follower);
    return follower;
  }

  #lead(leader: BoundaryFollower, unit: TimedUnit): void {
    const { segment } = leader.cutter;
    const atSeconds = leader.secondsOf(unit);
    this.#noteKeyframe(leader, unit, atSeconds);
    this.#leaderUnitSeconds = unit.durationTicks / leader.cutter.timescale;
    const isBehind = this.#isBehind(atSeconds);
    if (leader.cutter.isEarly(unit)) {
      if (segment !== undefined && leader.isInNewest) this.#settle(leader, segment, unit);
    } else if (segment === undefined) {
      // What is open of it was given up, and others have gone on: it joins them where they are.
      if (unit.keyframe && (!isBehind || this.#boundaries.newest === undefined)) this.#begin(leader, unit);
    } else if (leader.isInNewest) {
      if (!isBehind && this.#endsSegment(leader, segment, unit, atSeconds)) this.#begin(leader, unit);
    } else if (!isBehind && atSeconds - (this.#boundaries.newest?.startSeconds ?? atSeconds) > keyframeLagSeconds) {
      // Back after a hole, in the midst of a segment of sound: better a new one than half a segment without pictures.
      this.#begin(leader, unit);
    }
    if (!leader.cutter.isEarly(unit)) this.#follow(leader, unit);
    this.#expectedEndSeconds = 0;
    if (leader.cutter.track.config.kind === 'audio') this.#foreseeSound(leader, unit);
  }

  /** How long sound lasts is known when it comes, and so is what it ends. */
  #foreseeSound(leader: BoundaryFollower, unit: TimedUnit): void {
    const { segment, endSeconds, timescale } = leader.cutter;
    if (segment === undefined || !leader.isInNewest) return;
    if (this.#isLast(leader, segment, unit)) leader.cutter.endLastPart();
    else this.#expectedEndSeconds = endSeconds + unit.durationTicks / timescale;
  }

  /** A picture that is in a part already: where it lasts too long for its segment, another begins where it was to end. */
  #settle(leader: BoundaryFollower, segment: { readonly startSeconds: number }, unit: TimedUnit): void {
    const { cutter } = leader;
    const untilSeconds = leader.secondsOf(unit) + unit.durationTicks / cutter.timescale;
    const startSeconds = this.#sharedStartSeconds(cutter.msn, segment);
    if (untilSeconds <= startSeconds + this.#limitSeconds) {
      cutter.settle(unit);
      return;
    }
    // Others may be past where it was to end.
    const latestSeconds = startSeconds + longestSegmentSeconds(this.#targets.targetDurationSeconds);
    this.#beginWithout(Math.max(cutter.endSeconds, Math.min(latestSeconds, this.#cutSeconds)));
  }

  /** How far the tracks of this run have gone out, the leading one too: that stays where it is. */
  get #cutSeconds(): number {
    return Math.max(this.#leader?.cutter.endSeconds ?? 0, this.#following.cutSeconds);
  }

  /** Time in which nothing came, or a picture stood that lasted longer than a segment may: it takes several. */
  #fillUp(untilSeconds: number): void {
    const { targetDurationSeconds } = this.#targets;
    for (;;) {
      const startSeconds = this.#boundaries.newest?.startSeconds ?? Infinity;
      if (untilSeconds - startSeconds <= longestSegmentSeconds(targetDurationSeconds)) return;
      this.#beginWithout(startSeconds + targetDurationSeconds);
    }
  }

  /** Once when it is expected, and once when it is known how long it lasts. */
  #noteKeyframe(leader: BoundaryFollower, unit: TimedUnit, atSeconds: number): void {
    if (leader.cutter.track.config.kind !== 'video' || !unit.keyframe) return;
    if (atSeconds !== this.#keyframes.latestSeconds) this.#keyframes.note(atSeconds);
  }

  #endsSegment(leader: BoundaryFollower, segment: OpenSegment, unit: TimedUnit, atSeconds: number): boolean {
    const { msn, timescale, track } = leader.cutter;
    const lengthSeconds = atSeconds - this.#sharedStartSeconds(msn, segment);
    const limitSeconds = this.#limitSeconds;
    const durationSeconds = unit.durationTicks / timescale;
    if (lengthSeconds + durationSeconds > limitSeconds) return true;
    // No keyframe has come where one was expected: it begins with what did come.
    if (leader.cutter.isComplete || this.#following.endedSeconds(msn) <= atSeconds) return true;
    if (!unit.keyframe) return false;
    if (this.#passesSplice(leader.shownSecondsOf(unit), durationSeconds / 2)) return true;
    const expectedSeconds = track.config.kind === 'video' ? this.#keyframes.longestSeconds : durationSeconds;
    return (
      !segment.independent || endsAtKeyframe(lengthSeconds, expectedSeconds, this.#targets.segmentSeconds, limitSeconds)
    );
  }

  /** Whether there is a splice between the picture that the segment begins with and one that is shown then. */
  #passesSplice(shownSeconds: number, toleranceSeconds: number): boolean {
    const fromSeconds = this.#boundaries.newest?.shownSeconds ?? shownSeconds;
    return this.#splices.liesBetween(fromSeconds + toleranceSeconds, shownSeconds + toleranceSeconds);
  }

  /** Where a segment of the leading track begins in that track which begins it first. */
  #sharedStartSeconds(msn: number, segment: { readonly startSeconds: number }): number {
    let { startSeconds } = segment;
    // Until the first unit of a run has come, it may begin as early as it is allowed to.
    const earliestSeconds = msn === this.#boundaries.firstMsn ? startSeconds - headStartSeconds : startSeconds;
    for (const { cutter } of this.#following.followers) {
      const ownSeconds = cutter.msn < msn ? earliestSeconds : cutter.segment?.startSeconds;
      if (cutter.msn <= msn) startSeconds = Math.min(startSeconds, ownSeconds ?? startSeconds);
    }
    return startSeconds;
  }

  get #segmentEnds(): SegmentEnds {
    const { segmentSeconds } = this.#targets;
    return { unitSeconds: this.#leaderUnitSeconds, segmentSeconds, limitSeconds: this.#limitSeconds };
  }

  /** The sound of a segment may last one frame longer. */
  get #limitSeconds(): number {
    return longestSegmentSeconds(this.#targets.targetDurationSeconds) - this.#following.longestUnitSeconds;
  }

  #begin(track: BoundaryFollower, first: TimedUnit): void {
    const startSeconds = track.secondsOf(first);
    this.#fillUp(startSeconds);
    this.#splices.forgetBefore(startSeconds);
    this.#boundaries.begin({
      startSeconds,
      shownSeconds: track.shownSecondsOf(first),
      independent: first.keyframe && track === this.#leader,
    });
  }

  /** The other tracks go out as far as the leading one has been decided on. */
  #releaseWaiting(leader: BoundaryFollower, all: boolean): void {
    const lagFrom = this.#following.lagSeconds(this.#leaderUnitSeconds);
    const { endSeconds } = leader.cutter;
    const endedSeconds = leader.waitsForBoundary
      ? endSeconds
      : this.#following.endedSeconds(this.#boundaries.nextMsn - 1);
    // What is to begin the next segment stays away.
    if (lagFrom > Math.max(endSeconds, endedSeconds)) this.#beginWithout(endedSeconds);
    const { newest } = this.#boundaries;
    const isRunning = newest !== undefined;
    const decidedSeconds = Math.max(endSeconds, lagFrom);
    // As long as there is no picture, what is too old to be shown or heard with it is dropped.
    const until = !isRunning ? lagFrom : all ? Infinity : decidedSeconds;
    let endsAtSeconds = this.#foreseenEndSeconds(leader);
    this.#following.release(until, isRunning ? this.#soundUntil(leader, endsAtSeconds) : until, (follower, unit) => {
      if (isRunning) this.#followUnit(follower, unit);
    });
    if (!isRunning) return;
    leader.endLastPart();
    if (newest !== this.#boundaries.newest) endsAtSeconds = this.#foreseenEndSeconds(leader);
    for (const follower of this.#following.followers) follower.endLastPart(endsAtSeconds);
    // Who has gone on without the leading track may have nothing there either.
    if (lagFrom > endSeconds) this.#fillUp(lagFrom);
    this.#decide(decidedSeconds);
  }

  /** Sound need not wait where no segment is to begin. Were there one, sound would begin it by so much later. */
  #soundUntil(leader: BoundaryFollower, endsAtSeconds: number | undefined): number {
    const reachedSeconds = Math.max(leader.cutter.endSeconds, this.#expectedEndSeconds);
    return Math.min(endsAtSeconds ?? Infinity, reachedSeconds + soundAheadSeconds(endsAtSeconds !== undefined));
  }

  /** Where the newest segment is to end, that the leading track is in or about to begin; `undefined` where nobody knows. */
  #foreseenEndSeconds(leader: BoundaryFollower): number | undefined {
    const { newest } = this.#boundaries;
    const { endSeconds, isComplete, msn } = leader.cutter;
    if (leader.waitsForBoundary) return endSeconds;
    if (newest?.msn !== (isComplete ? msn + 1 : msn) || this.#following.isFarAhead(endSeconds)) return undefined;
    const keyframeSeconds = this.#keyframes.endOfSegment(newest.startSeconds, this.#segmentEnds) ?? 0;
    return keyframeSeconds > endSeconds - sameInstantSeconds ? keyframeSeconds : undefined;
  }

  /** Others are past it already: what has been cut without it stays as it is. */
  #isBehind(atSeconds: number): boolean {
    return atSeconds < this.#decidedSeconds - keyframeLagSeconds;
  }

  #decide(seconds: number): void {
    this.#decidedSeconds = Math.max(this.#decidedSeconds, seconds);
    for (const track of this.#trailing.values()) track.release();
  }

  #followUnit(follower: BoundaryFollower, unit: TimedUnit): void {
    const { msn, timescale, segment } = follower.cutter;
    const durationSeconds = unit.durationTicks / timescale;
    const { newest } = this.#boundaries;
    if (newest !== undefined) {
      // Also what the leading track has of it must not last too long.
      const ownSeconds = msn === newest.msn ? segment?.startSeconds : undefined;
      const startSeconds = Math.min(ownSeconds ?? newest.startSeconds, newest.startSeconds);
      const beforeSeconds = follower.secondsOf(unit) - startSeconds;
      const isTooLong = beforeSeconds + durationSeconds > longestSegmentSeconds(this.#targets.targetDurationSeconds);
      // One that is too long by itself is so wherever a segment begins.
      if (isTooLong && beforeSeconds >= sameInstantSeconds) this.#beginWith(follower, unit, newest);
    }
    this.#follow(follower, unit);
  }

  /** A unit that would last too long for the newest segment begins the next one; or if others have gone on, they do. */
  #beginWith(follower: BoundaryFollower, unit: TimedUnit, newest: Boundary): void {
    const latestSeconds = newest.startSeconds + longestSegmentSeconds(this.#targets.targetDurationSeconds);
    const startSeconds = Math.min(latestSeconds, this.#cutSeconds);
    if (startSeconds - follower.secondsOf(unit) < keyframeLagSeconds) this.#begin(follower, unit);
    else this.#beginWithout(startSeconds);
  }

  /** A segment that begins with the time of others: nothing of it needs to be a keyframe. */
  #beginWithout(startSeconds: number): void {
    this.#boundaries.begin({ startSeconds, shownSeconds: startSeconds, independent: false });
  }

  #follow(track: BoundaryFollower, unit: TimedUnit): void {
    if (!track.follow(unit)) return;
    if (track === this.#leader) this.#skipAbsent(track.secondsOf(unit));
    this.#forgetBoundaries();
  }

  /** Renditions that this run of time does not have miss every segment of it. */
  #skipAbsent(untilSeconds: number): void {
    for (const [number, track] of this.#tracks) {
      if (track !== this.#leader && !this.#following.has(number)) track.skipGaps(untilSeconds);
    }
  }

  #forgetBoundaries(): void {
    const joinable = this.#boundaries.nextMsn - joinableSegments;
    this.#boundaries.forgetBefore(
      Math.min(
        ...[...this.#tracks.values()].map(({ cutter }) => cutter.msn),
        ...[...this.#trailing.values()].map(({ msn }) => msn ?? joinable),
      ),
    );
  }
}
