import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { RecordedTimeline, startWallMs } from '../support/recorded-timeline.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits, wireMs } from '../support/synthetic-units.ts';

const seconds = 12;
const both = interleaved(videoUnits({ seconds }), audioUnits({ seconds }));

/** Each unit comes when it is meant to, and says what is `wrong` instead. */
function sent(units: readonly AccessUnit[], wrong: (meantMs: number, index: number) => number): RecordedTimeline {
  const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
  units.forEach((unit, index) => {
    const timestampMs = wireMs(100_000 + wrong(unit.timestampMs, index));
    recorded.pushAt({ ...unit, timestampMs }, startWallMs + unit.timestampMs);
  });
  return recorded;
}

/** Where the last of its pictures ends, from the first on. */
function lengthMs({ video }: RecordedTimeline): number {
  const [first, last] = [video[0], video.at(-1)];
  return ((last?.dtsTicks ?? 0) + (last?.durationTicks ?? 0) - (first?.dtsTicks ?? 0)) / 90;
}

describe('Timeline, tracks that all step back', () => {
  it.each([600, 750, 900])('takes jitter of %d ms for no new run, and stays with the wall clock', (mostMs) => {
    const jitterMs = (index: number) => ((Math.imul(index + 1, 2_654_435_761) >>> 8) / 2 ** 23 - 1) * mostMs;
    const recorded = sent(both, (meantMs, index) => meantMs + Math.round(jitterMs(index))).stop();
    expect(recorded.epochs).toHaveLength(1);
    expect(recorded.video).toHaveLength(seconds * 30);
    expect(Math.abs(lengthMs(recorded) - seconds * 1_000)).toBeLessThan(2 * mostMs);
  });

  it.each([800, 2_000, 2_900])('begins a new run where they go on in order from %d ms before', (backMs) => {
    const recorded = sent(both, (meantMs) => (meantMs < 6_000 ? meantMs : meantMs - backMs));
    recorded.stop();
    expect(recorded.epochs).toHaveLength(2);
    expect(recorded.units).toHaveLength(both.length);
    expect(Math.abs(lengthMs(recorded) - seconds * 1_000)).toBeLessThan(150);
  });

  it('holds them for a fifth of a second at most until that is known', () => {
    const recorded = sent(
      both.filter(({ timestampMs }) => timestampMs < 6_200),
      (meantMs) => (meantMs < 6_000 ? meantMs : meantMs - 2_000),
    );
    expect(recorded.epochs).toHaveLength(2);
  });
});

describe('Timeline, a track that runs faster than time once it has jumped', () => {
  it('is held for three seconds of its media at most while another stands still', () => {
    const meantUnits = interleaved(videoUnits({ seconds, framesPerSecond: 10 }), audioUnits({ seconds }));
    const recorded = new RecordedTimeline().start(videoConfig, audioConfig);
    let [beforeMs, mostMs] = [0, 0];
    for (const unit of meantUnits) {
      const { kind, timestampMs: meantMs } = unit;
      const fastMs = meantMs < 4_000 ? meantMs + 50_000 : (meantMs - 4_000) * 12;
      recorded.pushAt({ ...unit, timestampMs: kind === 'video' ? fastMs : 50_000 }, startWallMs + meantMs);
      const nowMs = lengthMs(recorded);
      mostMs = Math.max(mostMs, nowMs - beforeMs);
      beforeMs = nowMs;
    }
    expect(recorded.epochs.length).toBeGreaterThan(1);
    expect(mostMs).toBeLessThan(5_000);
  });
});
