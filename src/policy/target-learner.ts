import { withOwnData } from '../base/own-copies.ts';
import { type FrameDurations, fittingPartTargetMs } from './part-target.ts';
import {
  endsAtKeyframe,
  fittingTargetDurationSeconds,
  longestSegmentSeconds,
  type PlaylistTargets,
} from './target-duration.ts';
import { type TimedTrack, type TimedUnit, timescaleOf } from './timed-unit.ts';

/** By then the first segment is closed, keyframe or not. */
const longestWaitSeconds = 10;
const longestWaitBytes = 64 * 1_048_576;
/** What is kept of the other tracks while no picture of the leading one can be shown yet. */
const othersBeforePictureSeconds = 1;

/** Takes a timeline's runs and access units. */
export interface UnitSink {
  onEpoch(tracks: readonly TimedTrack[]): void;
  onUnit(unit: TimedUnit): void;
}

/** One that wants to know of units before it is certain how long they last. */
export interface ExpectingSink extends UnitSink {
  /** What `onUnit` will be given next for its track, with the duration that it has if nothing happens. */
  onExpectedUnit(unit: TimedUnit): void;
}

/** What the operator asks for. */
export interface WantedTargets {
  readonly segmentMs: number;
  readonly partMs: number;
}

/**
 * Watches the first segment go by, then says what TARGETDURATION and PART-TARGET are: they may never change once a
 * playlist has stood (rfc8216bis §6.2.1, and players fail when they do), and a longer keyframe interval or a slower
 * picture rate than the operator thought of needs other ones. What it held back meanwhile it then hands to the sink
 * that `onTargets` gives, and everything after.
 */
export class TargetLearner implements ExpectingSink {
  readonly #wanted: WantedTargets;
  readonly #onTargets: (targets: PlaylistTargets) => ExpectingSink;
  #sink: ExpectingSink | undefined;
  #tracks: readonly TimedTrack[] = [];
  #units: TimedUnit[] = [];
  #heldBytes = 0;
  #firstKeyframeSeconds: number | undefined;
  #lastKeyframeSeconds = 0;
  #longestIntervalSeconds = 0;

  constructor(wanted: WantedTargets, onTargets: (targets: PlaylistTargets) => ExpectingSink) {
    this.#wanted = wanted;
    this.#onTargets = onTargets;
  }

  onEpoch(tracks: readonly TimedTrack[]): void {
    this.decide();
    if (this.#sink === undefined) this.#tracks = tracks;
    else this.#sink.onEpoch(tracks);
  }

  onUnit(unit: TimedUnit): void {
    if (this.#sink !== undefined) {
      this.#sink.onUnit(unit);
      return;
    }
    const leads = unit.track === this.#tracks[0]?.track;
    if (this.#firstKeyframeSeconds === undefined && !(leads && unit.keyframe)) {
      if (!leads) this.#holdBeforePicture(unit);
      return;
    }
    this.#units.push(withOwnData(unit));
    this.#heldBytes += unit.data.length;
    if (this.#isEnough(unit, leads)) this.decide();
  }

  onExpectedUnit(unit: TimedUnit): void {
    this.#sink?.onExpectedUnit(unit);
  }

  /** They stand already, from before a restart: nothing is held back. */
  know(targets: PlaylistTargets): void {
    this.#sink = this.#onTargets(targets);
  }

  /** No more is to come, or enough has been seen. Does nothing when nothing can be shown yet. */
  decide(): void {
    if (this.#sink !== undefined || this.#firstKeyframeSeconds === undefined) return;
    const segmentSeconds = this.#wanted.segmentMs / 1_000;
    const units = this.#units;
    this.#units = [];
    this.#sink = this.#onTargets({
      segmentSeconds,
      targetDurationSeconds: fittingTargetDurationSeconds(segmentSeconds, this.#longestIntervalSeconds),
      partTargetMs: fittingPartTargetMs(
        this.#wanted.partMs,
        this.#tracks.map((track) => frameDurations(track, units)),
      ),
    });
    this.#sink.onEpoch(this.#tracks);
    for (const unit of units) this.#sink.onUnit(unit);
  }

  /**
   * Of the other tracks the last second may belong to the leading one's first picture: sound, and pictures that are
   * decoded sooner because they have more B-frames.
   */
  #holdBeforePicture(unit: TimedUnit): void {
    const config = this.#configOf(unit);
    if (config === undefined) return;
    this.#units.push(withOwnData(unit));
    const oldest = unit.dtsTicks - othersBeforePictureSeconds * timescaleOf(config);
    this.#units = this.#units.filter(({ track, dtsTicks }) => track !== unit.track || dtsTicks >= oldest);
  }

  #isEnough(unit: TimedUnit, leads: boolean): boolean {
    const config = this.#configOf(unit);
    if (config === undefined) return false;
    const atSeconds = unit.dtsTicks / timescaleOf(config);
    const segmentSeconds = this.#wanted.segmentMs / 1_000;
    this.#firstKeyframeSeconds ??= atSeconds;
    const lengthSeconds = atSeconds - this.#firstKeyframeSeconds;
    if (leads && config.kind === 'audio') return lengthSeconds >= segmentSeconds;
    if (leads && unit.keyframe && lengthSeconds > 0) {
      this.#noteInterval(atSeconds);
      const limit = longestSegmentSeconds(fittingTargetDurationSeconds(segmentSeconds, this.#longestIntervalSeconds));
      if (endsAtKeyframe(lengthSeconds, this.#longestIntervalSeconds, segmentSeconds, limit)) return true;
    } else if (leads && unit.keyframe) {
      this.#lastKeyframeSeconds = atSeconds;
    }
    if (lengthSeconds < longestWaitSeconds && this.#heldBytes < longestWaitBytes) return false;
    this.#noteInterval(atSeconds);
    return true;
  }

  #configOf(unit: TimedUnit): TimedTrack['config'] | undefined {
    return this.#tracks.find(({ track }) => track === unit.track)?.config;
  }

  #noteInterval(atSeconds: number): void {
    this.#longestIntervalSeconds = Math.max(this.#longestIntervalSeconds, atSeconds - this.#lastKeyframeSeconds);
    this.#lastKeyframeSeconds = atSeconds;
  }
}

function frameDurations({ track, config }: TimedTrack, units: readonly TimedUnit[]): FrameDurations {
  return {
    timescale: timescaleOf(config),
    durationsTicks: units.filter((unit) => unit.track === track).map(({ durationTicks }) => durationTicks),
  };
}
