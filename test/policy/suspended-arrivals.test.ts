import { describe, expect, it } from 'vitest';
import type { Track } from '../../src/policy/timeline-track.ts';
import { newTrack } from '../../src/policy/timeline-track.ts';
import { SuspendedArrivals, suspendedMs } from '../../src/policy/timeline-suspended.ts';
import { AudioClock } from '../../src/policy/timeline-audio.ts';
import { audioConfig, audioUnits } from '../support/synthetic-units.ts';

const [unit] = audioUnits({ seconds: 1 });
if (unit === undefined) throw new Error('there is no unit');

const silentTrack = (): Track =>
  newTrack({ kind: 'audio', config: audioConfig, clock: new AudioClock(audioConfig, () => {}, 0) });

const arrival = (track: Track, publisherMs: number, wallMs = 0) => ({
  track,
  unit,
  publisherMs,
  wallMs,
  besideMs: undefined,
});

describe('SuspendedArrivals', () => {
  it('gives back what has come of one track, or of all, in the order in which it came', () => {
    const suspended = new SuspendedArrivals();
    const [first, second] = [silentTrack(), silentTrack()];
    for (const [index, track] of [first, second, first, second, second].entries()) {
      suspended.add(arrival(track, index));
    }
    const timesOf = (given: readonly { readonly publisherMs: number }[]) => given.map(({ publisherMs }) => publisherMs);
    expect(timesOf(suspended.take(first))).toEqual([0, 2]);
    expect(suspended.take(first)).toEqual([]);
    suspended.add(arrival(first, 5));
    suspended.add(arrival(second, 6));
    expect(suspended.isEmpty).toBe(false);
    expect(timesOf(suspended.takeAll())).toEqual([1, 3, 4, 5, 6]);
    expect(suspended.isEmpty).toBe(true);
  });

  it('keeps no more than a second and a half of a track, three of its media, or a thousand units of all', () => {
    const suspended = new SuspendedArrivals();
    const [first, second] = [silentTrack(), silentTrack()];
    suspended.add(arrival(first, 0, 10));
    expect([suspendedMs, suspendedMs + 1].map((ms) => suspended.isFull(first, 10 + ms))).toEqual([false, true]);
    // What leaps counts for nothing.
    for (const ms of [50_000, 51_500, 53_000]) suspended.add(arrival(first, ms));
    expect(suspended.isFull(first, 10)).toBe(false);
    suspended.add(arrival(first, 53_001));
    expect(suspended.isFull(first, 10)).toBe(true);
    expect(suspended.isFull(second, 10)).toBe(false);
    for (let count = 5; count < 999; count++) suspended.add(arrival(second, 0));
    expect(suspended.isFull(second, 0)).toBe(false);
    suspended.add(arrival(second, 0));
    expect(suspended.isFull(second, 0)).toBe(true);
    suspended.take(second);
    expect(suspended.isFull(second, 0)).toBe(false);
  });

  it('knows a track to be in order when the latest five are', () => {
    const suspended = new SuspendedArrivals();
    const track = silentTrack();
    const isInOrder = [9, 3, 4, 4, 5, 6, 5, 6, 7, 8, 9].map((ms) => {
      suspended.add(arrival(track, ms));
      return suspended.isInOrder(track);
    });
    expect(isInOrder.flatMap((is, index) => (is ? [index] : []))).toEqual([5, 10]);
  });

  it('says of a track that it may jitter when it is back by little, until it is in order', () => {
    const suspended = new SuspendedArrivals();
    const [near, far] = [silentTrack(), silentTrack()];
    near.placedMs = 10_000;
    far.placedMs = 10_000;
    expect(suspended.mayJitter(near)).toBe(false);
    suspended.add(arrival(far, 5_000));
    expect(suspended.mayJitter(far)).toBe(false);
    const mayJitter = [9_000, 9_010, 9_020, 9_030, 9_040].map((ms) => {
      suspended.add(arrival(near, ms));
      return suspended.mayJitter(near);
    });
    expect(mayJitter).toEqual([true, true, true, true, false]);
  });

  it('looks at a few of what it keeps for each that comes, however many there are', () => {
    let looks = 0;
    const counted = (ms: number): number => {
      const time: unknown = {
        [Symbol.toPrimitive]: () => {
          looks++;
          return ms;
        },
      };
      return time as number;
    };
    const suspended = new SuspendedArrivals();
    const tracks = [silentTrack(), silentTrack()];
    for (let index = 0; index < 800; index++) {
      for (const track of tracks.slice(index % 2, (index % 2) + 1)) {
        suspended.add(arrival(track, counted(index), counted(index)));
        suspended.isFull(track, index);
        suspended.isInOrder(track);
        suspended.mayJitter(track);
      }
    }
    expect(looks).toBeGreaterThan(800);
    expect(looks).toBeLessThan(800 * 20);
  });
});
