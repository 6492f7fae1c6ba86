import { describe, expect, it } from 'vitest';
import type { CmafTrackConfig } from '../../src/formats/cmaf/cmaf-track.ts';
import { SegmentCutter } from '../../src/policy/segment-cutter.ts';
import { TargetLearner } from '../../src/policy/target-learner.ts';
import type { TimedTrack, TimedUnit } from '../../src/policy/timed-unit.ts';
import { videoConfig } from '../support/synthetic-units.ts';

const timescale = 90_000;
const frameTicks = 3_600;
const gopFrames = 50;
const noBytes = new Uint8Array(0);

interface CutSegment {
  readonly msn: number;
  readonly units: TimedUnit[];
}

/** Six seconds of a picture that is shown from one second on, decoded so many frames sooner than it is shown. */
function picture(track: number, framesAhead: number): TimedUnit[] {
  return Array.from({ length: 3 * gopFrames }, (_, index) => ({
    track,
    dtsTicks: timescale + (index - framesAhead) * frameTicks,
    durationTicks: frameTicks,
    compositionOffsetTicks: framesAhead * frameTicks,
    keyframe: index % gopFrames === 0,
    data: noBytes,
  }));
}

/** What is cut of two pictures with their keyframes at the same times, by track. */
function cutPictures(leaderFramesAhead: number, secondFramesAhead: number): Map<number, CutSegment[]> {
  const segments = new Map<number, CutSegment[]>([0, 1].map((track) => [track, []]));
  const learner = new TargetLearner({ segmentMs: 2_000, partMs: 350 }, (targets) => {
    return new SegmentCutter(targets, {
      onSegmentStart: ({ track }, { msn }) => segments.get(track)?.push({ msn, units: [] }),
      onPart: ({ track }, { units }) =>
        segments
          .get(track)
          ?.at(-1)
          ?.units.push(...units),
      onLastPart: () => undefined,
      onSegmentEnd: () => undefined,
      onGap: () => undefined,
      onRunEnd: () => undefined,
    });
  });
  const config: CmafTrackConfig = videoConfig;
  learner.onEpoch([0, 1].map((track) => ({ track, config: { ...config, trackId: track } })));
  const units = [...picture(0, leaderFramesAhead), ...picture(1, secondFramesAhead)];
  for (const unit of units.sort((a, b) => a.dtsTicks - b.dtsTicks)) learner.onUnit(unit);
  return segments;
}

describe('TargetLearner and SegmentCutter, a second picture with its keyframes at the same times', () => {
  it.each([
    [0, 0],
    [0, 2],
    [0, 5],
    [2, 0],
    [1, 3],
  ])('begins its segments with them, when the leading one is decoded %i frames ahead and it %i', (leader, second) => {
    const segments = cutPictures(leader, second);
    for (const track of [0, 1]) {
      const cut = segments.get(track) ?? [];
      expect(cut.map(({ msn }) => msn)).toEqual([1, 2, 3]);
      const shown = cut.map(({ units: [first] }) => first && first.dtsTicks + first.compositionOffsetTicks);
      expect(shown).toEqual([1, 3, 5].map((seconds) => seconds * timescale));
      expect(cut.every(({ units: [first] }) => first?.keyframe)).toBe(true);
      expect(cut.slice(0, 2).map(({ units }) => units.length)).toEqual([gopFrames, gopFrames]);
    }
  });
});

describe('SegmentCutter, a second picture that stands while the leading one does', () => {
  const targets = { targetDurationSeconds: 2, partTargetMs: 2_500, segmentSeconds: 2 };
  const lasting = (track: number, ...seconds: readonly number[]): TimedUnit[] => {
    let dtsTicks = timescale;
    return seconds.map((lastsSeconds, index) => {
      const durationTicks = Math.round(lastsSeconds * timescale);
      const keyframe = index === 0;
      const unit = { track, dtsTicks, durationTicks, compositionOffsetTicks: 0, keyframe, data: noBytes };
      dtsTicks += durationTicks;
      return unit;
    });
  };

  it('begins no segment in the time that the leading one stands for already', () => {
    const startSeconds = new Map<number, number[]>([0, 1].map((track) => [track, []]));
    const note = ({ track }: TimedTrack, { startTicks }: { readonly startTicks: number }) =>
      startSeconds.get(track)?.push(startTicks / timescale);
    const cutter = new SegmentCutter(targets, {
      onSegmentStart: note,
      onPart: () => undefined,
      onLastPart: () => undefined,
      onSegmentEnd: () => undefined,
      onGap: note,
      onRunEnd: () => undefined,
    });
    cutter.onEpoch([0, 1].map((track) => ({ track, config: { ...videoConfig, trackId: track } })));
    // Each of them stands for longer than the rest of its segment: the leading one until 4.4 s, the other until 4.9 s.
    const units = [...lasting(0, 0.5, 2.9, 1, 1), ...lasting(1, 0.5, 0.5, 2.9, 1)];
    for (const unit of units.sort((a, b) => a.dtsTicks - b.dtsTicks)) cutter.onUnit(unit);
    cutter.flush();
    const [leading = [], second = []] = [startSeconds.get(0), startSeconds.get(1)];
    expect(second).toHaveLength(leading.length);
    second.forEach((seconds, index) => expect(Math.abs(seconds - (leading[index] ?? Number.NaN))).toBeLessThan(0.6));
  });
});
