import { leastPartFill } from './part-target.ts';
import { type TimedTrack, type TimedUnit, timescaleOf } from './timed-unit.ts';

export interface SegmentStart {
  readonly msn: number;
  readonly startTicks: number;
  /** It begins with a keyframe. */
  readonly independent: boolean;
  /** Time, or the codec configuration, does not go on from the segment before. */
  readonly discontinuity: boolean;
}

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
export interface CutGap {
  readonly msn: number;
  readonly startTicks: number;
  readonly durationTicks: number;
  readonly discontinuity: boolean;
}

/** Takes the segments and parts of all renditions; each rendition's in order. */
export interface CutterSink {
  onSegmentStart(track: TimedTrack, start: SegmentStart): void;
  onPart(track: TimedTrack, part: CutPart): void;
  /** `durationTicks` is the sum of its parts. */
  onSegmentEnd(track: TimedTrack, durationTicks: number): void;
  onGap(track: TimedTrack, gap: CutGap): void;
}

/** A hole shorter than this is none: clocks count in milliseconds. */
const leastGapSeconds = 0.01;

/**
 * Cuts the segments of one rendition into parts: as long as PART-TARGET allows, cut on decode time before the unit
 * that would exceed it. When a part is full, and as long as the last unit another would make it too long, it goes out
 * without waiting for that other.
 *
 * A picture that stands for longer than any part may last (the encoder paused), or than there is room for in a part that
 * is not full enough to go out, ends that part, which then says less than it lasts; the parts that follow say as much
 * more, until they have caught up. So the media has no hole,
 * no part is too long or too short by what the playlist says, and each segment says what it lasts. Where the segment
 * ends before, and where there is nothing at all, gaps take the time.
 */
export class PartCutter {
  #track: TimedTrack;
  #nextTrack: TimedTrack;
  readonly timescale: number;
  readonly #partTargetTicks: number;
  readonly #leastGapTicks: number;
  readonly #sink: CutterSink;
  /** Of the open segment, or of the last one. */
  msn: number;
  #segment: { readonly startTicks: number; readonly independent: boolean } | undefined;
  #units: TimedUnit[] = [];
  /** What the parts and gaps have said so far ends here. */
  #saidTicks: number | undefined;
  #endTicks = 0;
  /** The unit that has gone out before it was certain how long it lasts, and where it ends in the media. */
  #early: { readonly dtsTicks: number; readonly mediaEndTicks: number } | undefined;

  constructor(track: TimedTrack, partTargetMs: number, lastMsn: number, sink: CutterSink) {
    this.#track = track;
    this.#nextTrack = track;
    this.timescale = timescaleOf(track.config);
    this.#partTargetTicks = Math.floor((partTargetMs * this.timescale) / 1_000);
    this.#leastGapTicks = leastGapSeconds * this.timescale;
    this.msn = lastMsn;
    this.#sink = sink;
  }

  get track(): TimedTrack {
    return this.#track;
  }

  /** From the next segment on; of the same timescale. */
  setTrack(track: TimedTrack): void {
    this.#nextTrack = track;
  }

  /** The open segment, if there is one. */
  get segment(): { readonly startSeconds: number; readonly independent: boolean } | undefined {
    const segment = this.#segment;
    if (segment === undefined) return undefined;
    return { startSeconds: segment.startTicks / this.timescale, independent: segment.independent };
  }

  /** Where the last unit ends. */
  get endSeconds(): number {
    return this.#endTicks / this.timescale;
  }

  /** It begins with `first`; earlier, with a gap, where the one before it has ended earlier in the same run of time. */
  startSegment(msn: number, first: TimedUnit, discontinuity: boolean): void {
    this.#track = this.#nextTrack;
    this.msn = msn;
    const before = discontinuity ? undefined : this.#saidTicks;
    const startTicks = before === undefined || first.dtsTicks - before < this.#leastGapTicks ? first.dtsTicks : before;
    this.#segment = { startTicks, independent: first.keyframe };
    this.#saidTicks = startTicks;
    this.#endTicks = startTicks;
    this.#sink.onSegmentStart(this.#track, { msn, startTicks, independent: first.keyframe, discontinuity });
  }

