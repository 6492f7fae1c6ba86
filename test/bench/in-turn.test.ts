import { describe, expect, it } from 'vitest';
import { inTurn, median, medianSample } from './in-turn.ts';

describe('median', () => {
  it('is the middle one of an odd number of values, whatever their order', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([7])).toBe(7);
  });

  it('is the mean of the two in the middle of an even number', () => {
    expect(median([4, 1, 100, 2])).toBe(3);
  });

  it('sorts numbers as numbers and leaves the values where they are', () => {
    const values = [100, 9, 20];
    expect(median(values)).toBe(20);
    expect(values).toEqual([100, 9, 20]);
  });

  it('refuses no values at all', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('medianSample', () => {
  it('takes the median of each figure for itself', () => {
    const samples = [
      { rate: 1, cpu: 30 },
      { rate: 3, cpu: 10 },
      { rate: 2, cpu: 20 },
    ];
    expect(medianSample(samples)).toEqual({ rate: 2, cpu: 20 });
  });
});

describe('inTurn', () => {
  it('measures A B C A B C and keeps what each gave', async () => {
    const order: string[] = [];
    const contender = (name: string) => async () => order.push(name);
    const results = await inTurn(2, new Map(['A', 'B', 'C'].map((name) => [name, contender(name)])));
    expect(order.join('')).toBe('ABCABC');
    expect(results.get('B')).toEqual({ kind: 'measured', samples: [2, 5] });
  });

  it('says why one failed, asks it no more, and goes on with the others', async () => {
    let asked = 0;
    const fails = async () => {
      asked += 1;
      if (asked === 2) throw new Error('the server is gone');
      return asked;
    };
    const results = await inTurn(
      3,
      new Map([
        ['A', fails],
        ['B', async () => 7],
      ]),
    );
    expect(results.get('A')).toEqual({ kind: 'failed', reason: 'the server is gone' });
    expect(results.get('B')).toEqual({ kind: 'measured', samples: [7, 7, 7] });
    expect(asked).toBe(2);
  });
});
