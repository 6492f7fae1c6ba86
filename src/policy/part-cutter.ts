import { OwnCopies } from '../base/own-copies.ts';
import { leastPartFill } from './part-target.ts';
import type { Boundary } from './segment-boundaries.ts';
import { longestSegmentSeconds, type PlaylistTargets } from './target-duration.ts';
import { type TimedTrack, type TimedUnit, timescaleOf } from './timed-unit.ts';

/** Which segment begins, as the boundaries say. */
type SegmentNumber = Pick<Boundary, 'msn' | 'discontinuity' | 'discontinuitySequence'>;

/** `independent`: it begins with a keyframe. */
export interface OpenSegment {
  readonly startSeconds: number;
  readonly independent: boolean;
}

/** `discontinuity`: time, or the codec configuration, does not go on from the segment before. */
export interface SegmentStart extends SegmentNumber {
  readonly startTicks: number;
  /** It begins with a keyframe. */
  readonly independent: boolean;
}

/** Its units' data are there for the call that brings it. */
export interface CutPart {
  /** Empty for a gap: time in which there is nothing, or in which the last picture stands that came before it. */
  readonly units: readonly TimedUnit[];
  /** First decode time; of a gap: where it begins. */
  readonly startTicks: number;
  /** What the playlist says. Over a whole segment this adds up to the time that it covers. */
  readonly durationTicks: number;
  /** It begins with a keyframe. */
  readonly independent: boolean;
}

/** A segment of which a rendition has nothing, while others have. */
export interface CutGap extends SegmentNumber {
  readonly startTicks: number;
  readonly durationTicks: number;
}

/** Takes the segments and parts of all renditions; each rendition's in order. */
export interface CutterSink {
  onSegmentStart(track: TimedTrack, start: SegmentStart): void;
  onPart(track: TimedTrack, part: CutPart): void;
  /**
   * The open segment, which has had a part, is to get no other. It may all the same: where the keyframe stays away that is
   * expected, or others have gone on.
   */
  onLastPart(track: TimedTrack): void;
  /** `durationTicks` is the sum of its parts. */
  onSegmentEnd(track: TimedTrack, durationTicks: number): void;
  onGap(track: TimedTrack, gap: CutGap): void;
  /** No more comes of it in this run of time. */
  onRunEnd(track: TimedTrack): void;
}

/** A hole shorter than this is none: clocks count in milliseconds. */
const leastGapSeconds = 0.01;
/** Share of a unit's duration by which the sum of many may differ from so many times one of them. */
const durationJitter = 0.2;

/**
 * Cuts the segments of one rendition into parts: as long as PART-TARGET allows, cut on decode time before the unit
 * that would exceed it. When a part is full, and as long as the last unit another would make it too long, it goes out
 * without waiting for that other.
 *
 * A part that would be too short without the next unit and too long with it takes it, as the open one takes a picture
 * that stands for longer than any part may last (the encoder paused). It then says less than it lasts, and the parts
 * that follow say as much more, until they have caught up. So the media has no hole, no part is too long or too short by
 * what the playlist says, and each segment says what it lasts. Where the segment ends before, and where there is nothing
 * at all, gaps take the time.
 */
export class PartCutter {
  #track: TimedTrack;
  #nextTrack: TimedTrack;
  readonly timescale: number;
  readonly #partTargetTicks: number;
  readonly #longestTicks: number;
  readonly #leastGapTicks: number;
  readonly #sink: CutterSink;
  /** Of the open segment, or of the last one. */
  msn: number;
  #segment: (OpenSegment & { readonly startTicks: number }) | undefined;
  #units: TimedUnit[] = [];
  /** Of their data. */
  readonly #copies = new OwnCopies({ leastBytes: 16_384, mostKeptBytes: 2_097_152 });
  /** What the parts and gaps have said so far ends here. */
  #saidTicks: number | undefined;
  #endTicks = 0;
  /** How long the last unit lasts. */
  #unitTicks = 0;
  /** The unit that has gone out before it was certain how long it lasts, and where it ends in the media. */
  #early: { readonly dtsTicks: number; readonly mediaEndTicks: number } | undefined;
  #isComplete = false;

