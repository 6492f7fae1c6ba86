import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trackNumber } from '../../src/formats/media/track.ts';
import { farthestApartSeconds, type FaultyStream } from '../support/faulty-stream.ts';
import { faultyConfigs, type TimestampFault, timestampFault } from '../support/timestamp-faults.ts';

/** Three that are let pass, three of a jump that is judged, and what is held meanwhile. */
const farthestSeconds = 8;

/** That all of its playlists are as they must be, and its tracks together. */
function expectKept(_case: string, stream: FaultyStream): void {
  expect(farthestApartSeconds(stream)).toBeLessThan(farthestSeconds);
}

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

describe('tracks that come apart', () => {
  it('stay together where one runs fast and nothing that another says makes sense', () => {
    const faults: TimestampFault[] = [
      { fromMs: 0, lastsMs: 60_000, tracks: [0, 257], kind: { kind: 'rate', factor: 1.332818181818182 } },
      { fromMs: 0, lastsMs: 59_801, tracks: [1, 257], kind: { kind: 'noise' } },
    ];
    expect(farthestApartSeconds({ tracks: [0, 1, 257], framesPerSecond: 2, gop: 5, faults })).toBeLessThan(6);
  });

  it('do not drive each other on where all of them jitter by almost a second', () => {
    const faults: TimestampFault[] = [
      { fromMs: 3, lastsMs: 60_000, tracks: [0, 1, 256, 257], kind: { kind: 'jitter', byMs: 894 } },
    ];
    const stream = { tracks: [0, 1, 256, 257], framesPerSecond: 2, gop: 10_000, faults };
    expect(farthestApartSeconds(stream)).toBeLessThan(6);
  });

  it('do not run ahead by what goes between where a track was and where it goes on', () => {
    const faults: TimestampFault[] = [
      { fromMs: 1_610, lastsMs: 60_000, tracks: [0, 1, 256, 257], kind: { kind: 'jitter', byMs: 264 } },
      { fromMs: 7_771, lastsMs: 5_976, tracks: [0], kind: { kind: 'rate', factor: 12 } },
    ];
    const stream = { tracks: [0, 1, 256, 257], framesPerSecond: 15, gop: 60, faults };
    expect(farthestApartSeconds(stream)).toBeLessThan(6);
  });

  it.each<[string, FaultyStream]>([
    [
      'one that was away comes back with noise',
      {
        tracks: [0, 1, 256],
        framesPerSecond: 2,
        gop: 10_000,
        faults: [
          { fromMs: 3, lastsMs: 4_000, tracks: [1], kind: { kind: 'noise' } },
          { fromMs: 5_000, lastsMs: 60_000, tracks: [0], kind: { kind: 'silence' } },
        ],
      },
    ],
    [
      'one comes back within three seconds of another that runs ahead',
      {
        tracks: [1, 257],
        framesPerSecond: 10,
        gop: 20,
        faults: [
          { fromMs: 4_000, lastsMs: 6_000, tracks: [1], kind: { kind: 'silence' } },
          { fromMs: 4_000, lastsMs: 60_000, tracks: [257], kind: { kind: 'shift', byMs: 2_000 } },
        ],
      },
    ],
    [
      'one ran ahead at 6 times real time while the other was away for so short a time that it is no jump',
      {
        tracks: [0, 257],
        framesPerSecond: 10,
        gop: 20,
        faults: [
          { fromMs: 7_100, lastsMs: 2_900, tracks: [0], kind: { kind: 'silence' } },
          { fromMs: 3_000, lastsMs: 60_000, tracks: [257], kind: { kind: 'rate', factor: 6 } },
        ],
      },
    ],
    [
      'one stands still and the other runs ahead at 12 times real time',
      {
        tracks: [1, 256],
        framesPerSecond: 15,
        gop: 60,
        faults: [
          { fromMs: 0, lastsMs: 60_000, tracks: [1], kind: { kind: 'rate', factor: 0 } },
          { fromMs: 3_000, lastsMs: 60_000, tracks: [256], kind: { kind: 'rate', factor: 12 } },
        ],
      },
    ],
    [
      'one stands still while all others jitter by more than is let pass',
      {
        tracks: [0, 1, 256, 257],
        framesPerSecond: 15,
        gop: 60,
        faults: [
          { fromMs: 3_500, lastsMs: 60_000, tracks: [1, 257], kind: { kind: 'rate', factor: 0 } },
          { fromMs: 6_900, lastsMs: 5_000, tracks: [0, 256, 257], kind: { kind: 'jitter', byMs: 600 } },
        ],
      },
    ],
    [
      'each step of one is a jump by itself',
      {
        tracks: [0, 1, 256],
        framesPerSecond: 2,
        gop: 60,
        faults: [{ fromMs: 13, lastsMs: 60_000, tracks: [0, 256], kind: { kind: 'rate', factor: 12 } }],
      },
    ],
    [
      'all of them jump when one has been away that the other ran ahead of',
      {
        tracks: [1, 257],
        framesPerSecond: 10,
        gop: 60,
        faults: [
          { fromMs: 4_000, lastsMs: 5_000, tracks: [257], kind: { kind: 'rate', factor: 12 } },
          { fromMs: 1_000, lastsMs: 6_000, tracks: [1], kind: { kind: 'silence' } },
        ],
      },
    ],
    [
      'sound begins in a new run of time beside pictures that have stopped and others that run ahead',
      {
        tracks: [0, 1, 257],
        framesPerSecond: 15,
        gop: 20,
        faults: [
          { fromMs: 2_000, lastsMs: 60_000, tracks: [0], kind: { kind: 'shift', byMs: 3_000 } },
          { fromMs: 3_000, lastsMs: 2_000, tracks: [1], kind: { kind: 'silence' } },
          { fromMs: 4_500, lastsMs: 60_000, tracks: [0, 1], kind: { kind: 'rate', factor: 4 } },
          { fromMs: 5_000, lastsMs: 5_000, tracks: [0, 257], kind: { kind: 'silence' } },
        ],
      },
    ],
    [
      'the last picture of one follows a hole of eleven seconds',
      {
        tracks: [1, 256],
        framesPerSecond: 10,
        gop: 10_000,
        faults: [{ fromMs: 1_000, lastsMs: 10_900, tracks: [1], kind: { kind: 'silence' } }],
      },
    ],
  ])('stay together where %s', expectKept);

  it.each<[string, FaultyStream]>([
    [
      'sound joins while pictures have stood still for two seconds',
      {
        tracks: [1, 256, 257],
        framesPerSecond: 10,
        gop: 20,
        faults: [{ fromMs: 0, lastsMs: 6_000, tracks: [1], kind: { kind: 'noise' } }],
      },
    ],
    [
      'sound joins whose clock is almost three seconds behind that of the other',
      {
        tracks: [256, 257],
        framesPerSecond: 15,
        gop: 5,
        faults: [
          { fromMs: 0, lastsMs: 5_000, tracks: [256], kind: { kind: 'rate', factor: 0 } },
          { fromMs: 0, lastsMs: 2_800, tracks: [257], kind: { kind: 'rate', factor: 0 } },
        ],
      },
    ],
    [
      'the last part of a run went out early and said more than came',
      {
        tracks: [1, 256],
        framesPerSecond: 15,
        gop: 20,
        faults: [
          { fromMs: 2_000, lastsMs: 60_000, tracks: [256], kind: { kind: 'noise' } },
          { fromMs: 8_951, lastsMs: 6_000, tracks: [1, 256], kind: { kind: 'rate', factor: 0 } },
        ],
      },
    ],
  ])('dates do not go back behind a discontinuity where %s', expectKept);

  it.each<[string, FaultyStream]>([
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
  ])('do not run so far ahead at once that segments leave before they are listed where %s', expectKept);
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
