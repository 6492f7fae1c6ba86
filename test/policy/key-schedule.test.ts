import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type KeyRotation, KeySchedule, type StreamKey } from '../../src/policy/key-schedule.ts';

function key(number: number): StreamKey {
  return { id: String(number), number, bytes: new Uint8Array(16).fill(number), iv: undefined };
}

/** Segments of two seconds from `firstMsn` on; a key whenever one is due. */
function scheduleOf(rotation: KeyRotation, segments: number, firstMsn = 0): KeySchedule {
  const schedule = new KeySchedule(rotation);
  let number = 0;
  for (let msn = firstMsn; msn < firstMsn + segments; msn++) {
    if (schedule.isDue(msn, msn * 2)) schedule.use(key(number++), msn, msn * 2);
  }
  return schedule;
}

describe('KeySchedule', () => {
  it.each<[string, KeyRotation, number[]]>([
    ['never', { kind: 'never' }, [0, 0, 0, 0, 0, 0, 0]],
    ['every segment', { kind: 'segments', count: 1 }, [0, 1, 2, 3, 4, 5, 6]],
    ['every third segment', { kind: 'segments', count: 3 }, [0, 0, 0, 1, 1, 1, 2]],
    ['every four seconds', { kind: 'time', seconds: 4 }, [0, 0, 1, 1, 2, 2, 3]],
    ['every five seconds, with the next segment', { kind: 'time', seconds: 5 }, [0, 0, 0, 1, 1, 1, 2]],
    ['every four seconds of a clock of frames', { kind: 'time', seconds: 4.03 }, [0, 0, 1, 1, 2, 2, 3]],
  ])('changes the key %s', (_, rotation, expected) => {
    const schedule = scheduleOf(rotation, 7);
    expect(expected.map((_number, msn) => schedule.keyOf(msn)?.number)).toEqual(expected);
  });

  it('has the first key for what was there before it', () => {
    const schedule = new KeySchedule({ kind: 'never' });
    expect(schedule.keyOf(3)).toBeUndefined();
    schedule.use(key(0), 5, 10);
    expect(schedule.keyOf(3)?.number).toBe(0);
  });

  it('keeps, of every segment that answers, the key that it had, and no key that no segment needs', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.nat(40),
        fc.nat(40),
        fc.nat(100),
        (count, segments, left, first) => {
          const schedule = scheduleOf({ kind: 'segments', count }, segments + 1, first);
          const numbers = Array.from({ length: segments + 1 }, (_, index) => schedule.keyOf(first + index)?.number);
          const oldest = Math.min(left, segments);
          schedule.leaveBefore(first + oldest);
          const after = numbers.map((_, index) => schedule.keyOf(first + index)?.number);
          expect(after.slice(oldest)).toEqual(numbers.slice(oldest));
          expect(schedule.keys.map(({ number }) => number)).toEqual([...new Set(numbers.slice(oldest))]);
        },
      ),
    );
  });

  it('goes on where it was after a restart', () => {
    const before = scheduleOf({ kind: 'segments', count: 3 }, 4);
    const after = new KeySchedule({ kind: 'segments', count: 3 }, before.keys);
    expect([0, 2, 3].map((msn) => after.keyOf(msn)?.number)).toEqual([0, 0, 1]);
    expect(after.isDue(5, 10)).toBe(false);
    expect(after.isDue(6, 12)).toBe(true);
  });
});
