import { describe, expect, it } from 'vitest';
import { withOwnData } from '../../src/base/own-copies.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import { type TimedTrack, type TimedUnit, timescaleOf } from '../../src/policy/timed-unit.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits, wireMs } from '../support/synthetic-units.ts';

/** A stream that breaks a rule of timestamps, and what players are to see of it. */
interface BrokenStream {
  readonly name: string;
  /** As the encoder meant it: when each unit comes, and with which time if nothing went wrong. */
  readonly units: readonly AccessUnit[];
  /** What it says instead; `atMs` is what it should say. */
  readonly says?: (unit: AccessUnit, atMs: number) => number;
  readonly configs?: readonly TrackConfig[];
  readonly discontinuities?: number;
  /** How far from its true time anything may be put. */
  readonly toleranceMs?: number;
  /** Of sound, that stands for what was not sent. */
  readonly inserted?: readonly [atLeast: number, atMost: number];
}

const both = (seconds: number, fromMs = 0) =>
  interleaved(videoUnits({ seconds, fromMs }), audioUnits({ seconds, fromMs }));
const isVideo = ({ kind }: AccessUnit) => kind === 'video';
const between = (atMs: number, fromMs: number, untilMs: number) => atMs >= fromMs && atMs < untilMs;
const without = (units: readonly AccessUnit[], kind: 'video' | 'audio', fromMs: number, untilMs: number) =>
  units.filter((unit) => unit.kind !== kind || !between(unit.timestampMs, fromMs, untilMs));
const ofTrack = (units: readonly AccessUnit[], trackId: number) => units.map((unit) => ({ ...unit, trackId }));
const fiveTracks = (seconds: number) =>
  interleaved(
    both(seconds),
    ofTrack(videoUnits({ seconds }), 1),
    ofTrack(audioUnits({ seconds }), 1),
    ofTrack(audioUnits({ seconds }), 2),
  );
const fiveConfigs: readonly TrackConfig[] = [
  videoConfig,
  { ...videoConfig, trackId: 1 },
  audioConfig,
  { ...audioConfig, trackId: 1 },
  { ...audioConfig, trackId: 2 },
];
/** Pictures that last as long as these say, in ms, over and over. */
const pictures = (seconds: number, lastMs: readonly number[], gop = 60): AccessUnit[] => {
  const units: AccessUnit[] = [];
  for (let atMs = 0, index = 0; atMs < seconds * 1_000; atMs += lastMs[index++ % lastMs.length] ?? 1_000) {
    units.push({
      kind: 'video',
      trackId: 0,
      timestampMs: atMs,
      keyframe: index % gop === 0,
      compositionOffsetMs: 0,
      data: Uint8Array.of(index),
    });
  }
  return units;
};
/** As x264 orders them: I, then B, P, B, … with two pictures of reordering. */
const reordered = [66, 133, 33, 0] as const;

