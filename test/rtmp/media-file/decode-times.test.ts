import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withDecodeTimes } from '../../../src/rtmp/media-file/decode-times.ts';

async function* framesAt(times: readonly number[]) {
  for (const presentationSeconds of times) yield { presentationSeconds };
}

async function decodeTimes(times: readonly number[]): Promise<number[]> {
  const found: number[] = [];
  for await (const frame of withDecodeTimes(framesAt(times))) found.push(frame.decodeSeconds);
  return found;
}

/** Presentation times of groups `I P B B`, in decode order. */
function withBFrames(groups: number): number[] {
  return Array.from({ length: groups }, (_, group) => [0, 3, 1, 2].map((place) => group * 4 + place)).flat();
}

describe('withDecodeTimes', () => {
  it('leaves frames that are not reordered where they are', async () => {
    const times = Array.from({ length: 300 }, (_, index) => index / 25);
    expect(await decodeTimes(times)).toEqual(times);
  });

  it('moves reordered frames back by the depth of the reordering, evenly', async () => {
    expect(await decodeTimes(withBFrames(50))).toEqual(Array.from({ length: 200 }, (_, index) => index - 1));
  });

  it('is the same for a file of a few frames, and for none', async () => {
    expect(await decodeTimes([0, 3, 1, 2])).toEqual([-1, 0, 1, 2]);
    expect(await decodeTimes([7])).toEqual([7]);
    expect(await decodeTimes([])).toEqual([]);
  });

  it('never decodes a frame after it is presented, never goes back, and loses none, however frames are reordered', async () => {
    const shuffled = fc.array(fc.tuple(fc.nat(8), fc.integer({ min: 1, max: 9 })), { maxLength: 250 }).map((moves) => {
      let time = 0;
      const ascending = moves.map(([move, step]) => ({ time: (time += step), order: 0, move }));
      for (const [index, frame] of ascending.entries()) frame.order = index + frame.move;
      return ascending.toSorted((a, b) => a.order - b.order).map((frame) => frame.time);
    });
    await fc.assert(
      fc.asyncProperty(shuffled, async (times) => {
        const found = await decodeTimes(times);
        expect(found).toHaveLength(times.length);
        for (const [index, decode] of found.entries()) {
          const presentation = times[index] ?? 0;
          const before = found[index - 1] ?? Number.NEGATIVE_INFINITY;
          expect(decode).toBeGreaterThanOrEqual(before);
          if (decode > presentation) expect(decode).toBe(before);
        }
      }),
    );
  });
});
