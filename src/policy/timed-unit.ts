import type { Sample } from '../formats/cmaf/media-part.ts';
import type { CmafTrackConfig } from '../formats/cmaf/cmaf-track.ts';

/**
 * An access unit that has found its place in time. Times are in ticks of the track's timescale. Its data are lent for the
 * call that brings it: who keeps them copies them.
 */
export interface TimedUnit extends Sample {
  /** That of its `TimedTrack`. */
  readonly track: number;
  readonly dtsTicks: number;
}

/** One track of a stream's media time. */
export interface TimedTrack {
  /** `trackNumber` of a publisher's track; what is made of those has numbers of its own. */
  readonly track: number;
  readonly config: CmafTrackConfig;
}

export const videoTimescale = 90_000;

/** Ticks a second: 90 kHz for video, the sample rate for audio. */
export function timescaleOf(config: CmafTrackConfig): number {
  return config.kind === 'video' ? videoTimescale : config.sampleRate;
}
