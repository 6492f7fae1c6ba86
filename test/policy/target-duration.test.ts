import { describe, expect, it } from 'vitest';
import { endsAtKeyframe, fittingTargetDurationSeconds } from '../../src/policy/target-duration.ts';

describe('fittingTargetDurationSeconds', () => {
  it.each([
    [2, 2, 2],
    [2, 2.001, 2],
    [2, 1, 2],
    [1, 1, 2],
    [2, 2.4, 3],
    [2, 4, 4],
    [2, 8.333, 9],
    [6, 2, 6],
    [2.4, 1.2, 2],
    [2, 10, 10],
  ])('aiming at %d s with keyframes %d s apart is %d', (segmentSeconds, interval, expected) => {
    expect(fittingTargetDurationSeconds(segmentSeconds, interval)).toBe(expected);
  });
});

describe('endsAtKeyframe', () => {
  it.each([
    ['has reached the aim', 2, 2, true],
    ['is a few milliseconds short of it', 1.98, 0.5, true],
    ['can wait for the next keyframe', 0.8, 0.8, false],
    ['would grow too long by waiting', 1.5, 1.5, true],
  ])('a segment that %s', (_name, length, interval, expected) => {
    expect(endsAtKeyframe(length, interval, 2, 2.478)).toBe(expected);
  });
});
