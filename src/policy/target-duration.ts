/** Shortest TARGETDURATION: hls.js gives up a blocked reload after 0.8 times it. */
const leastSeconds = 2;
/** A keyframe interval may be this much longer than a whole number of seconds: it still rounds down to it. */
const jitterSeconds = 0.2;
/** EXTINF, rounded to the nearest whole number, must not exceed TARGETDURATION (rfc8216bis §4.4.3.1). */
const roundingSeconds = 0.499;
/** A segment that is shorter than its aim by a few milliseconds has reached it. */
const aimToleranceSeconds = 0.05;

/** What a stream's playlists promise for its whole life, in every rendition. */
export interface PlaylistTargets {
  /** TARGETDURATION: whole seconds. */
  readonly targetDurationSeconds: number;
  /** PART-TARGET. */
  readonly partTargetMs: number;
  /** What segments aim at; they end at the first keyframe from there on. */
  readonly segmentSeconds: number;
}

/** TARGETDURATION for segments of `segmentSeconds` in a stream with keyframes this far apart at most. */
export function fittingTargetDurationSeconds(segmentSeconds: number, longestKeyframeIntervalSeconds: number): number {
  return Math.max(leastSeconds, Math.round(segmentSeconds), Math.ceil(longestKeyframeIntervalSeconds - jitterSeconds));
}

/** The longest that a segment may last. */
export function longestSegmentSeconds(targetDurationSeconds: number): number {
  return targetDurationSeconds + roundingSeconds;
}

/** A segment that is as long as this has reached its aim. */
export function aimedSeconds(segmentSeconds: number): number {
  return segmentSeconds - aimToleranceSeconds;
}

/**
 * Whether a segment of `lengthSeconds` ends at the keyframe that comes now: it has reached its aim, or would grow
 * beyond `limitSeconds` by waiting for the next keyframe.
 */
export function endsAtKeyframe(
  lengthSeconds: number,
  expectedIntervalSeconds: number,
  segmentSeconds: number,
  limitSeconds: number,
): boolean {
  return lengthSeconds >= aimedSeconds(segmentSeconds) || lengthSeconds + expectedIntervalSeconds > limitSeconds;
}

/** From which length on `endsAtKeyframe` says yes. */
export function endsFromSeconds(expectedIntervalSeconds: number, segmentSeconds: number, limitSeconds: number): number {
  return Math.min(aimedSeconds(segmentSeconds), limitSeconds - expectedIntervalSeconds);
}
