import { expect } from 'vitest';
import { trackNumber } from '../../src/formats/media/track.ts';
import { type TimedTrack, timescaleOf } from '../../src/policy/timed-unit.ts';
import { PublishedStream } from './published-stream.ts';
import { videoConfig } from './synthetic-units.ts';
import { distorted, faultyConfigs, type TimestampFault, unitsOfTracks } from './timestamp-faults.ts';

/** Some tracks of a publisher, and what is wrong with their timestamps. */
export interface FaultyStream {
  readonly tracks: readonly number[];
  readonly framesPerSecond: number;
  readonly gop: number;
  readonly faults: readonly TimestampFault[];
}

/** Three that are let pass, three of a jump that is judged, and what is held meanwhile. */
export const farthestSeconds = 8;

/** Its tracks stay together, its decode times increase, and its playlists are as they must be. */
export function expectKept(_case: string, stream: FaultyStream): void {
  expect(farthestApartSeconds(stream)).toBeLessThan(farthestSeconds);
}

/**
 * How far apart the ends of two tracks were at most, in seconds, while both were sent. Throws where decode times do not
 * increase or a playlist is not as it must be.
 */
export function farthestApartSeconds({ tracks, framesPerSecond, gop, faults }: FaultyStream): number {
  const published = new PublishedStream({ window: '8s' });
  let timed: readonly TimedTrack[] = [];
  let farthest = 0;
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
        farthest = Math.max(farthest, Math.abs(endSeconds - (ends.get(other) ?? endSeconds)));
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
  published.end();
  return farthest;
}
