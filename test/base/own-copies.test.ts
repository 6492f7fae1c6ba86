import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OwnCopies } from '../../src/base/own-copies.ts';

const options = { leastBytes: 64, mostKeptBytes: 4_096 };

const bytesOf = (length: number, value: number) => new Uint8Array(length).fill(value);

describe('OwnCopies', () => {
  it('gives copies that nothing changes until they are dropped, the oldest first or all at once', () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.record({ length: fc.integer({ min: 0, max: 300 }), value: fc.nat(0xda) }) },
        { weight: 4, arbitrary: fc.constant('drop' as const) },
        { weight: 1, arbitrary: fc.constantFrom('dropAll' as const, 'letGo' as const) },
      ),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(steps, (sequence) => {
        const copies = new OwnCopies(options);
        let there: { readonly own: Uint8Array; readonly expected: Uint8Array }[] = [];
        for (const step of sequence) {
          if (typeof step === 'object') {
            const lent = bytesOf(step.length, step.value);
            there.push({ own: copies.copy(lent), expected: lent.slice() });
            lent.fill(0xdb);
          } else if (step === 'drop') {
            const oldest = there.shift();
            if (oldest !== undefined) copies.drop(oldest.own);
          } else {
            copies[step]();
            there = [];
          }
          for (const { own, expected } of there) expect(own).toStrictEqual(expected);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('makes no new memory for what follows at the same pace, dropped all at once', () => {
    const copies = new OwnCopies(options);
    const buffers = new Set<ArrayBufferLike>();
    for (let round = 0; round < 200; round++) {
      if (round === 3) buffers.clear();
      // Lengths like those of the pictures of a GOP.
      for (let n = 0; n < 20; n++) buffers.add(copies.copy(bytesOf(n === 0 ? 900 : 90 + ((round + n) % 7), n)).buffer);
      copies.dropAll();
    }
    expect(buffers.size).toBe(1);
  });

  it('makes no new memory for what follows at the same pace, the oldest dropped first', () => {
    const copies = new OwnCopies(options);
    const buffers = new Set<ArrayBufferLike>();
    const there: Uint8Array[] = [];
    for (let n = 0; n < 5_000; n++) {
      if (n === 500) buffers.clear();
      const own = copies.copy(bytesOf(50 + (n % 11), n & 0x7f));
      buffers.add(own.buffer);
      there.push(own);
      for (const oldest of there.splice(0, there.length - 30)) copies.drop(oldest);
    }
    expect(buffers.size).toBeLessThanOrEqual(3);
    expect(copies.heldBytes).toBeLessThan(30 * 60 * 4);
  });

  it('keeps no more memory for later than it may', () => {
    const copies = new OwnCopies(options);
    copies.copy(bytesOf(100_000, 1));
    copies.dropAll();
    expect(copies.heldBytes).toBe(0);
    const large = copies.copy(bytesOf(100_000, 1));
    copies.drop(large);
    expect(copies.heldBytes).toBe(0);
    for (let n = 0; n < 100; n++) copies.copy(bytesOf(100, n));
    copies.dropAll();
    copies.copy(bytesOf(1, 1));
    expect(copies.heldBytes).toBeLessThanOrEqual(options.mostKeptBytes);
    copies.letGo();
    expect(copies.heldBytes).toBe(0);
  });

  it('takes less memory again when much less is needed for long', () => {
    const copies = new OwnCopies(options);
    copies.copy(bytesOf(4_000, 1));
    copies.dropAll();
    for (let round = 0; round < 70; round++) {
      copies.copy(bytesOf(40, 1));
      copies.dropAll();
    }
    copies.copy(bytesOf(40, 1));
    expect(copies.heldBytes).toBe(options.leastBytes);
  });

  it('holds little more than what was copied while that goes on', () => {
    const copies = new OwnCopies({ leastBytes: 65_536, mostKeptBytes: 8_388_608 });
    for (let n = 1; n <= 2_000; n++) {
      copies.copy(bytesOf(4_000, 1));
      expect(copies.heldBytes).toBeLessThan(n * 4_000 + Math.max(65_536 + 4_000, Math.min(n * 4_100, 1_060_000)));
    }
  });

  it('refuses to drop another copy than the oldest', () => {
    const copies = new OwnCopies(options);
    copies.copy(bytesOf(3, 1));
    const second = copies.copy(bytesOf(3, 2));
    expect(() => copies.drop(second)).toThrow('not the oldest');
  });
});
