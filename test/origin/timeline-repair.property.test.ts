import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trackNumber } from '../../src/formats/media/track.ts';
import { farthestApartSeconds, farthestSeconds } from '../support/faulty-stream.ts';
import { faultyConfigs, type TimestampFault, timestampFault } from '../support/timestamp-faults.ts';

/** A segment of it is a gap, and the one before could not say all of its time. */
const soundThatEndsBehindOthers: TimestampFault[] = [
  { fromMs: 5_501, lastsMs: 60_000, tracks: [1, 257], kind: { kind: 'wrap', modulus: 2 ** 31 } },
  { fromMs: 4_710, lastsMs: 2_395, tracks: [256], kind: { kind: 'rate', factor: 0 } },
];

/** Two pictures, each of which lasts by itself a moment longer than a segment may. */
const picturesLongerThanSegments: TimestampFault[] = [
  { fromMs: 66, lastsMs: 1_935, tracks: [0, 1, 257], kind: { kind: 'silence' } },
  { fromMs: 2_501, lastsMs: 60_000, tracks: [0, 1, 257], kind: { kind: 'silence' } },
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
          expect(farthestApartSeconds({ tracks, framesPerSecond, gop, faults })).toBeLessThan(farthestSeconds);
        },
      ),
      {
        numRuns: 20,
        examples: [
          [[1, 256, 257], 10, 5, soundThatEndsBehindOthers],
          [[0, 1], 2, 20, picturesLongerThanSegments],
        ],
      },
    );
  });
});
