import { describe, it } from 'vitest';
import { expectKept, type FaultyStream } from '../support/faulty-stream.ts';
import type { TimestampFault } from '../support/timestamp-faults.ts';

/* What the property of timeline repair has found, of segments, parts and I-frames. */

describe('tracks that come apart', () => {
  it.each<[string, FaultyStream]>([
    [
      'pictures stay away behind the keyframe that follows a short last part',
      {
        tracks: [1, 256],
        framesPerSecond: 10,
        gop: 20,
        faults: [{ fromMs: 10_065, lastsMs: 60_000, tracks: [1], kind: { kind: 'silence' } }],
      },
    ],
    [
      'pictures jump behind a short last part, and sound has gone on in its segment',
      {
        tracks: [0, 257],
        framesPerSecond: 10,
        gop: 5,
        faults: [
          { fromMs: 2_757, lastsMs: 4_653, tracks: [257], kind: { kind: 'wrap', modulus: 2 ** 32 } },
          { fromMs: 3_111, lastsMs: 5_621, tracks: [0], kind: { kind: 'shift', byMs: 69_503 } },
        ],
      },
    ],
    [
      'a picture lasts too long for its segment that was in a part already, while sound has gone on',
      {
        tracks: [1, 256],
        framesPerSecond: 10,
        gop: 20,
        faults: [{ fromMs: 2_400, lastsMs: 4_164, tracks: [1, 256], kind: { kind: 'wrap', modulus: 2 ** 32 } }],
      },
    ],
    [
      'a picture of a track that goes by the boundaries lasts far into the next segment',
      {
        tracks: [0, 1],
        framesPerSecond: 10,
        gop: 10_000,
        faults: [
          { fromMs: 4_000, lastsMs: 5_000, tracks: [0, 1], kind: { kind: 'rate', factor: 0 } },
          { fromMs: 7_000, lastsMs: 1_000, tracks: [1], kind: { kind: 'rate', factor: 0 } },
        ],
      },
    ],
    [
      'a picture of a further track lasts too long for its segment that sound has gone on in',
      {
        tracks: [0, 1, 256, 257],
        framesPerSecond: 10,
        gop: 20,
        faults: [
          { fromMs: 3_000, lastsMs: 3_500, tracks: [1, 256], kind: { kind: 'silence' } },
          { fromMs: 3_000, lastsMs: 5_000, tracks: [0], kind: { kind: 'noise' } },
          { fromMs: 2_000, lastsMs: 60_000, tracks: [1, 256], kind: { kind: 'noise' } },
        ],
      },
    ],
    [
      'the picture that lasts long begins a millisecond before the one of the other track that a segment begins with',
      {
        tracks: [0, 1, 256, 257],
        framesPerSecond: 2,
        gop: 60,
        faults: [
          { fromMs: 4_000, lastsMs: 5_000, tracks: [257], kind: { kind: 'noise' } },
          { fromMs: 1_000, lastsMs: 5_000, tracks: [0], kind: { kind: 'jitter', byMs: 200 } },
          { fromMs: 5_000, lastsMs: 2_000, tracks: [0, 1], kind: { kind: 'shift', byMs: 2_500 } },
        ],
      },
    ],
    [
      'the picture that lasts far into the next segment fills a part before that has begun',
      {
        tracks: [0, 1, 256, 257],
        framesPerSecond: 15,
        gop: 10_000,
        faults: [
          { fromMs: 1_700, lastsMs: 4_903, tracks: [0, 1, 256], kind: { kind: 'wrap', modulus: 2 ** 32 } },
          { fromMs: 5_000, lastsMs: 5_000, tracks: [0, 1, 256, 257], kind: { kind: 'jitter', byMs: 700 } },
        ],
      },
    ],
    [
      'a picture that leads stands still, is given up and comes back behind the others',
      {
        tracks: [1, 257],
        framesPerSecond: 2,
        gop: 5,
        faults: [{ fromMs: 8, lastsMs: 60_000, tracks: [1, 256], kind: { kind: 'rate', factor: 0 } }],
      },
    ],
    [
      'the last picture that leads comes out at the end, seconds after it was given up',
      {
        tracks: [1, 257],
        framesPerSecond: 15,
        gop: 5,
        faults: [{ fromMs: 3_363, lastsMs: 60_000, tracks: [1], kind: { kind: 'silence' } }],
      },
    ],
    [
      'a further picture stands while the one that leads does, which has gone out',
      {
        tracks: [0, 1],
        framesPerSecond: 2,
        gop: 5,
        faults: [
          { fromMs: 3_000, lastsMs: 2_900, tracks: [0], kind: { kind: 'silence' } },
          { fromMs: 3_500, lastsMs: 2_500, tracks: [1], kind: { kind: 'silence' } },
        ],
      },
    ],
    [
      'a picture that has gone out early lasts too long for its segment, and sound is far past that',
      {
        tracks: [0, 1, 257],
        framesPerSecond: 2,
        gop: 10_000,
        faults: [
          { fromMs: 6_897, lastsMs: 500, tracks: [0, 257], kind: { kind: 'wrap', modulus: 2 ** 31 } },
          { fromMs: 0, lastsMs: 60_000, tracks: [257], kind: { kind: 'shift', byMs: 3_000 } },
          { fromMs: 5_000, lastsMs: 4_000, tracks: [1], kind: { kind: 'silence' } },
          { fromMs: 7_489, lastsMs: 60_000, tracks: [0, 257], kind: { kind: 'noise' } },
        ],
      },
    ],
  ])('segments of one number begin together where %s', expectKept);

  it.each<[string, FaultyStream]>([
    [
      'a picture comes behind a hole that the part has room for',
      {
        tracks: [0, 1, 256, 257],
        framesPerSecond: 10,
        gop: 20,
        faults: [{ fromMs: 5, lastsMs: 5_000, tracks: [0, 1], kind: { kind: 'jitter', byMs: 677 } }],
      },
    ],
    [
      'pictures lag behind others that stand still, and before which nothing has come',
      {
        tracks: [0, 1],
        framesPerSecond: 15,
        gop: 5,
        faults: [
          { fromMs: 6_000, lastsMs: 60_000, tracks: [0], kind: { kind: 'wrap', modulus: 2 ** 31 } },
          { fromMs: 4_000, lastsMs: 60_000, tracks: [1], kind: { kind: 'rate', factor: 0 } },
        ],
      },
    ],
  ])('leave no part too short where %s', expectKept);

  it.each<[string, FaultyStream]>([
    [
      'those that come jitter by up to a second while one stands still and another jumps',
      {
        tracks: [0, 1, 256, 257],
        framesPerSecond: 15,
        gop: 5,
        faults: [
          { fromMs: 0, lastsMs: 60_000, tracks: [0, 256, 257], kind: { kind: 'jitter', byMs: 1_000 } },
          { fromMs: 5_439, lastsMs: 3_000, tracks: [0], kind: { kind: 'wrap', modulus: 2 ** 31 } },
          { fromMs: 6_681, lastsMs: 60_000, tracks: [257], kind: { kind: 'rate', factor: 0 } },
        ],
      },
    ],
    [
      'one jumps and runs ahead at 12 times real time while the other stands still',
      {
        tracks: [0, 257],
        framesPerSecond: 10,
        gop: 5,
        faults: [
          { fromMs: 3_000, lastsMs: 60_000, tracks: [0], kind: { kind: 'wrap', modulus: 2 ** 32 } },
          { fromMs: 6_000, lastsMs: 60_000, tracks: [0], kind: { kind: 'rate', factor: 12 } },
          { fromMs: 0, lastsMs: 60_000, tracks: [257], kind: { kind: 'rate', factor: 0 } },
        ],
      },
    ],
    [
      'pictures come back behind a hole, and their keyframe seconds ahead of the sound',
      {
        tracks: [0, 256],
        framesPerSecond: 15,
        gop: 20,
        faults: [
          { fromMs: 8_000, lastsMs: 627, tracks: [0], kind: { kind: 'noise' } },
          { fromMs: 2_425, lastsMs: 6_000, tracks: [0], kind: { kind: 'silence' } },
        ],
      },
    ],
    [
      'pictures jump with the sound and stop, and come out at the end with all of a window behind them',
      {
        tracks: [1, 256],
        framesPerSecond: 10,
        gop: 20,
        faults: [
          { fromMs: 6_030, lastsMs: 60_000, tracks: [1], kind: { kind: 'silence' } },
          { fromMs: 2_000, lastsMs: 60_000, tracks: [1], kind: { kind: 'wrap', modulus: 2 ** 32 } },
          { fromMs: 5_000, lastsMs: 60_000, tracks: [1, 256], kind: { kind: 'shift', byMs: 45_000 } },
        ],
      },
    ],
  ])('do not run so far ahead at once that segments leave before they are listed where %s', expectKept);
});

