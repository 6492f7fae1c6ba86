import fc from 'fast-check';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { trackNumber } from '../../src/formats/media/track.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits, wireMs } from './synthetic-units.ts';

const slowAudio = { ...audioConfig, sampleRate: 16_000 };

/** Two pictures and two sounds, by the order of their numbers. */
export const faultyConfigs = [
  videoConfig,
  { ...videoConfig, trackId: 1 },
  slowAudio,
  { ...slowAudio, trackId: 1 },
] as const;
const seconds = 12;

/** What goes wrong from one instant to another, with some of the tracks. */
export const timestampFault = fc.record({
  fromMs: fc.integer({ min: 0, max: seconds * 1_000 }),
  lastsMs: fc.oneof(fc.integer({ min: 1, max: 6_000 }), fc.constant(60_000)),
  tracks: fc.subarray(
    faultyConfigs.map((config) => trackNumber(config)),
    { minLength: 1 },
  ),
  kind: fc.oneof(
    fc.record({ kind: fc.constant('shift' as const), byMs: fc.oneof(shift(5_000), shift(90_000), shift(2 ** 32)) }),
    fc.record({ kind: fc.constant('jitter' as const), byMs: fc.integer({ min: 1, max: 900 }) }),
    fc.record({ kind: fc.constant('rate' as const), factor: fc.double({ min: 0, max: 12, noNaN: true }) }),
    fc.record({ kind: fc.constant('wrap' as const), modulus: fc.constantFrom(2 ** 31, 2 ** 32) }),
    fc.record({ kind: fc.constant('silence' as const) }),
    fc.record({ kind: fc.constant('noise' as const) }),
  ),
});
export type TimestampFault = typeof timestampFault extends fc.Arbitrary<infer Value> ? Value : never;

function shift(most: number): fc.Arbitrary<number> {
  return fc.integer({ min: -most, max: most });
}

/** `undefined`: it does not come. */
export function distorted(unit: AccessUnit, faults: readonly TimestampFault[], index: number): AccessUnit | undefined {
  let ms = unit.timestampMs;
  for (const { fromMs, lastsMs, tracks, kind } of faults) {
    if (!tracks.includes(trackNumber(unit)) || unit.timestampMs < fromMs || unit.timestampMs >= fromMs + lastsMs)
      continue;
    const pseudoRandom = (Math.imul(index + 1, 2_654_435_761) >>> 8) / 2 ** 24;
    if (kind.kind === 'silence') return undefined;
    if (kind.kind === 'shift') ms += kind.byMs;
    else if (kind.kind === 'jitter') ms += Math.round((pseudoRandom - 0.5) * 2 * kind.byMs);
    else if (kind.kind === 'rate') ms = Math.round(fromMs + (ms - fromMs) * kind.factor);
    else if (kind.kind === 'wrap') ms = (ms + kind.modulus - fromMs) % kind.modulus;
    else ms = Math.floor(pseudoRandom * 2 ** 32);
  }
  return { ...unit, timestampMs: wireMs(ms) };
}

/** What an encoder means to send. */
export function unitsOfTracks(tracks: readonly number[], framesPerSecond: number, gop: number): AccessUnit[] {
  return interleaved(
    ...faultyConfigs
      .filter((config) => tracks.includes(trackNumber(config)))
      .map((config) =>
        (config.kind === 'video'
          ? videoUnits({ seconds, framesPerSecond, gop })
          : audioUnits({ seconds, config: slowAudio })
        ).map((unit) => ({ ...unit, trackId: config.trackId })),
      ),
  );
}
