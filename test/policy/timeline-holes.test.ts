import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TimedUnit } from '../../src/policy/timed-unit.ts';
import { RecordedTimeline, startWallMs } from '../support/recorded-timeline.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits, wireMs } from '../support/synthetic-units.ts';

const away = (unit: AccessUnit, ms: number): AccessUnit => ({ ...unit, timestampMs: wireMs(unit.timestampMs + ms) });

describe('Timeline, pictures that are back after a hole', () => {
  const sound = audioUnits({ seconds: 16 });
  const pictures = videoUnits({ seconds: 16 }).filter(({ timestampMs }) => timestampMs < 3_000 || timestampMs >= 8_000);
  const endMs = ({ dtsTicks, durationTicks }: TimedUnit) => (dtsTicks + durationTicks) / 90 - 10_000;
  /** Until then all come when they are meant to; the pictures after the hole have jumped. */
  const sentUntil = (untilMs: number) => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    for (const unit of interleaved(pictures, sound).filter(({ timestampMs }) => timestampMs <= untilMs)) {
      const hasJumped = unit.kind === 'video' && unit.timestampMs >= 8_000;
      recorded.pushAt(hasJumped ? away(unit, 500_000) : unit, startWallMs + unit.timestampMs);
    }
    return recorded;
  };

  it('go on beside the sound when their timestamps have jumped meanwhile', () => {
    const { epochs, video } = sentUntil(16_000).stop();
    expect(epochs).toHaveLength(1);
    expect(video).toHaveLength(pictures.length);
    expect(Math.abs(endMs(video[89] as TimedUnit) - 8_000)).toBeLessThan(100);
    expect(Math.abs(endMs(video.at(-1) as TimedUnit) - 16_000)).toBeLessThan(100);
  });

  it('end the hole before it is known whether they have jumped alone', () => {
    const { video } = sentUntil(8_000);
    expect(video).toHaveLength(90);
    expect(Math.abs(endMs(video[89] as TimedUnit) - 8_000)).toBeLessThan(100);
  });

  it('do not last as long as the hole when nothing follows', () => {
    const untilBack = videoUnits({ seconds: 9 }).filter(
      ({ timestampMs }) => timestampMs < 1_000 || timestampMs === 8_000,
    );
    const heard = audioUnits({ seconds: 8 });
    const { video } = new RecordedTimeline().start(videoConfig, audioConfig).push(interleaved(untilBack, heard)).stop();
    expect(video).toHaveLength(31);
    expect(endMs(video[30] as TimedUnit)).toBeLessThanOrEqual(9_000);
  });
});