describe('a last part that is given before the next segment begins', () => {
  it.each<[string, FaultyStream]>([
    [
      'of pictures that last far into that',
      {
        tracks: [0, 257],
        framesPerSecond: 2,
        gop: 20,
        faults: [{ fromMs: 3, lastsMs: 5_996, tracks: [0, 257], kind: { kind: 'rate', factor: 12 } }],
      },
    ],
    [
      'of sound, while the pictures stand still of which the next keyframe was foreseen',
      {
        tracks: [0, 1, 257],
        framesPerSecond: 15,
        gop: 5,
        faults: [
          { fromMs: 5_600, lastsMs: 60_000, tracks: [0], kind: { kind: 'rate', factor: 0 } },
          { fromMs: 3_939, lastsMs: 3_526, tracks: [0, 1, 256, 257], kind: { kind: 'wrap', modulus: 2 ** 31 } },
        ],
      },
    ],
  ])('leaves the segments of all tracks beside each other: %s', expectKept);
});

describe('a track that sends nothing any more', () => {
  const silence = (fromMs: number, ...tracks: number[]): TimestampFault => ({
    fromMs,
    lastsMs: 60_000,
    tracks,
    kind: { kind: 'silence' },
  });

  it.each<[string, FaultyStream]>([
    [
      'of pictures that others wait for',
      { tracks: [0, 256], framesPerSecond: 15, gop: 20, faults: [silence(1_949, 0)] },
    ],
    [
      'of pictures beside two sounds of which one stops as well',
      { tracks: [1, 256, 257], framesPerSecond: 15, gop: 20, faults: [silence(5_411, 1), silence(2_196, 1, 256)] },
    ],
    [
      'of pictures beside others',
      { tracks: [0, 1, 256, 257], framesPerSecond: 15, gop: 20, faults: [silence(2_888, 0)] },
    ],
    [
      'of further pictures, whose last keyframe nothing follows',
      { tracks: [0, 1, 256, 257], framesPerSecond: 15, gop: 5, faults: [silence(4_030, 1)] },
    ],
  ])('has every segment and every I-frame listed before it leaves: %s', expectKept);
});
