import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LimitError, ProtocolError, StreamFrontError } from '../../../src/base/errors.ts';
import { openFlv } from '../../../src/formats/flv-index/flv-media.ts';
import type { Reading, StoredMedia } from '../../../src/formats/media/stored-media.ts';
import { openMp3 } from '../../../src/formats/mp3-index/mp3-media.ts';
import { type HostileFile, hostileFlvFiles } from '../../corpus/flv/hostile-files.ts';
import { hostileMp3Files, mp3Frames } from '../../corpus/mp3/hostile-files.ts';
import { joinedBytes, syntheticFlv } from '../../support/synthetic-flv.ts';
import { StoredBytes } from '../../support/stored-bytes.ts';

type Open = (lengthBytes: number) => Reading<StoredMedia>;

/** Items beyond this from a file of a few hundred KiB are a loop. */
const maxItems = 100_000;

/** Opens, plays and seeks; returns the units from the beginning. What is thrown must be an error that can be acted on. */
function playedUnits(open: Open, bytes: Uint8Array, seeksMs: readonly number[] = [0, 3_000, 1e12]): number {
  const file = new StoredBytes(bytes);
  const media = file.read(open(bytes.length));
  expect(media.durationMs).toBeGreaterThanOrEqual(0);
  expect(media.durationMs).toBeLessThanOrEqual(0x7fff_ffff);
  const counts = seeksMs.map((timeMs) => {
    let units = 0;
    let items = 0;
    try {
      for (const item of file.items(file.read(media.cursorAt(timeMs)))) {
        if (item.kind === 'unit') units++;
        if (++items > maxItems) throw new RangeError('a cursor without end');
      }
    } catch (error) {
      if (!(error instanceof StreamFrontError)) throw error;
    }
    return units;
  });
  return counts[0] ?? 0;
}

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** `ProtocolError` and `LimitError` are what a reading may throw: anything else is a bug, and fails the test. */
function playsOrRefuses(open: Open, bytes: Uint8Array): void {
  try {
    playedUnits(open, bytes);
  } catch (error) {
    if (!(error instanceof ProtocolError) && !(error instanceof LimitError)) throw error;
  }
}

const containers: readonly (readonly [name: string, open: Open, files: readonly HostileFile[]])[] = [
  ['openFlv', openFlv, hostileFlvFiles],
  ['openMp3', openMp3, hostileMp3Files],
];

describe.each(containers)('%s, of hostile files', (_name, open, files) => {
  it.each(files.filter(({ refusedBy }) => refusedBy !== undefined))('refuses $name', ({ bytes, refusedBy }) => {
    const error = errorOf(() => playedUnits(open, bytes()));
    expect(error).toMatchObject({ code: refusedBy });
    expect(String(error)).toMatch(/at byte \d|convert|store|remux/);
  });

  it.each(files.filter(({ refusedBy }) => refusedBy === undefined))('plays what is whole of $name', ({ bytes }) => {
    expect(playedUnits(open, bytes())).toBeGreaterThanOrEqual(3);
  });

  it.each(files)('reads a few times as much as there is at most: $name', ({ bytes }) => {
    const file = new StoredBytes(bytes());
    errorOf(() => {
      const media = file.read(open(file.bytes.length));
      file.read(media.cursorAt(media.durationMs / 2));
    });
    expect(file.readBytes).toBeLessThan(12 * file.bytes.length + 1_000_000);
    expect(file.requests).toBeLessThan(4_000);
  });
});

describe('openFlv and openMp3', () => {
  const flv = syntheticFlv({ frames: 40, gopFrames: 10 });
  const mp3 = mp3Frames(12);

  it('play or refuse a file that is cut anywhere', () => {
    for (let length = 0; length < flv.length; length++) playsOrRefuses(openFlv, flv.subarray(0, length));
    for (let length = 0; length < mp3.length; length += 3) playsOrRefuses(openMp3, mp3.subarray(0, length));
  });

  it('play up to the last whole frame of a file that is cut', () => {
    const whole = playedUnits(openFlv, flv);
    expect(whole).toBe(80);
    expect(playedUnits(openFlv, flv.subarray(0, flv.length - 30))).toBe(whole - 1);
    expect(playedUnits(openMp3, mp3.subarray(0, mp3.length - 1))).toBe(11);
  });

  it('do not take one damaged timestamp for the length', () => {
    const damaged = flv.slice();
    damaged[damaged.length - 49] = 64;
    const duration = (bytes: Uint8Array) => new StoredBytes(bytes).read(openFlv(bytes.length)).durationMs;
    expect(damaged).not.toEqual(flv);
    expect(Math.abs(duration(damaged) - duration(flv))).toBeLessThanOrEqual(40);
  });

  it('play or refuse whatever bytes are changed', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.constantFrom('flv', 'mp3'), fc.array(change, { minLength: 1, maxLength: 12 }), (kind, changes) => {
        const bytes = (kind === 'flv' ? flv : mp3).slice();
        for (const [place, value] of changes) bytes[place % bytes.length] = value;
        playsOrRefuses(kind === 'flv' ? openFlv : openMp3, bytes);
      }),
      { numRuns: 400 },
    );
  });

  it('play or refuse pieces of files in any order, with anything between', () => {
    const piece = fc.oneof(
      fc.tuple(fc.nat(flv.length), fc.nat(2_000)).map(([from, length]) => flv.subarray(from, from + length)),
      fc.tuple(fc.nat(mp3.length), fc.nat(2_000)).map(([from, length]) => mp3.subarray(from, from + length)),
      fc.uint8Array({ maxLength: 300 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.boolean(), (pieces, isFlv) => {
        playsOrRefuses(isFlv ? openFlv : openMp3, joinedBytes((isFlv ? flv : mp3).subarray(0, 700), ...pieces));
      }),
      { numRuns: 300 },
    );
  });
});

describe('openFlv, wherever keyframes are', () => {
  it('begins at the keyframe at or before, by a table or without', () => {
    fc.assert(
      fc.property(
        fc.record({
          frames: fc.integer({ min: 1, max: 1_500 }),
          gopFrames: fc.integer({ min: 1, max: 400 }),
          padding: fc.constantFrom(0, 300, 3_000),
          startMs: fc.constantFrom(0, 5_000, 2 ** 31 - 3_000, 2 ** 32 - 3_000),
          share: fc.double({ min: 0, max: 1.2, noNaN: true }),
        }),
        ({ share, ...shape }) => {
          const file = new StoredBytes(syntheticFlv(shape));
          const media = file.read(openFlv(file.bytes.length));
          const timeMs = share * shape.frames * 40;
          const frame = Math.min(shape.frames - 1, Math.floor(timeMs / 40));
          const keyframeMs = (frame - (frame % shape.gopFrames)) * 40;
          const cursor = file.read(media.cursorAt(timeMs));
          expect(cursor.startMs).toBe(keyframeMs);
          expect(file.read(cursor.next())).toMatchObject({
            kind: 'unit',
            unit: { kind: 'video', keyframe: true, timestampMs: keyframeMs },
          });
        },
      ),
      { numRuns: 60 },
    );
  });
});
