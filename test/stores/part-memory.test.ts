import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PartBytes, PartMemory } from '../../src/stores/part-memory.ts';

/** A slab has as many parts of one length. */
const partsOfSlab = 8;

interface Taken {
  readonly part: PartBytes;
  readonly buffer: ArrayBuffer;
  readonly offset: number;
}

/** Takes memory for a part, and says where that lies. */
function take(memory: PartMemory, byteLength = 100): Taken {
  let [buffer, offset] = [new ArrayBuffer(0), 0];
  const part = memory.part(byteLength, (bytes) => {
    expect(bytes).toHaveLength(byteLength);
    ({ buffer, byteOffset: offset } = bytes);
  });
  return { part, buffer, offset };
}

/** The parts of a slab, and the first of the next one: nothing more comes into the slab. */
function fullSlab(memory: PartMemory): readonly Taken[] {
  const parts = Array.from({ length: partsOfSlab }, () => take(memory));
  expect(new Set(parts.map(({ buffer }) => buffer)).size).toBe(1);
  const next = take(memory);
  expect(next.buffer).not.toBe(parts[0]?.buffer);
  return parts;
}

/** Whether memory of a slab is used again when that comes to its turn. */
function isUsedAgain(memory: PartMemory, [first]: readonly Taken[]): boolean {
  const buffers = Array.from({ length: 2 * partsOfSlab }, () => take(memory).buffer);
  return first !== undefined && buffers.includes(first.buffer);
}

describe('PartMemory', () => {
  it('uses a slab again whose parts have all left, and of which nobody was lent any', () => {
    const memory = new PartMemory();
    const slab = fullSlab(memory);
    for (const { part } of slab) part.leave();
    expect(memory.freeBytes).toBe(slab[0]?.buffer.byteLength);
    expect(isUsedAgain(memory, slab)).toBe(true);
    expect(memory.freeBytes).toBe(0);
  });

  it('does not use a slab again while one part is in the window, however often the others leave', () => {
    const memory = new PartMemory();
    const slab = fullSlab(memory);
    for (const { part } of slab.slice(1)) {
      part.leave();
      part.leave();
    }
    expect(isUsedAgain(memory, slab)).toBe(false);
  });

  it('does not begin anew in a slab that still has room, when all that was in it has left', () => {
    const memory = new PartMemory();
    const first = take(memory);
    first.part.leave();
    const second = take(memory);
    expect([second.buffer, second.offset]).toEqual([first.buffer, 100]);
  });

  it('never uses a slab again of which a part was lent, however often that leaves and is read', () => {
    const memory = new PartMemory();
    const slab = fullSlab(memory);
    const lent = slab[3]?.part;
    expect(lent?.lend().buffer).toBe(slab[0]?.buffer);
    for (const { part } of slab) {
      part.hold();
      part.leave();
      part.release();
      part.leave();
    }
    lent?.hold();
    lent?.release();
    expect(memory.freeBytes).toBe(0);
    expect(isUsedAgain(memory, slab)).toBe(false);
    expect(lent?.lend().buffer).toBe(slab[0]?.buffer);
  });

  it('keeps what is held until the last holder releases it', () => {
    const memory = new PartMemory();
    const slab = fullSlab(memory);
    const held = slab[7]?.part;
    held?.hold();
    held?.hold();
    for (const { part } of slab) part.leave();
    held?.release();
    expect(isUsedAgain(memory, slab)).toBe(false);
    expect(held?.held.buffer).toBe(slab[0]?.buffer);
    held?.release();
    expect(isUsedAgain(memory, slab)).toBe(true);
  });

  it('uses nothing again that was lent by somebody who holds it, after it has left', () => {
    const memory = new PartMemory();
    const slab = fullSlab(memory);
    slab[0]?.part.hold();
    for (const { part } of slab) part.leave();
    slab[0]?.part.lend();
    slab[0]?.part.release();
    expect(isUsedAgain(memory, slab)).toBe(false);
  });

  it('has no bytes for who asks a part that has gone, or who does not hold it', () => {
    const { part } = take(new PartMemory());
    expect(() => part.held).toThrow('does not hold');
    expect(() => part.release()).toThrow('more often');
    part.leave();
    expect(() => part.lend()).toThrow('gone back');
    expect(() => part.hold()).toThrow('gone back');
  });

  it('never gives two parts that have not left the same bytes, and lets two slabs wait at most', () => {
    const lengths = fc.array(fc.integer({ min: 50, max: 150 }), { minLength: 200, maxLength: 300 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 60 }), (sizes, window) => {
        const memory = new PartMemory();
        const kept: (Taken & { readonly end: number })[] = [];
        for (const byteLength of sizes) {
          const taken = take(memory, byteLength);
          const end = taken.offset + byteLength;
          const others = kept.filter(({ buffer }) => buffer === taken.buffer);
          expect(others.every((other) => other.end <= taken.offset || other.offset >= end)).toBe(true);
          kept.push({ ...taken, end });
          if (kept.length > window) kept.shift()?.part.leave();
          expect(memory.freeBytes).toBeLessThanOrEqual(2 * partsOfSlab * 150);
        }
      }),
    );
  });

  it.each([
    { from: 90, spread: 20 },
    { from: 50, spread: 101 },
  ])('wastes a tenth at most where parts are of $from bytes and up to $spread more', ({ from, spread }) => {
    const memory = new PartMemory();
    const ends = new Map<ArrayBuffer, number>();
    for (let count = 0; count < 3_000; count++) {
      const length = from + ((count * count * 7_919) % spread);
      const { buffer, offset } = take(memory, length);
      ends.set(buffer, offset + length);
    }
    const filledBytes = [...ends].reduce((sum, [, end]) => sum + end, 0);
    const totalBytes = [...ends].reduce((sum, [{ byteLength }]) => sum + byteLength, 0);
    expect(filledBytes / totalBytes).toBeGreaterThan(0.9);
  });
});