  /** `saidSeconds`: where the segment `lastMsn` of the track ends for the playlist, if there was one. */
  constructor(track: TimedTrack, targets: PlaylistTargets, lastMsn: number, sink: CutterSink, saidSeconds?: number) {
    this.#track = track;
    this.#nextTrack = track;
    this.timescale = timescaleOf(track.config);
    this.#partTargetTicks = Math.floor((targets.partTargetMs * this.timescale) / 1_000);
    this.#longestTicks = Math.floor(longestSegmentSeconds(targets.targetDurationSeconds) * this.timescale);
    this.#leastGapTicks = leastGapSeconds * this.timescale;
    this.msn = lastMsn;
    this.#sink = sink;
    this.#saidTicks = saidSeconds === undefined ? undefined : Math.round(saidSeconds * this.timescale);
  }

  get track(): TimedTrack {
    return this.#track;
  }

  /** From the next segment on; of the same timescale. */
  setTrack(track: TimedTrack): void {
    this.#nextTrack = track;
  }

  /** The open segment, if there is one. */
  get segment(): OpenSegment | undefined {
    return this.#segment;
  }

  /**
   * The open segment has had its last part: the next unit begins another. It may have been so short that no other may follow
   * in it (rfc8216bis §4.4.4.9).
   */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Where the last segment ends for the playlist, or the open one so far; `undefined` before the first. */
  get saidSeconds(): number | undefined {
    return this.#saidTicks === undefined ? undefined : this.#saidTicks / this.timescale;
  }

  /** Where the last unit ends. */
  get endSeconds(): number {
    return this.#endTicks / this.timescale;
  }

  /** How long the last unit lasts; 0 before the first. */
  get unitSeconds(): number {
    return this.#unitTicks / this.timescale;
  }

