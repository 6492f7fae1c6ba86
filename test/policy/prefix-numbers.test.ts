import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PrefixNumbers } from '../../src/policy/prefix-numbers.ts';

describe('PrefixNumbers', () => {
  it('finds the largest number of all prefixes of a text, as a walk through all of them does', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '~'), maxLength: 6 });
    const step = fc.oneof(
      fc.record({ set: text, sequence: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ deleteUpTo: fc.integer({ min: 0, max: 30 }) }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.array(text, { minLength: 1, maxLength: 20 }),
        (steps, texts) => {
          const numbers = new PrefixNumbers();
          const model = new Map<string, number>();
          for (const one of steps) {
            if ('set' in one) {
              numbers.set(one.set, one.sequence);
              model.set(one.set, one.sequence);
            } else {
              numbers.deleteUpTo(one.deleteUpTo);
              for (const [prefix, sequence] of model) if (sequence <= one.deleteUpTo) model.delete(prefix);
            }
          }
          expect(numbers.size).toBe(model.size);
          for (const asked of texts) {
            const fitting = [...model].filter(([prefix]) => asked.startsWith(prefix)).map(([, sequence]) => sequence);
            expect(numbers.largest(asked)).toBe(Math.max(0, ...fitting));
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