  add(unit: TimedUnit): void {
    if (unit.dtsTicks - this.#endTicks >= this.#leastGapTicks) this.#gapUntil(unit.dtsTicks);
    const fitsNowhere = unit.durationTicks > this.#partTargetTicks || !this.#isFilledBy(this.#partTicks);
    if (!fitsNowhere && this.#partTicks + unit.durationTicks > this.#partTargetTicks) this.#endPart();
    this.#units.push(this.#joined(unit));
    this.#endTicks = unit.dtsTicks + unit.durationTicks;
    if (this.#isFull(this.#partTicks, unit.durationTicks)) this.#endPart();
  }

  /**
   * The unit that comes next, with the duration that it probably has. If the part is full with it, it goes out; returns
   * whether it has. `add` must not be given it then, but `settle`.
   */
  addEarly(unit: TimedUnit): boolean {
    const { dtsTicks, durationTicks } = unit;
    if (this.#saidTicks === undefined || dtsTicks - this.#endTicks >= this.#leastGapTicks) return false;
    const partTicks = dtsTicks + durationTicks - this.#saidTicks;
    if (partTicks > this.#partTargetTicks || !this.#isFull(partTicks, durationTicks)) return false;
    this.#units.push(unit);
    this.#endTicks = dtsTicks + durationTicks;
    this.#endPart();
    this.#early = { dtsTicks, mediaEndTicks: this.#endTicks };
    return true;
  }

  /** Whether it has gone out already. */
  isEarly(unit: TimedUnit): boolean {
    return unit.dtsTicks === this.#early?.dtsTicks;
  }

  /** What has gone out early lasts this long. */
  settle({ dtsTicks, durationTicks }: TimedUnit): void {
    this.#endTicks = dtsTicks + durationTicks;
  }

  /** After one that went out early a unit is decoded where that ends, and shown when it was to be: there is no hole. */
  #joined(unit: TimedUnit): TimedUnit {
    const early = this.#early;
    this.#early = undefined;
    const lateTicks = early === undefined ? 0 : unit.dtsTicks - early.mediaEndTicks;
    if (lateTicks === 0 || Math.abs(lateTicks) >= Math.min(this.#leastGapTicks, unit.durationTicks)) return unit;
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
    this.#endPart();
    const endTicks = endSeconds === undefined ? this.#endTicks : Math.round(endSeconds * this.timescale);
    let saidTicks = this.#saidTicks ?? segment.startTicks;
    if (endTicks - saidTicks >= this.#leastGapTicks) saidTicks = this.#sayGap(saidTicks, endTicks);
    this.#segment = undefined;
    this.#sink.onSegmentEnd(this.#track, saidTicks - segment.startTicks);
  }

  /** A whole segment without a unit. */
  gap(msn: number, startSeconds: number, endSeconds: number, discontinuity: boolean): void {
    this.msn = msn;
    const boundaryTicks = Math.round(startSeconds * this.timescale);
    const startTicks = discontinuity ? boundaryTicks : Math.max(boundaryTicks, this.#saidTicks ?? boundaryTicks);
    const durationTicks = Math.max(1, Math.round(endSeconds * this.timescale) - startTicks);
    this.#saidTicks = startTicks + durationTicks;
    this.#sink.onGap(this.#track, { msn, startTicks, durationTicks, discontinuity });
  }

  /** What the open part would have to say. */
  get #partTicks(): number {
    return this.#endTicks - (this.#saidTicks ?? this.#endTicks);
  }

  #endPart(): void {
    const units = this.#units;
    const first = units[0];
    if (first === undefined) return;
    this.#units = [];
    const durationTicks = Math.min(this.#partTicks, this.#partTargetTicks);
    this.#saidTicks = (this.#saidTicks ?? first.dtsTicks) + durationTicks;
    this.#sink.onPart(this.#track, {
      units,
      startTicks: first.dtsTicks,
      durationTicks,
      independent: first.keyframe,
    });
  }

  /** Nothing has come up to `untilTicks`. */
  #gapUntil(untilTicks: number): void {
    this.#endPart();
    this.#endTicks = untilTicks;
    this.#sayGap(this.#saidTicks ?? untilTicks, untilTicks);
  }

  #sayGap(fromTicks: number, untilTicks: number): number {
    for (let startTicks = fromTicks; startTicks < untilTicks; startTicks += this.#partTargetTicks) {
      const durationTicks = Math.min(untilTicks - startTicks, this.#partTargetTicks);
      this.#sink.onPart(this.#track, { units: [], startTicks, durationTicks, independent: false });
    }
    this.#saidTicks = untilTicks;
    return untilTicks;
  }
}
