import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlayTimeline } from '../../src/policy/play-timeline.ts';

const video = 0;
const audio = 256;

/** How far `to` lies after `from`, the shorter way round the 32 bits. */
function stepMs(from: number, to: number): number {
  return (to - from) | 0;
}

describe('PlayTimeline', () => {
  it('leaves the timestamps of a publisher as they are, also where they wrap', () => {
    const timeline = new PlayTimeline();
    for (const timestampMs of [4_294_967_280, 4_294_967_290, 4, 14, 20_000]) {
      expect(timeline.advance(video, timestampMs)).toBe(timestampMs);
    }
  });

  it('continues with the next publisher where the last one ended, whatever its clock says', () => {
    for (const next of [0, 5_000, 4_000_000_000]) {
      const timeline = new PlayTimeline();
      timeline.restart();
      timeline.advance(video, 60_000);
      timeline.advance(audio, 60_010);
      timeline.restart();
      const first = timeline.advance(video, next);
      expect(stepMs(60_010, first)).toBeGreaterThan(0);
      expect(stepMs(60_010, first)).toBeLessThan(100);
      // The tracks of the next publisher stay together.
      expect(stepMs(first, timeline.advance(audio, (next + 7) >>> 0))).toBe(7);
    }
  });

  it.each([20, 21, 33, 60])(
    'gives no two units of a track the same time where sound begins %d ms before',
    (beforeMs) => {
      const timeline = new PlayTimeline();
      timeline.advance(audio, 59_990);
      timeline.advance(video, 60_000);
      timeline.advance(audio, 60_010);
      timeline.restart();
      timeline.advance(video, 5_000);
      const sound = [0, 23, 46, 69].map((ms) => timeline.advance(audio, 5_000 - beforeMs + ms));
      expect(sound[0]).toBeGreaterThan(60_010);
      expect(new Set(sound).size).toBe(sound.length);
      expect(sound.at(-1)).toBe(60_030 - beforeMs + 69);
    },
  );

  it('continues where the clock of an encoder is set back, and lets no jitter through', () => {
    const timeline = new PlayTimeline();
    timeline.advance(video, 10_000);
    expect(timeline.advance(video, 9_980)).toBe(10_001);
    expect(timeline.advance(video, 10_040)).toBe(10_040);
    const afterJump = timeline.advance(video, 1_000);
    expect(stepMs(10_040, afterJump)).toBeGreaterThan(0);
    expect(timeline.advance(video, 1_040)).toBe(afterJump + 40);
  });

  it('brings a track that is half the range of 32 bits away to the others', () => {
    const timeline = new PlayTimeline();
    timeline.advance(video, 0x7f_ff_ff_ff);
    const first = timeline.advance(audio, 0);
    expect(stepMs(0x7f_ff_ff_ff, first)).toBe(20);
    expect(stepMs(first, timeline.advance(audio, 0x7f_ff_ff_ff))).toBeGreaterThan(0);
  });

  it('never goes back in any track, whatever the publishers send', () => {
    const events = fc.array(
      fc.record({
        track: fc.constantFrom(video, audio),
        timestampMs: fc.integer({ min: 0, max: 0x7f_ff_ff_ff }),
        restart: fc.boolean(),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(events, (sent) => {
        const timeline = new PlayTimeline();
        const latest = new Map<number, number>();
        for (const { track, timestampMs, restart } of sent) {
          if (restart) timeline.restart();
          const playedMs = timeline.advance(track, timestampMs);
          const before = latest.get(track);
          if (before !== undefined) expect(stepMs(before, playedMs)).toBeGreaterThanOrEqual(0);
          expect(playedMs).toBe(playedMs >>> 0);
          latest.set(track, playedMs);
        }
      }),
    );
  });
});
