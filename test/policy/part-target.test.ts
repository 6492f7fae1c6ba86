import { describe, expect, it } from 'vitest';
import { type FrameDurations, fittingPartTargetMs } from '../../src/policy/part-target.ts';

/** Frame durations in whole milliseconds, as FLV counts them. */
function pictures(framesPerSecond: number, seconds = 10): FrameDurations {
  const starts = Array.from({ length: framesPerSecond * seconds + 1 }, (_, index) =>
    Math.round((index * 1_000) / framesPerSecond),
  );
  return { timescale: 1_000, durationsTicks: starts.slice(1).map((start, index) => start - (starts[index] ?? 0)) };
}

const aac = (sampleRate: number, samplesPerFrame = 1_024): FrameDurations => ({
  timescale: sampleRate,
  durationsTicks: Array.from({ length: 50 }, () => samplesPerFrame),
});

describe('fittingPartTargetMs', () => {
  it.each([10, 12, 15, 20, 24, 25, 29.97, 30, 48, 50, 59.94, 60])('takes 350 ms for %d pictures a second', (rate) => {
    expect(fittingPartTargetMs(350, [pictures(rate)])).toBe(350);
  });

  it.each([16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000])('takes 350 ms for AAC at %d Hz', (sampleRate) => {
    expect(fittingPartTargetMs(350, [aac(sampleRate)])).toBe(350);
  });

  it.each([
    ['5 pictures a second', [pictures(5)], 400],
    ['7 pictures a second', [pictures(7)], 430],
    ['1 picture a second', [pictures(1)], 1_000],
    ['AAC at 8 kHz', [aac(8_000)], 390],
    ['HE-AAC at 22.05 kHz', [aac(22_050, 2_048)], 380],
    ['5 pictures a second with AAC at 48 kHz', [pictures(5), aac(48_000)], 400],
  ])('takes the smallest larger one for %s', (_name, tracks, expected) => {
    expect(fittingPartTargetMs(350, tracks)).toBe(expected);
  });

  it('takes what the operator wants where it fits', () => {
    expect(fittingPartTargetMs(200, [pictures(25), aac(48_000)])).toBe(200);
    expect(fittingPartTargetMs(1_000, [pictures(30)])).toBe(1_000);
  });

  it('is not led astray by a hiccup of an otherwise constant rate', () => {
    const { timescale, durationsTicks } = pictures(30);
    const hiccup = durationsTicks.map((ticks, index) => (index === 40 ? 700 : ticks));
    expect(fittingPartTargetMs(350, [{ timescale, durationsTicks: hiccup }])).toBe(350);
  });

  it('never says less than the longest frame of a rate that varies without end', () => {
    const durationsTicks = Array.from({ length: 60 }, (_, index) => (index % 3 === 0 ? 900 : 20));
    const target = fittingPartTargetMs(350, [{ timescale: 1_000, durationsTicks }]);
    expect(target).toBeGreaterThanOrEqual(900);
    expect(target).toBeLessThanOrEqual(3_000);
  });

  it('has an answer without a single frame', () => {
    expect(fittingPartTargetMs(350, [{ timescale: 90_000, durationsTicks: [] }])).toBe(350);
    expect(fittingPartTargetMs(350, [])).toBe(350);
  });
});
