import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trackNumber } from '../../src/formats/media/track.ts';
import { type TimedTrack, timescaleOf } from '../../src/policy/timed-unit.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { videoConfig } from '../support/synthetic-units.ts';
import {
  distorted,
  faultyConfigs,
  type TimestampFault,
  timestampFault,
  unitsOfTracks,
} from '../support/timestamp-faults.ts';

/** Three that are let pass, three of a jump that is judged, and what is held meanwhile. */
const farthestSeconds = 8;

/** A segment of it is a gap, and the one before could not say all of its time. */
const soundThatEndsBehindOthers: TimestampFault[] = [
  { fromMs: 5_501, lastsMs: 60_000, tracks: [1, 257], kind: { kind: 'wrap', modulus: 2 ** 31 } },
  { fromMs: 4_710, lastsMs: 2_395, tracks: [256], kind: { kind: 'rate', factor: 0 } },
];

describe('whatever timestamps come', () => {
  it('decode times increase, tracks stay together, and playlists keep every rule', () => {
    fc.assert(
      fc.property(
        fc.subarray(
          faultyConfigs.map((config) => trackNumber(config)),
          { minLength: 1 },
        ),
        fc.constantFrom(2, 10, 15),
        fc.constantFrom(5, 20, 60, 10_000),
        fc.array(timestampFault, { maxLength: 4 }),
        (tracks, framesPerSecond, gop, faults) => {
          const published = new PublishedStream({ window: '8s' });
          let timed: readonly TimedTrack[] = [];
          const ends = new Map<number, number>();
          let inRun = new Set<number>();
          // When each track was sent last.
          const lastSent = new Map<number, number>();
          let nowMs = 0;
          published.packager.listen({
            onEpoch: (those) => {
              timed = those;
              inRun = new Set();
            },
            onUnit: ({ track, dtsTicks, durationTicks }) => {
              const config = timed.find((candidate) => candidate.track === track)?.config ?? videoConfig;
              expect(durationTicks).toBeGreaterThan(0);
              expect(dtsTicks / timescaleOf(config)).toBeGreaterThanOrEqual((ends.get(track) ?? 0) - 1e-9);
              const endSeconds = (dtsTicks + durationTicks) / timescaleOf(config);
              ends.set(track, endSeconds);
              inRun.add(track);
              for (const other of inRun) {
                if (nowMs - (lastSent.get(track) ?? 0) > 1_000 || nowMs - (lastSent.get(other) ?? 0) > 1_000) continue;
                expect(Math.abs(endSeconds - (ends.get(other) ?? endSeconds))).toBeLessThan(farthestSeconds);
              }
            },
            onRunEnd: () => {},
          });
          const sent = unitsOfTracks(tracks, framesPerSecond, gop).flatMap((unit, index) => {
            const wrong = distorted(unit, faults, index);
            return wrong === undefined ? [] : [{ unit, wrong }];
          });
          const wrongs = new Map(sent.map(({ unit, wrong }) => [unit, wrong]));
          published.start(faultyConfigs.filter((config) => tracks.includes(trackNumber(config))));
          published.send(
            sent.map(({ unit }) => unit),
            (unit) => {
              nowMs = unit.timestampMs;
              lastSent.set(trackNumber(unit), nowMs);
              return wrongs.get(unit) ?? unit;
            },
          );
          // Throws where a playlist is not as it must be.
          published.end();
        },
      ),
      { numRuns: 20, examples: [[[1, 256, 257], 10, 5, soundThatEndsBehindOthers]] },
    );
  });
});