const streams: readonly BrokenStream[] = [
  { name: 'one that is in order', units: both(20) },
  { name: 'timestamps that begin near 2^32', units: both(20), says: (_, ms) => ms + 2 ** 32 - 30 },
  { name: 'a wrap at 2^32', units: both(20), says: (_, ms) => ms + 2 ** 32 - 10_000 },
  { name: 'a wrap at 2^31', units: both(20), says: (_, ms) => (ms + 2 ** 31 - 10_000) % 2 ** 31 },
  {
    name: 'a wrap at 2^31 of the pictures, at 2^32 of the sound',
    units: both(20),
    says: (unit, ms) => (isVideo(unit) ? (ms + 2 ** 31 - 10_000) % 2 ** 31 : ms + 2 ** 31 - 10_000),
  },
  {
    name: 'pictures that jump ahead by a minute',
    units: both(20),
    says: (unit, ms) => (isVideo(unit) && ms >= 9_000 ? ms + 60_000 : ms),
  },
  {
    name: 'sound that jumps ahead by a minute',
    units: both(20),
    says: (unit, ms) => (!isVideo(unit) && ms >= 9_000 ? ms + 60_000 : ms),
  },
  {
    name: 'pictures that jump back by a minute',
    units: both(20),
    says: (unit, ms) => (isVideo(unit) && ms >= 9_000 ? ms + 40_000 : ms + 100_000),
  },
  {
    name: 'sound that jumps back to zero',
    units: both(20),
    says: (unit, ms) => (!isVideo(unit) && ms >= 9_000 ? ms - 9_000 : ms + 100_000),
  },
  {
    name: 'pictures that jump ahead and come back',
    units: both(24),
    says: (unit, ms) => (isVideo(unit) && between(ms, 8_000, 14_000) ? ms + 60_000 : ms),
  },
  {
    name: 'one timestamp of nonsense',
    units: both(20),
    says: (unit, ms) => (isVideo(unit) && between(ms, 9_000, 9_030) ? 3_141_592_653 : ms),
  },
  {
    name: 'both ahead by a minute',
    units: both(20),
    says: (_, ms) => (ms < 9_000 ? ms : ms + 60_000),
    discontinuities: 1,
  },
  {
    name: 'both back to zero',
    units: both(20),
    says: (_, ms) => (ms < 9_000 ? ms + 500_000 : ms - 9_000),
    discontinuities: 1,
  },
  {
    name: 'both ahead, twice',
    units: both(20),
    says: (_, ms) => (ms < 7_000 ? ms : ms < 13_000 ? ms + 60_000 : ms + 120_000),
    discontinuities: 2,
  },
  {
    name: 'both ahead, by different amounts',
    units: both(20),
    says: (unit, ms) => (ms < 9_000 ? ms : ms + (isVideo(unit) ? 60_000 : 90_000)),
    discontinuities: 1,
  },
  {
    name: 'pictures that step back by 200 ms now and then',
    units: both(20),
    says: (unit, ms) => (isVideo(unit) && ms % 3_000 < 34 ? Math.max(0, ms - 200) : ms),
  },
  { name: 'timestamps that stand still for 100 ms at a time', units: both(20), says: (_, ms) => ms - (ms % 100) },
  {
    name: 'B-frames',
    units: both(20).map((unit, index) =>
      unit.kind === 'video' ? { ...unit, compositionOffsetMs: reordered[index % reordered.length] ?? 0 } : unit,
    ),
  },
  {
    name: 'composition offsets below zero',
    units: both(20).map((unit) => (unit.kind === 'video' ? { ...unit, compositionOffsetMs: -40 } : unit)),
  },
  {
    name: 'a picture rate that varies',
    units: interleaved(pictures(20, [16, 33, 100, 17, 67]), audioUnits({ seconds: 20 })),
  },
  {
    name: 'a screen that is still most of the time',
    units: interleaved(pictures(30, [1_000, 33, 33, 700, 33], 20), audioUnits({ seconds: 30 })),
  },
  {
    name: 'one picture a second',
    units: interleaved(pictures(30, [1_000], 2), audioUnits({ seconds: 30 })),
  },
  { name: 'one picture a second, without sound', units: pictures(30, [1_000], 2) },
  {
    name: 'a pause of the encoder of 400 ms',
    units: without(both(20), 'video', 9_100, 9_500),
  },
  { name: 'a pause of the encoder of 1.2 s', units: without(both(20), 'video', 9_100, 10_300) },
  { name: 'a pause just before a keyframe', units: without(both(20), 'video', 9_500, 9_990) },
  { name: 'a pause over a keyframe', units: without(both(20), 'video', 9_500, 10_500) },
  { name: 'a pause of the encoder of 2.2 s', units: without(both(20), 'video', 9_100, 11_300) },
  { name: 'pictures that are away for five seconds', units: without(both(24), 'video', 9_100, 14_100) },
  { name: 'pictures alone with a pause of 2.9 s', units: without(videoUnits({ seconds: 20 }), 'video', 9_100, 12_000) },
  {
    name: 'pictures alone with a pause of six seconds',
    units: without(videoUnits({ seconds: 20 }), 'video', 9_100, 15_100),
    discontinuities: 1,
  },
  {
    name: 'both tracks with a pause of 2.9 s',
    units: without(without(both(20), 'video', 9_100, 12_000), 'audio', 9_100, 12_000),
  },
  { name: 'a gap in the sound of 30 ms', units: without(both(20), 'audio', 9_000, 9_030), inserted: [0, 0] },
  { name: 'a gap in the sound of 80 ms', units: without(both(20), 'audio', 9_000, 9_080), inserted: [0, 0] },
  {
    name: 'a gap in the sound of 200 ms',
    units: without(both(20), 'audio', 9_000, 9_200),
    inserted: [4, 10],
    // One frame after the other.
    toleranceMs: 220,
  },
  { name: 'a gap in the sound of 700 ms', units: without(both(20), 'audio', 9_000, 9_700), inserted: [31, 34] },
  {
    name: 'a gap in the sound of eight seconds',
    units: without(both(30), 'audio', 9_000, 17_000),
    inserted: [370, 378],
  },
  {
    name: 'sound that drifts by 0.2 %',
    units: both(60),
    says: (unit, ms) => (isVideo(unit) ? ms : ms * 1.002),
    toleranceMs: 250,
  },
  {
    name: 'pictures whose clock runs away bit by bit',
    units: both(20),
    says: (unit, ms) => (isVideo(unit) && ms >= 6_000 ? ms + (ms - 6_000) * 9 : ms),
    toleranceMs: 4_500,
  },
  {
    name: 'sound whose clock creeps',
    units: both(20),
    says: (unit, ms) => (!isVideo(unit) && ms >= 6_000 ? 6_000 + (ms - 6_000) / 4 : ms),
    toleranceMs: 4_500,
  },
  { name: 'sound that ends for good', units: without(both(30), 'audio', 9_000, 40_000) },
  { name: 'pictures that end for good', units: without(both(30), 'video', 9_000, 40_000) },
  { name: 'sound alone', units: audioUnits({ seconds: 20 }) },
  {
    name: 'sound alone over a wrap at 2^31',
    units: audioUnits({ seconds: 20 }),
    says: (_, ms) => (ms + 2 ** 31 - 9_000) % 2 ** 31,
  },
  {
    name: 'sound alone that jumps',
    units: audioUnits({ seconds: 20 }),
    says: (_, ms) => (ms < 9_000 ? ms : ms + 60_000),
    discontinuities: 1,
  },
  { name: 'pictures alone', units: videoUnits({ seconds: 20 }) },
  {
    name: 'one keyframe in ten minutes',
    units: videoUnits({ seconds: 620, framesPerSecond: 1, gop: 600 }),
  },
  { name: 'five tracks', units: fiveTracks(16), configs: fiveConfigs },
  {
    name: 'five tracks over a wrap at 2^31',
    units: fiveTracks(16),
    configs: fiveConfigs,
    says: (_, ms) => (ms + 2 ** 31 - 9_000) % 2 ** 31,
  },
  {
    name: 'five tracks of which two jump',
    units: fiveTracks(16),
    configs: fiveConfigs,
    says: (unit, ms) => (unit.trackId === 1 && ms >= 7_000 ? ms + 60_000 : ms),
  },
  {
    name: 'five tracks that all jump',
    units: fiveTracks(16),
    configs: fiveConfigs,
    says: (_, ms) => (ms < 7_000 ? ms : ms + 60_000),
    discontinuities: 1,
  },
  {
    name: 'five tracks of which one ends and the others jump later',
    units: fiveTracks(24).filter((unit) => unit.kind === 'video' || unit.trackId !== 2 || unit.timestampMs < 5_000),
    configs: fiveConfigs,
    says: (_, ms) => (ms < 13_000 ? ms : ms + 60_000),
    discontinuities: 1,
  },
];

