import type { CmafTrackConfig } from '../formats/cmaf/cmaf-track.ts';
import type { TimedTrack, TimedUnit } from './timed-unit.ts';

/** Who takes what the timeline gives, in decode order within each track. */
export interface TimelineSink {
  /**
   * A run of continuous time begins, with the tracks it has, video first, then by number. All but the first are
   * discontinuities. Comes before the first access unit of the run.
   */
  onEpoch(tracks: readonly TimedTrack[]): void;
  onUnit(unit: TimedUnit): void;
  /** What `onUnit` will be given next for its track, with the duration that it has if nothing happens. */
  onExpectedUnit(unit: TimedUnit): void;
  /** A track of which nothing had come when the run began: it joins with another run, if something comes. */
  onLateTrack(config: CmafTrackConfig): void;
}