  /**
   * Decode time of the unit that fills the open part, or the one after it if none is open, if all last as long as the
   * last one. `undefined` outside of segments.
   */
  get fillsAtSeconds(): number | undefined {
    const unitTicks = this.#unitTicks;
    if (this.#segment === undefined || unitTicks === 0) return undefined;
    const leastTicks = Math.max(this.#partTargetTicks * leastPartFill, this.#partTargetTicks - unitTicks);
    const units = Math.ceil((leastTicks - this.#partTicks) / unitTicks - durationJitter);
    return (this.#endTicks + Math.max(0, units - 1) * unitTicks) / this.timescale;
  }

  /**
   * It begins with `first`; or where the one before it has ended in the same run of time: with a gap, if that is earlier. Where
   * there is none before it in this run, it begins with `first` too, or at `startSeconds`, if given, but for the playlist
   * not before the one of the run before has ended.
   */
  startSegment(number: SegmentNumber, first: TimedUnit, startSeconds?: number): void {
    const { msn, discontinuity, discontinuitySequence } = number;
    this.#track = this.#nextTrack;
    this.msn = msn;
    this.#isComplete = false;
    if (discontinuity) this.#early = undefined;
    const wanted = startSeconds === undefined ? first.dtsTicks : Math.round(startSeconds * this.timescale);
    const isNear = Math.abs(first.dtsTicks - wanted) < this.#leastGapTicks;
    const startTicks = this.#beginsAt(isNear ? first.dtsTicks : wanted, discontinuity);
    this.#segment = { startTicks, startSeconds: startTicks / this.timescale, independent: first.keyframe };
    // What the segment before could not say of its media is left for this one.
    if (startTicks === first.dtsTicks || this.#endTicks < first.dtsTicks) this.#endTicks = startTicks;
    this.#saidTicks = startTicks;
    const independent = first.keyframe;
    this.#sink.onSegmentStart(this.#track, { msn, startTicks, independent, discontinuity, discontinuitySequence });
  }

  /**
   * Where a segment begins for the playlist that would at `ticks`. A part that went out early may have said too much: were
   * that said again, it would add up, and dates would go back behind a discontinuity.
   */
  #beginsAt(ticks: number, discontinuity: boolean): number {
    const saidTicks = this.#saidTicks ?? ticks;
    return discontinuity ? Math.max(saidTicks, ticks) : saidTicks;
  }

  /** `untilSeconds`: how far a part that is full with it lasts at most for the playlist, if that is known. */
  add(unit: TimedUnit, untilSeconds = Infinity): void {
    const hasHole = unit.dtsTicks - this.#endTicks >= this.#leastGapTicks;
    if (hasHole && !this.#standsUntil(unit.dtsTicks)) this.#gapUntil(unit.dtsTicks);
    // Others have gone on in this segment: the next one cannot begin any more where it was to.
    if (this.#isComplete && this.#saidTicks !== undefined) {
      this.#sayGap(this.#saidTicks, this.#saidTicks + this.#leastGapTicks);
    }
    const fitsNowhere = unit.durationTicks > this.#partTargetTicks || !this.#isFilledBy(this.#partTicks);
    if (!fitsNowhere && this.#partTicks + unit.durationTicks > this.#partTargetTicks) this.#endPart();
    this.#keep(this.#joined(unit));
    this.#endTicks = unit.dtsTicks + unit.durationTicks;
    this.#unitTicks = unit.durationTicks;
    if (this.#isFull(this.#partTicks, unit.durationTicks))
      this.#endPart(Math.min(this.#endTicks, Math.round(untilSeconds * this.timescale)));
  }

  /**
   * The unit that comes next, with the duration that it probably has. If the part is full with it, or it is the last one of
   * the segment (`isLast`), the part goes out; returns whether it has. `add` must not be given it then, but `settle`.
   */
  addEarly(unit: TimedUnit, isLast: boolean): boolean {
    const { dtsTicks, durationTicks } = unit;
    if (this.#saidTicks === undefined || dtsTicks - this.#endTicks >= this.#leastGapTicks) return false;
    const partTicks = dtsTicks + durationTicks - this.#saidTicks;
    if (partTicks > this.#partTargetTicks || !(isLast || this.#isFull(partTicks, durationTicks))) return false;
    this.#keep(unit);
    this.#endTicks = dtsTicks + durationTicks;
    this.#unitTicks = durationTicks;
    this.#endPart();
    this.#early = { dtsTicks, mediaEndTicks: this.#endTicks };
    this.#isComplete = isLast;
    if (isLast) this.#sink.onLastPart(this.#track);
    return true;
  }

  /** No unit follows in the open segment: what is open of its last part goes out, if one part can say all that it lasts. */
  endLastPart(): void {
    if (this.#segment === undefined || this.#isComplete || this.#partTicks > this.#partTargetTicks) return;
    this.#endPart();
    // Time in which there was nothing is yet to be said.
    if (this.#partTicks >= this.#leastGapTicks) return;
    this.#isComplete = true;
    this.#sink.onLastPart(this.#track);
  }

  /** Whether it has gone out already. */
  isEarly(unit: TimedUnit): boolean {
    return unit.dtsTicks === this.#early?.dtsTicks;
  }

  /** What has gone out early lasts this long. */
  settle({ dtsTicks, durationTicks }: TimedUnit): void {
    this.#endTicks = dtsTicks + durationTicks;
  }

  /** No unit follows in the open segment, as far as can be told: if all of it has gone out, no part does. */
  expectNoUnit(): void {
    if (this.#segment !== undefined && this.#units.length === 0) this.#sink.onLastPart(this.#track);
  }

  #keep(unit: TimedUnit): void {
    this.#units.push({ ...unit, data: this.#copies.copy(unit.data) });
  }

  /**
   * After one that went out early a unit is decoded where that ends, and shown when it was to be, as sound cannot be: there
   * is no hole that players would have to step over, however long the encoder has paused.
   */
  #joined(unit: TimedUnit): TimedUnit {
    const early = this.#early;
    this.#early = undefined;
    const lateTicks = early === undefined ? 0 : unit.dtsTicks - early.mediaEndTicks;
    if (lateTicks === 0) return unit;
    const isPause = lateTicks > 0 && this.#track.config.kind === 'video';
    if (!isPause && Math.abs(lateTicks) >= Math.min(this.#leastGapTicks, unit.durationTicks)) return unit;
    return {
      ...unit,
      dtsTicks: unit.dtsTicks - lateTicks,
      durationTicks: unit.durationTicks + lateTicks,
      compositionOffsetTicks: unit.compositionOffsetTicks + lateTicks,
    };
  }

  /** Another unit like the last one would be too much. */
  #isFull(partTicks: number, lastDurationTicks: number): boolean {
    return this.#isFilledBy(partTicks) && partTicks + lastDurationTicks > this.#partTargetTicks;
  }

  #isFilledBy(partTicks: number): boolean {
    return partTicks >= this.#partTargetTicks * leastPartFill;
  }

  /** `endSeconds`: where it ends for the playlist, if that is not where its last unit does. */
  endSegment(endSeconds?: number): void {
    const segment = this.#segment;
    if (segment === undefined) return;
    const wantedTicks = endSeconds === undefined ? this.#endTicks : Math.round(endSeconds * this.timescale);
    const endTicks = Math.min(wantedTicks, segment.startTicks + this.#longestTicks);
    this.#endPart(endTicks);
    let saidTicks = this.#saidTicks ?? segment.startTicks;
    const unsaidTicks = endTicks - saidTicks;
    // The last picture stood a little longer than its part said, which is no gap: the next segment says that.
    const isLeft = this.#isComplete && unsaidTicks <= this.#partTargetTicks;
    if (unsaidTicks >= this.#leastGapTicks && !isLeft) saidTicks = this.#sayGap(saidTicks, endTicks);
    this.#segment = undefined;
    this.#isComplete = false;
    this.#sink.onSegmentEnd(this.#track, saidTicks - segment.startTicks);
  }

  /** Nothing is open, and nothing follows soon: no memory is kept. */
  rest(): void {
    this.#copies.letGo();
  }

  /** A whole segment without a unit. */
  gap({ msn, startSeconds, discontinuity, discontinuitySequence }: Boundary, endSeconds: number): void {
    this.msn = msn;
    const boundaryTicks = Math.round(startSeconds * this.timescale);
    const startTicks = this.#beginsAt(boundaryTicks, discontinuity);
    const leftTicks = Math.round(endSeconds * this.timescale) - startTicks;
    const durationTicks = Math.max(1, Math.min(leftTicks, this.#longestTicks));
    this.#saidTicks = startTicks + durationTicks;
    this.#sink.onGap(this.#track, { msn, startTicks, durationTicks, discontinuity, discontinuitySequence });
  }

  /** What the open part would have to say. */
  get #partTicks(): number {
    return this.#endTicks - (this.#saidTicks ?? this.#endTicks);
  }

  /** It says what it lasts up to `untilTicks`, as far as it may. */
  #endPart(untilTicks = this.#endTicks): void {
    const units = this.#units;
    const first = units[0];
    if (first === undefined) return;
    this.#units = [];
    const saidTicks = this.#saidTicks ?? first.dtsTicks;
    const limitTicks = (this.#segment?.startTicks ?? saidTicks) + this.#longestTicks;
    const durationTicks = Math.max(1, Math.min(untilTicks - saidTicks, this.#partTargetTicks, limitTicks - saidTicks));
    this.#saidTicks = saidTicks + durationTicks;
    this.#sink.onPart(this.#track, {
      units,
      startTicks: first.dtsTicks,
      durationTicks,
      independent: first.keyframe,
    });
    this.#copies.dropAll();
  }

  /** A hole that the open part has room for: its last picture stands that long. Returns whether there is one. */
  #standsUntil(untilTicks: number): boolean {
    const last = this.#units.at(-1);
    if (last === undefined || this.#track.config.kind !== 'video') return false;
    if (untilTicks - (this.#saidTicks ?? untilTicks) > this.#partTargetTicks) return false;
    this.#units[this.#units.length - 1] = { ...last, durationTicks: untilTicks - last.dtsTicks };
    this.#endTicks = untilTicks;
    return true;
  }

  /** Nothing has come up to `untilTicks`. */
  #gapUntil(untilTicks: number): void {
    this.#endPart(untilTicks);
    this.#endTicks = untilTicks;
    this.#early = undefined;
    this.#sayGap(this.#saidTicks ?? untilTicks, untilTicks);
  }

  #sayGap(fromTicks: number, untilTicks: number): number {
    this.#isComplete = false;
    for (let startTicks = fromTicks; startTicks < untilTicks; startTicks += this.#partTargetTicks) {
      const durationTicks = Math.min(untilTicks - startTicks, this.#partTargetTicks);
      this.#sink.onPart(this.#track, { units: [], startTicks, durationTicks, independent: false });
    }
    this.#saidTicks = untilTicks;
    return untilTicks;
  }
}
