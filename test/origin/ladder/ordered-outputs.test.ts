import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrderedOutputs } from '../../../src/origin/ladder/ordered-outputs.ts';

describe('OrderedOutputs', () => {
  it('whatever comes first, what is done stands in the order of the turns, and nothing is lost', () => {
    const events = fc.array(fc.record({ turn: fc.nat(4), ends: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(events, (list) => {
        const outputs = new OrderedOutputs();
        const turns = Array.from({ length: 5 }, () => ({ turn: outputs.begin(), ended: false, did: 0 }));
        const done: number[] = [];
        for (const { turn: index, ends } of [...list, ...turns.map((_, turn) => ({ turn, ends: true }))]) {
          const state = turns[index];
          if (state === undefined || state.ended) continue;
          if (ends) {
            state.ended = true;
            state.turn.end();
          } else {
            state.did++;
            state.turn.do(() => done.push(index));
          }
        }
        expect(done).toEqual(turns.flatMap(({ did }, index) => Array.from({ length: did }, () => index)));
      }),
    );
  });

  it('the first turn waits for nobody', () => {
    const done: string[] = [];
    const outputs = new OrderedOutputs();
    const first = outputs.begin();
    outputs.begin().do(() => done.push('second'));
    first.do(() => done.push('first'));
    expect(done).toEqual(['first']);
    first.end();
    expect(done).toEqual(['first', 'second']);
  });
});
