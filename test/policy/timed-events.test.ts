import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimedEvents } from '../../src/policy/timed-events.ts';

const nothing = new Uint8Array(0);

describe('TimedEvents', () => {
  it('gives each event once to each rendition, in the part it belongs to, however far they are apart', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9_000), { maxLength: 30 }), fc.integer({ min: 1, max: 20 }), (times, lagParts) => {
        const events = new TimedEvents();
        for (const ms of times) events.add(ms / 1_000, nothing);
        const found = { video: [] as number[], late: [] as number[] };
        for (let part = 0; part < 20 + lagParts; part++) {
          for (const [name, index] of [
            ['video', part],
            ['late', part - lagParts],
          ] as const) {
            if (index < 0 || index >= 20) continue;
            for (const { id, seconds } of events.take(name, index / 2, (index + 1) / 2)) {
              expect(Math.floor(seconds * 2)).toBe(index);
              found[name].push(id);
            }
          }
        }
        expect(found.video).toHaveLength(times.length);
        expect(new Set(found.video).size).toBe(times.length);
        expect(found.late).toEqual(found.video);
      }),
    );
  });

  it('puts what comes late where the first rendition is', () => {
    const events = new TimedEvents();
    events.take('video', 10, 11);
    events.add(10.5, nothing);
    expect(events.take('video', 11, 12).map(({ seconds }) => seconds)).toEqual([11]);
  });

  it('gives what falls into a hole to the part behind it', () => {
    const events = new TimedEvents();
    events.take('video', 10, 11);
    events.add(12, nothing);
    expect(events.take('video', 15, 16).map(({ seconds }) => seconds)).toEqual([12]);
    expect(events.take('video', 16, 17)).toEqual([]);
  });

  it('keeps no more than 256, and none for longer than two minutes', () => {
    const events = new TimedEvents();
    const dropped = Array.from({ length: 300 }, (_, index) => events.add(index, nothing));
    expect(dropped.reduce((sum, count) => sum + count)).toBe(44);
    expect(events.take('video', 0, 200)).toHaveLength(156);
    expect(events.take('late', 0, 200).map(({ seconds }) => seconds)[0]).toBe(80);
  });

  it('numbers what happens after a restart otherwise than what happened before', () => {
    const [before, after] = [new TimedEvents(), new TimedEvents()];
    for (let count = 0; count < 5; count++) before.add(10, nothing);
    after.add(20, nothing);
    expect(before.take('video', 0, 30).map(({ id }) => id)).toEqual([10_000, 10_001, 10_002, 10_003, 10_004]);
    expect(after.take('video', 0, 30).map(({ id }) => id)).toEqual([20_000]);
  });
});
