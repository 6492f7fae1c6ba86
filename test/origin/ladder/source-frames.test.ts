import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SourceFrame, SourceFrames } from '../../../src/origin/ladder/source-frames.ts';

const frameTicks = 3_003;

/** `order`: presentation ranks in decode order, as `0 3 1 2`; keyframes are those of `keys`, by rank. */
function sourceOf(order: readonly number[], keys: readonly number[], delay: number): SourceFrame[] {
  return order.map((rank, index) => ({
    dtsTicks: index * frameTicks,
    durationTicks: frameTicks,
    ptsTicks: (rank + delay) * frameTicks,
    keyframe: keys.includes(rank),
    ptsMs: Math.round(((rank + delay) * frameTicks) / 90),
  }));
}

function placesOf(frames: readonly SourceFrame[], dropped: ReadonlySet<number> = new Set()) {
  const source = new SourceFrames();
  for (const frame of frames) source.add(frame);
  const cursor = source.cursor();
  return frames
    .toSorted((a, b) => a.ptsTicks - b.ptsTicks)
    .filter((_, rank) => !dropped.has(rank))
    .map((frame) => ({ frame, place: cursor.take(frame.ptsMs) }));
}

describe('SourceFrames', () => {
  it('without B-frames a picture has both times of the source', () => {
    for (const { frame, place } of placesOf(sourceOf([0, 1, 2, 3], [0], 0))) {
      expect(place).toEqual({ dtsTicks: frame.dtsTicks, ptsTicks: frame.ptsTicks, durationTicks: frameTicks });
    }
  });

  it('with B-frames every keyframe has both times of the source, and the others decode times that count on', () => {
    const places = placesOf(sourceOf([0, 3, 1, 2, 4, 5, 8, 6, 7, 9], [0, 5], 2));
    expect(places.map(({ place }) => (place?.dtsTicks ?? 0) / frameTicks)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const { frame, place } of places) {
      expect(place?.ptsTicks).toBe(frame.ptsTicks);
      if (frame.keyframe) expect(place?.dtsTicks).toBe(frame.dtsTicks);
    }
  });

  it('in an open GOP what is shown before a keyframe is decoded before it', () => {
    const places = placesOf(sourceOf([0, 1, 4, 2, 3, 7, 5, 6], [0, 4], 2));
    const key = places.find(({ frame }) => frame.keyframe && frame.dtsTicks > 0);
    expect(key?.place?.dtsTicks).toBe(key?.frame.dtsTicks);
    const times = places.map(({ place }) => place?.dtsTicks ?? 0);
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
  });

  it('gives nothing for a time that no picture had, and forgets what is long past', () => {
    const frames = sourceOf([0, 1, 2, 3, 4, 5], [0], 0);
    const source = new SourceFrames(4);
    for (const frame of frames) source.add(frame);
    const cursor = source.cursor();
    expect(cursor.take(frames[0]?.ptsMs ?? -1)).toBeUndefined();
    expect(cursor.take((frames[3]?.ptsMs ?? 0) + 1)).toBeUndefined();
    expect(cursor.take(frames[4]?.ptsMs ?? -1)?.dtsTicks).toBe(4 * frameTicks);
  });

  it('whatever order and losses: decode times increase, none is after its presentation time', () => {
    const groups = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(groups, fc.uniqueArray(fc.nat(80)), (bFrames, dropped) => {
        const order: number[] = [0];
        for (const count of bFrames) {
          const from = order.length;
          order.push(from + count, ...Array.from({ length: count }, (_, index) => from + index));
        }
        const frames = sourceOf(order, [0], 3);
        let last = -1;
        for (const { frame, place } of placesOf(frames, new Set(dropped))) {
          expect(place?.ptsTicks).toBe(frame.ptsTicks);
          expect(place?.dtsTicks).toBeGreaterThan(last);
          expect(place?.dtsTicks).toBeLessThanOrEqual(frame.ptsTicks);
          last = place?.dtsTicks ?? 0;
        }
      }),
    );
  });
});
