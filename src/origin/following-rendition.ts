import type { CmafTrackConfig } from '../formats/cmaf/cmaf-track.ts';
import type { Sample } from '../formats/cmaf/media-part.ts';
import type { SegmentCutter } from '../policy/segment-cutter.ts';
import type { TimedTrack } from '../policy/timed-unit.ts';
import type { TrailingTrack } from '../policy/trailing-track.ts';

/** Numbers of tracks that no publisher sends. */
export const firstFollowingTrack = 512;
/** What is kept until there are targets to cut by; the oldest is dropped. */
const maxHeld = 2_000;

/** A unit on the media time of its stream. */
export interface PlacedSample extends Sample {
  readonly dtsTicks: number;
}

/**
 * A rendition that somebody makes of the publisher's tracks, and that comes later than they, by seconds. It is cut at
 * the same instants. What is missing of it becomes gaps, once something later has come, or `giveUp` was called, or the
 * segment leaves the playlist; nobody waits for it.
 */
export class FollowingRendition {
  /** Stands in its paths: `[a-z0-9][a-z0-9-]{0,31}`. */
  readonly name: string;
  readonly track: number;
  #timed: TimedTrack | undefined;
  #trailing: TrailingTrack | undefined;
  #held: { readonly track: TimedTrack; readonly sample: PlacedSample }[] = [];
  #isOver = false;

  /** `track`: from `firstFollowingTrack` on, one for each name. */
  constructor({ name, track }: { readonly name: string; readonly track: number }) {
    this.name = name;
    this.track = track;
  }

  /** Before the first unit, and whenever it changes; the kind and the timescale stay. */
  onConfig(config: CmafTrackConfig): void {
    this.#timed = { track: this.track, config };
  }

  /** In decode order, with the exact decode time of what it was made of. */
  onUnit(sample: PlacedSample): void {
    if (this.#timed === undefined || this.#isOver) return;
    if (this.#trailing !== undefined) {
      this.#trailing.push(this.#timed, { ...sample, track: this.track });
      return;
    }
    this.#held.push({ track: this.#timed, sample });
    if (this.#held.length > maxHeld) this.#held.shift();
  }

  /** Nothing comes for what the publisher has sent so far, nor for what it sends until the next unit, or in this run of time. */
  giveUp(): void {
    this.#trailing?.giveUp();
  }

  /** The stream is over: what still comes is dropped. */
  end(): void {
    this.giveUp();
    this.#isOver = true;
  }

  /** There is something to cut by. */
  attach(cutter: SegmentCutter): void {
    this.#trailing = cutter.trailingTrack(this.track);
    for (const { track, sample } of this.#held.splice(0)) this.#trailing.push(track, { ...sample, track: this.track });
  }
}
