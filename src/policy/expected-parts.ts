import { type BoundaryFollower, soundAheadSeconds } from './boundary-follower.ts';
import type { KeyframeRhythm, SegmentEnds } from './keyframe-rhythm.ts';
import type { PartCutter } from './part-cutter.ts';
import type { ExpectedPart } from './part-forecast.ts';
import { aimedSeconds, endsFromSeconds } from './target-duration.ts';

/** What is known of a run of time of which parts are cut. */
export interface RunSoFar extends SegmentEnds {
  /** Of the leading track. */
  readonly keyframes: KeyframeRhythm;
  /** Where the newest segment is to end, if that is to be foreseen. */
  readonly endsAtSeconds: number | undefined;
}

/** The next parts of the leading track and of those that follow it; empty while that of the leading one is not to be foreseen. */
export function expectedParts(
  leader: PartCutter,
  following: readonly BoundaryFollower[],
  run: RunSoFar,
): ExpectedPart[] {
  const { fillsAtSeconds } = leader;
  if (fillsAtSeconds === undefined) return [];
  const leading = leader.track.track;
  const expected: ExpectedPart[] = [
    [{ track: leading, atSeconds: Math.min(fillsAtSeconds, lastPartSeconds(leader, run)) }],
  ];
  for (const { cutter } of following) {
    const { track, config } = cutter.track;
    const atSeconds = cutter.fillsAtSeconds;
    if (atSeconds === undefined) continue;
    if (config.kind === 'audio') {
      expected.push(...soundParts(leader, cutter, atSeconds, run));
    } else {
      const aheadUnits = (atSeconds - leader.endSeconds) / run.unitSeconds;
      // What is ahead of the leading track goes out when that has passed it: a unit is known to be over by the next one.
      if (aheadUnits < 0) expected.push([{ track, atSeconds }]);
      else expected.push([{ track: leading, atSeconds: atSeconds + (1 - (aheadUnits % 1)) * run.unitSeconds }]);
    }
  }
  return expected;
}

/** Sound goes out when it comes, if it is not far ahead of the pictures. */
function soundParts(leader: PartCutter, sound: PartCutter, fillsAtSeconds: number, run: RunSoFar): ExpectedPart[] {
  const { track } = sound.track;
  const { unitSeconds } = run;
  // That its segment has ended shows the next unit.
  const nextSeconds = sound.isComplete ? sound.endSeconds : fillsAtSeconds;
  const { endsAtSeconds } = run;
  const aheadSeconds = soundAheadSeconds(endsAtSeconds !== undefined);
  // At a constant rate a picture is known to last as long as the one before it.
  const aheadUnits = Math.ceil((nextSeconds - aheadSeconds - leader.endSeconds) / unitSeconds - 1);
  const next: ExpectedPart = [
    { track, atSeconds: nextSeconds },
    { track: leader.track.track, atSeconds: leader.endSeconds + aheadUnits * unitSeconds },
  ];
  if (endsAtSeconds === undefined) return [next];
  const leftUnits = (endsAtSeconds - sound.endSeconds) / sound.unitSeconds;
  const lastSeconds = sound.endSeconds + Math.max(0, Math.ceil(leftUnits - 0.05) - 1) * sound.unitSeconds;
  if (leftUnits <= 0 || lastSeconds >= fillsAtSeconds) return [next];
  return [next, [{ track, atSeconds: lastSeconds }]];
}

/** Decode time of the unit with which the last part of this segment probably goes out, which may be a short one, or its end. */
function lastPartSeconds({ endSeconds, segment, track, isComplete }: PartCutter, run: RunSoFar): number {
  const { keyframes, unitSeconds } = run;
  const isSound = track.config.kind === 'audio';
  // Its parts are out, but that it has ended shows what comes next; of pictures, when it is known how long that lasts.
  if (isComplete) return isSound ? endSeconds : endSeconds + unitSeconds;
  const startSeconds = segment?.startSeconds ?? endSeconds;
  const latestSeconds = startSeconds + run.limitSeconds - unitSeconds;
  if (isSound) return Math.min(startSeconds + aimedSeconds(run.segmentSeconds) - unitSeconds, latestSeconds);
  const regularSeconds = keyframes.endOfSegment(startSeconds, run);
  if (regularSeconds !== undefined && endSeconds < regularSeconds - unitSeconds / 2) {
    return Math.min(regularSeconds - unitSeconds, latestSeconds);
  }
  // From here on each keyframe ends it.
  const endsSeconds = startSeconds + endsFromSeconds(keyframes.longestSeconds, run.segmentSeconds, run.limitSeconds);
  if (keyframes.isVaried(unitSeconds)) return Math.min(endsSeconds, latestSeconds);
  const keyframeSeconds = (keyframes.latestSeconds ?? endSeconds) + keyframes.shortestSeconds;
  return Math.min(Math.max(endsSeconds, keyframeSeconds), latestSeconds);
}
