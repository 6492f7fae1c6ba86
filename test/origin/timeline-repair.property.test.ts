import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trackNumber } from '../../src/formats/media/track.ts';
import { type TimedTrack, timescaleOf } from '../../src/policy/timed-unit.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { videoConfig } from '../support/synthetic-units.ts';
import { distorted, faultyConfigs, timestampFault, unitsOfTracks } from '../support/timestamp-faults.ts';

describe('whatever timestamps come', () => {
  it('decode times increase, nothing is put far from when it came, and playlists keep every rule', () => {
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
          published.packager.listen({
            onEpoch: (those) => {
              timed = those;
            },
            onUnit: ({ track, dtsTicks, durationTicks }) => {
              const config = timed.find((candidate) => candidate.track === track)?.config ?? videoConfig;
              expect(durationTicks).toBeGreaterThan(0);
              expect(dtsTicks / timescaleOf(config)).toBeGreaterThanOrEqual((ends.get(track) ?? 0) - 1e-9);
              ends.set(track, (dtsTicks + durationTicks) / timescaleOf(config));
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
            (unit) => wrongs.get(unit) ?? unit,
          );
          // Throws where a playlist is not as it must be.
          published.end();
        },
      ),
      { numRuns: 20 },
    );
  });
});
