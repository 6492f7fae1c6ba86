import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TimedUnit } from '../../src/policy/timed-unit.ts';
import { isPicture, RecordedTimeline, startWallMs } from '../support/recorded-timeline.ts';
import { audioConfig, audioUnits, videoConfig, videoUnits } from '../support/synthetic-units.ts';

describe('Timeline, sound that has stopped', () => {
  const end = (unit: TimedUnit) =>
    (unit.dtsTicks + unit.durationTicks) / (isPicture(unit) ? 90_000 : audioConfig.sampleRate);
  /** Sound that is away from 4 to 14 s, and then sent so much later than the pictures of its time. */
  const stopped = (lateMs: number) => {
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    const sound = audioUnits({ seconds: 24 }).filter(({ timestampMs }) => timestampMs < 4_000 || timestampMs > 14_000);
    const sentMs = ({ kind, timestampMs }: AccessUnit) =>
      timestampMs + (kind === 'audio' && timestampMs > 4_000 ? lateMs : 0);
    const units = [...videoUnits({ seconds: 24 }), ...sound].sort((a, b) => sentMs(a) - sentMs(b));
    for (const unit of units) recorded.pushAt(unit, startWallMs + sentMs(unit));
    return recorded.stop();
  };

  it('is followed by silence that stays beside the pictures, not seconds behind', () => {
    const { units } = stopped(0);
    const lagsMs: number[] = [];
    let soundSeconds = 0;
    for (const unit of units) {
      if (!isPicture(unit)) soundSeconds = end(unit);
      else if (end(unit) > 17.5 && end(unit) < 23.5) lagsMs.push((end(unit) - soundSeconds) * 1_000);
    }
    expect(lagsMs.length).toBeGreaterThan(150);
    expect(Math.max(...lagsMs)).toBeLessThan(350);
  });

  it.each([0, 400, 1_500])('is heard when it is back, also sent %i ms late', (lateMs) => {
    const { audio, inserted } = stopped(lateMs);
    for (const [index, unit] of audio.slice(1).entries()) {
      const before = audio[index];
      expect(unit.dtsTicks).toBe((before?.dtsTicks ?? 0) + (before?.durationTicks ?? 0));
    }
    const sentFrames = audioUnits({ seconds: 14 }).length;
    const lateFrames = (lateMs * 48) / 1_024;
    expect(sentFrames - (audio.length - inserted.length)).toBeLessThan(lateFrames + 15);
  });
});
