import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { CmafVideoTrackConfig } from '../formats/cmaf/cmaf-track.ts';
import type { AudioTrackConfig } from '../formats/media/track.ts';
import type { AudioClock } from './timeline-audio.ts';
import { timestampDistanceMs } from './timeline-unwrap.ts';
import type { VideoClock } from './timeline-video.ts';

/** An access unit of a track as it came. */
export interface Arrival {
  readonly track: Track;
  readonly unit: AccessUnit;
  /** The publisher's clock without its wraps: one zero for all tracks. */
  readonly publisherMs: number;
  readonly wallMs: number;
  /** How far the other tracks were then; `undefined` when there were none in this run of time. */
  readonly besideMs: number | undefined;
}

/** What gives its units their times. */
export type TrackClock =
  | { readonly kind: 'video'; readonly config: CmafVideoTrackConfig; readonly clock: VideoClock }
  | { readonly kind: 'audio'; readonly config: AudioTrackConfig; readonly clock: AudioClock };

/** What the timeline knows of one track. */
export interface Track {
  clock: TrackClock;
  /** The last timestamp, as it came and without wraps. */
  timestampMs: number | undefined;
  publisherMs: number;
  /** Added to the publisher's clock while this track alone has jumped; otherwise 0. */
  clampMs: number;
  /** Where the last unit was put, on the publisher's clock; `undefined` before the first one of a run. */
  placedMs: number | undefined;
  /** From the unit before it to that one. */
  stepMs: number;
  /** When that came. */
  placedWallMs: number;
  /** How far the others were then. */
  besideMs: number | undefined;
  /** When the last unit came, held or not. */
  heardWallMs: number;
  /** It has jumped, and is held until the others have shown whether they do too, or itself that it jitters: how far they were then. */
  othersMs: number | undefined;
}

/** A track of which nothing has come yet. */
export function newTrack(clock: TrackClock): Track {
  return {
    clock,
    timestampMs: undefined,
    publisherMs: 0,
    clampMs: 0,
    placedMs: undefined,
    stepMs: 0,
    placedWallMs: 0,
    besideMs: undefined,
    heardWallMs: 0,
    othersMs: undefined,
  };
}

export function hasTimestamp({ timestampMs }: Track): boolean {
  return timestampMs !== undefined;
}

function isPlaced({ placedMs }: Track): boolean {
  return placedMs !== undefined;
}

export function hasNotJumped({ othersMs }: Track): boolean {
  return othersMs === undefined;
}

/** Another track that fits: the first there is. */
export function otherTrack(tracks: Iterable<Track>, track: Track, fits: (other: Track) => boolean): Track | undefined {
  for (const other of tracks) {
    if (other !== track && fits(other)) return other;
  }
  return undefined;
}

/** How far the other tracks are, or those of them that fit; `undefined` when there are none. */
export function othersPlacedMs(
  tracks: Iterable<Track>,
  track: Track,
  fits: (other: Track) => boolean = isPlaced,
): number | undefined {
  let placedMs: number | undefined;
  for (const other of tracks) {
    if (other === track || other.placedMs === undefined || !fits(other)) continue;
    placedMs = Math.max(placedMs ?? other.placedMs, other.placedMs);
  }
  return placedMs;
}

/** What stands further from the media has a clock of its own, or none. */
const nearMediaMs = 10_000;

/**
 * Where a timestamp that belongs to no track lies on the publisher's clock, by the first track that is placed; one that is
 * far from all that comes is taken for now. `undefined` while nothing is placed.
 */
export function placedMsAt(tracks: Iterable<Track>, timestampMs: number): number | undefined {
  for (const track of tracks) {
    if (track.timestampMs === undefined || track.placedMs === undefined || track.othersMs !== undefined) continue;
    const distanceMs = timestampDistanceMs(track.timestampMs, timestampMs);
    return track.placedMs + (Math.abs(distanceMs) <= nearMediaMs ? distanceMs : 0);
  }
  return undefined;
}
