import { beforeEach, describe, expect, it } from 'vitest';
import { LaterEncodings } from '../../../src/edge/stored/later-encodings.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

let clock: VirtualClock;
let encodings: LaterEncodings;
let begun: string[];
let ends: (() => void)[];
beforeEach(() => {
  clock = new VirtualClock();
  encodings = new LaterEncodings(clock);
  begun = [];
  ends = [];
});

const mebibyte = 1_048_576;

function add(name: string, costBytes = mebibyte): void {
  encodings.add(costBytes, () => {
    begun.push(name);
    return new Promise((resolve) => ends.push(resolve));
  });
}

async function endOne(): Promise<void> {
  ends.shift()?.();
  await Promise.resolve();
  await Promise.resolve();
}

describe('LaterEncodings', () => {
  it('encodes one after the other, the oldest first, when nothing was opened for half a second', async () => {
    add('a');
    add('b');
    clock.advance(499);
    encodings.postpone();
    clock.advance(499);
    expect(begun).toEqual([]);
    clock.advance(1);
    expect(begun).toEqual(['a']);
    clock.advance(10_000);
    expect(begun).toEqual(['a']);
    await endOne();
    clock.advance(500);
    expect(begun).toEqual(['a', 'b']);
    await endOne();
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not wait when what waits takes much memory', async () => {
    add('a', 40 * mebibyte);
    add('b', 40 * mebibyte);
    expect(begun).toEqual(['a']);
    add('c', 40 * mebibyte);
    expect(begun).toEqual(['a']);
    await endOne();
    expect(begun).toEqual(['a', 'b']);
    await endOne();
    expect(begun).toEqual(['a', 'b']);
    clock.advance(500);
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('encodes nothing any more when it is closed', async () => {
    add('a');
    add('b');
    clock.advance(500);
    encodings.close();
    await endOne();
    expect(clock.pendingTimers).toBe(0);
    expect(begun).toEqual(['a']);
  });
});
