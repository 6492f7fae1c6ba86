import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { awaitRecall, recallDeadlineMs } from '../../src/edge/await-recall.ts';
import type { Viewer } from '../../src/edge/deliver.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function waiting() {
  const clock = new VirtualClock();
  const response = Object.assign(new EventEmitter(), { destroyed: false });
  const { promise, resolve } = Promise.withResolvers<readonly never[]>();
  const outcomes: number[] = [];
  awaitRecall({ clock, response } as unknown as Viewer, promise, (variants) => outcomes.push(variants.length));
  const end = async (): Promise<void> => {
    resolve([]);
    await promise;
  };
  return { clock, response, outcomes, resolve: end };
}

describe('awaitRecall', () => {
  it('goes on once, with what was read', async () => {
    const { clock, outcomes, resolve } = waiting();
    await resolve();
    clock.advance(recallDeadlineMs);
    expect([outcomes, clock.pendingTimers]).toEqual([[0], 0]);
  });

  it('goes on without it when the disk takes too long, and not again when it comes after all', async () => {
    const { clock, outcomes, resolve } = waiting();
    clock.advance(recallDeadlineMs - 1);
    expect(outcomes).toEqual([]);
    clock.advance(1);
    expect(outcomes).toEqual([0]);
    await resolve();
    expect(outcomes).toEqual([0]);
  });

  it('does not go on for a viewer who has left', async () => {
    const { clock, response, outcomes, resolve } = waiting();
    response.destroyed = true;
    response.emit('close');
    await resolve();
    expect([outcomes, clock.pendingTimers]).toEqual([[], 0]);
  });
});
