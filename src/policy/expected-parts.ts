import type { KeyframeRhythm } from './keyframe-rhythm.ts';
import type { PartCutter } from './part-cutter.ts';
import type { ExpectedPart } from './part-forecast.ts';
import { aimedSeconds, endsFromSeconds } from './target-duration.ts';

/** What is known of a run of time of which parts are cut. */
export interface RunSoFar {
  /** Of the leading track. */
  readonly keyframes: KeyframeRhythm;
  /** How long the last unit of the leading track lasts. */
  readonly unitSeconds: number;
  /** The aim of a segment. */
  readonly segmentSeconds: number;
  /** No segment of the leading track may last longer. */
  readonly limitSeconds: number;
}

/** The next parts of the leading track and of those that follow it; empty while that of the leading one is not to be foreseen. */
export function expectedParts(leader: PartCutter, following: readonly PartCutter[], run: RunSoFar): ExpectedPart[] {
  const { fillsAtSeconds } = leader;
  if (fillsAtSeconds === undefined) return [];
  const leading = leader.track.track;
  const expected = [{ track: leading, atSeconds: Math.min(fillsAtSeconds, lastPartSeconds(leader, run)) }];
  for (const cutter of following) {
    const atSeconds = cutter.fillsAtSeconds;
    if (atSeconds === undefined) continue;
    const aheadUnits = (atSeconds - leader.endSeconds) / run.unitSeconds;
    // What is ahead of the leading track goes out when that has passed it: a unit is known to be over by the next one.
    if (aheadUnits < 0) expected.push({ track: cutter.track.track, atSeconds });
    else expected.push({ track: leading, atSeconds: atSeconds + (1 - (aheadUnits % 1)) * run.unitSeconds });
  }
  return expected;
}

/** Decode time of the unit with which the last part of this segment probably goes out, which may be a short one, or its end. */
function lastPartSeconds({ endSeconds, segment, track }: PartCutter, run: RunSoFar): number {
  const { keyframes, unitSeconds } = run;
  const startSeconds = segment?.startSeconds ?? endSeconds;
  const latestSeconds = startSeconds + run.limitSeconds - unitSeconds;
  if (track.config.kind === 'audio') return Math.min(startSeconds + aimedSeconds(run.segmentSeconds), latestSeconds);
  const regularSeconds = regularEndSeconds(startSeconds, run);
  if (regularSeconds !== undefined && endSeconds < regularSeconds - unitSeconds / 2) {
    return Math.min(regularSeconds - unitSeconds, latestSeconds);
  }
  // Its parts are out, but that it has ended shows the picture after the keyframe.
  if (regularSeconds !== undefined && endSeconds < regularSeconds + unitSeconds / 2) {
    return regularSeconds + unitSeconds;
  }
  const keyframeSeconds = (keyframes.latestSeconds ?? endSeconds) + keyframes.shortestSeconds;
  // It has not come where it was to be expected.
  if (endSeconds > keyframeSeconds + 2 * unitSeconds) return latestSeconds;
  return Math.min(keyframeSeconds, latestSeconds);
}

/** Decode time of the keyframe that ends the segment which begins at `startSeconds`, if they come at regular distances. */
function regularEndSeconds(startSeconds: number, run: RunSoFar): number | undefined {
  const { keyframes, unitSeconds, segmentSeconds, limitSeconds } = run;
  const { latestSeconds: fromSeconds } = keyframes;
  const intervalSeconds = keyframes.regularSeconds(unitSeconds);
  if (intervalSeconds === undefined || fromSeconds === undefined) return undefined;
  const nextSeconds = fromSeconds + intervalSeconds;
  const leastSeconds = endsFromSeconds(intervalSeconds, segmentSeconds, limitSeconds);
  const further = Math.ceil((startSeconds + leastSeconds - nextSeconds) / intervalSeconds - 0.01);
  return nextSeconds + Math.max(0, further) * intervalSeconds;
}
