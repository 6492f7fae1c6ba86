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
  readonly units: readonly TimedUnit[];
  readonly startTicks: number;
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
  /** `durationTicks` runs from the segment's first decode time to the end of its last unit. */
  onSegmentEnd(track: TimedTrack, durationTicks: number): void;
  onGap(track: TimedTrack, gap: CutGap): void;
}

/**
 * Cuts the segments of one rendition into parts: as long as PART-TARGET allows, cut on decode time before the unit
 * that would exceed it. When a part is full, and as long as the last unit another would make it too long, it goes out
 * without waiting for that other. A unit that is longer than any part may be (the encoder paused) ends the part that is
 * open: alone, it would leave one behind that is too short.
 */
export class PartCutter {
  readonly track: TimedTrack;
  readonly timescale: number;
  readonly #partTargetTicks: number;
  readonly #sink: CutterSink;
  /** Of the open segment, or of the last one. */
  msn: number;
  #segment: { readonly startTicks: number; readonly independent: boolean } | undefined;
  #units: TimedUnit[] = [];
  #partTicks = 0;
  #endTicks = 0;

  constructor(track: TimedTrack, partTargetMs: number, lastMsn: number, sink: CutterSink) {
    this.track = track;
    this.timescale = timescaleOf(track.config);
    this.#partTargetTicks = (partTargetMs * this.timescale) / 1_000;
    this.msn = lastMsn;
    this.#sink = sink;
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

  startSegment(msn: number, first: TimedUnit, discontinuity: boolean): void {
    this.msn = msn;
    this.#segment = { startTicks: first.dtsTicks, independent: first.keyframe };
    this.#sink.onSegmentStart(this.track, {
      msn,
      startTicks: first.dtsTicks,
      independent: first.keyframe,
      discontinuity,
    });
  }

  add(unit: TimedUnit): void {
    const fitsNowhere = unit.durationTicks > this.#partTargetTicks;
    if (!fitsNowhere && this.#partTicks + unit.durationTicks > this.#partTargetTicks) this.#endPart();
    this.#units.push(unit);
    this.#partTicks += unit.durationTicks;
    this.#endTicks = unit.dtsTicks + unit.durationTicks;
    if (
      this.#partTicks >= this.#partTargetTicks * leastPartFill &&
      this.#partTicks + unit.durationTicks > this.#partTargetTicks
    ) {
      this.#endPart();
    }
  }

  endSegment(): void {
    const segment = this.#segment;
    if (segment === undefined) return;
    this.#endPart();
    this.#segment = undefined;
    this.#sink.onSegmentEnd(this.track, this.#endTicks - segment.startTicks);
  }

  /** A whole segment without a unit. */
  gap(msn: number, startSeconds: number, endSeconds: number, discontinuity: boolean): void {
    this.msn = msn;
    const startTicks = Math.round(startSeconds * this.timescale);
    this.#sink.onGap(this.track, {
      msn,
      startTicks,
      durationTicks: Math.max(1, Math.round(endSeconds * this.timescale) - startTicks),
      discontinuity,
    });
  }

  #endPart(): void {
    const units = this.#units;
    const first = units[0];
    if (first === undefined) return;
    this.#units = [];
    this.#partTicks = 0;
    this.#sink.onPart(this.track, {
      units,
      startTicks: first.dtsTicks,
      durationTicks: this.#endTicks - first.dtsTicks,
      independent: first.keyframe,
    });
  }
}
