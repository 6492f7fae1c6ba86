import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { House } from './lent-house.ts';

const action = fc.oneof(
  { weight: 10, arbitrary: fc.record({ frames: fc.integer({ min: 1, max: 70 }), silent: fc.boolean() }) },
  {
    weight: 12,
    arbitrary: fc.constantFrom(
      'primary',
      'backup',
      'leave',
      'join',
      'join at the edge',
      'leave viewer',
      'pause',
      'resume',
      'stop reading',
      'read on',
      'pull',
      'look',
    ),
  },
);

function act(house: House, step: typeof action extends fc.Arbitrary<infer Step> ? Step : never): void {
  if (typeof step === 'object') house.send(step.frames, step.silent);
  else if (step === 'primary' || step === 'backup') house.publish(step);
  else if (step === 'leave') house.leave();
  else if (step === 'join') house.join(false);
  else if (step === 'join at the edge') house.join(true);
  else if (step === 'leave viewer') house.leaveViewer();
  else if (step === 'pause') house.withViewer(({ feed }) => feed.pause());
  else if (step === 'resume') house.withViewer(({ feed }) => feed.resume());
  else if (step === 'stop reading') house.withViewer(({ reader }) => (reader.reading = false));
  else if (step === 'read on') {
    house.withViewer(({ reader }) => {
      reader.reading = true;
      reader.drain();
    });
  } else if (step === 'pull') house.pull();
  else house.lookAtParts();
}

describe('what a publisher sends', () => {
  let house: House | undefined;
  let totals = { seen: 0, parts: 0 };

  beforeEach(() => (totals = { seen: 0, parts: 0 }));
  afterEach(() => (house = undefined));

  it('reaches everybody to its last byte, whoever comes, goes, waits and takes over, in whatever memory it lies', () => {
    fc.assert(
      fc.property(
        fc.array(action, { minLength: 20, maxLength: 60 }),
        fc.array(fc.nat(1_000_000), { minLength: 5, maxLength: 50 }),
        (steps, numbers) => {
          house = new House(numbers);
          house.publish('primary');
          house.send(30, false);
          house.join(false);
          house.pull();
          house.join(true);
          for (const step of steps) act(house, step);
          house.close();
          totals.parts += house.parts;
          for (const { seen } of house.witnesses) totals.seen += seen;
        },
      ),
      { numRuns: 40 },
    );
    expect(totals.seen).toBeGreaterThan(10_000);
    expect(totals.parts).toBeGreaterThan(100);
  }, 60_000);
});
