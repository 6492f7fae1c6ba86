import { describe, expect, it } from 'vitest';
import { expectKept, farthestApartSeconds, type FaultyStream } from '../support/faulty-stream.ts';
import type { TimestampFault } from '../support/timestamp-faults.ts';

/* What the property of timeline repair has found, of tracks and their times. */

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
});