/** Data that no other unit of a stream has. */
function numbered(number: number): Uint8Array {
  const data = new Uint8Array(10);
  new DataView(data.buffer).setUint32(0, number);
  return data;
}

/** -1 of what is none: silence. */
function numberIn(data: Uint8Array): number {
  return data.length === 10 ? new DataView(data.buffer, data.byteOffset).getUint32(0) : -1;
}

describe('a stream that breaks the rules of timestamps, and what players see of it', () => {
  it.each(streams)('$name', ({ units: meant, says, configs, discontinuities = 0, toleranceMs = 110, inserted }) => {
    const units = meant.map((unit, index) => ({ ...unit, data: numbered(index) }));
    const published = new PublishedStream({ window: '8s' });
    const taken: TimedUnit[] = [];
    let tracks: readonly TimedTrack[] = [];
    let runs = 0;
    published.packager.listen({
      onEpoch: (those) => {
        tracks = those;
        runs++;
      },
      onUnit: (unit) => taken.push(withOwnData(unit)),
      onRunEnd: () => {},
    });
    const kinds = new Set(units.map(({ kind }) => kind));
    published.start(configs ?? [videoConfig, audioConfig].filter(({ kind }) => kinds.has(kind)));
    published.send(units, (unit) =>
      says === undefined ? unit : { ...unit, timestampMs: wireMs(Math.round(says(unit, unit.timestampMs))) },
    );
    // Throws where a playlist is not as it must be.
    published.end();
    expect(published.histories.size).toBe(tracks.length);
    expect(runs).toBe(discontinuities + 1);
    const trueMs = new Map(units.map(({ data, timestampMs }) => [numberIn(data), timestampMs]));
    let farthestMs = 0;
    for (const { track, config } of tracks) {
      const timescale = timescaleOf(config);
      const own = taken.filter((unit) => unit.track === track);
      let endTicks = 0;
      for (const { dtsTicks, durationTicks, data } of own) {
        expect(dtsTicks).toBeGreaterThanOrEqual(endTicks);
        expect(durationTicks).toBeGreaterThan(0);
        endTicks = dtsTicks + durationTicks;
        // Before the first unit, there are ten seconds of media time.
        const meantMs = (trueMs.get(numberIn(data)) ?? Number.NaN) + 10_000;
        if (Number.isFinite(meantMs))
          farthestMs = Math.max(farthestMs, Math.abs((dtsTicks * 1_000) / timescale - meantMs));
      }
    }
    expect(farthestMs).toBeLessThan(toleranceMs);
    if (inserted !== undefined) {
      const more = taken.filter(({ data }) => !trueMs.has(numberIn(data))).length;
      expect(more).toBeGreaterThanOrEqual(inserted[0]);
      expect(more).toBeLessThanOrEqual(inserted[1]);
    }
  });
});
