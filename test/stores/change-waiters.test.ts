import { describe, expect, it } from 'vitest';
import { LimitError } from '../../src/base/errors.ts';
import { ChangeWaiters } from '../../src/stores/change-waiters.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const never = new AbortController().signal;

function make(maxWaiters = 10) {
  const clock = new VirtualClock();
  return { clock, waiters: new ChangeWaiters(clock, maxWaiters) };
}

describe('ChangeWaiters', () => {
  it('goes on at once when the condition holds already', async () => {
    const { clock, waiters } = make();
    expect(await waiters.wait(() => true, 1_000, never)).toBe('met');
    expect(clock.pendingTimers).toBe(0);
  });

  it('goes on when a change makes it hold, and only those for whom it does', async () => {
    const { clock, waiters } = make();
    let value = 0;
    const one = waiters.wait(() => value >= 1, 1_000, never);
    const two = waiters.wait(() => value >= 2, 1_000, never);
    value = 1;
    waiters.changed();
    expect(await one).toBe('met');
    expect(waiters.size).toBe(1);
    value = 2;
    waiters.changed();
    expect(await two).toBe('met');
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends at the deadline', async () => {
    const { clock, waiters } = make();
    const waiting = waiters.wait(() => false, 1_000, never);
    clock.advance(999);
    expect(waiters.size).toBe(1);
    clock.advance(1);
    expect(await waiting).toBe('deadline');
    expect(waiters.size).toBe(0);
  });

  it('ends when whoever waits is not interested any more', async () => {
    const { clock, waiters } = make();
    const controller = new AbortController();
    const waiting = waiters.wait(() => false, 1_000, controller.signal);
    controller.abort();
    expect(await waiting).toBe('aborted');
    expect(await waiters.wait(() => false, 1_000, controller.signal)).toBe('aborted');
    expect(clock.pendingTimers).toBe(0);
  });

  it('sends everybody on when it closes', async () => {
    const { waiters } = make();
    let value = 0;
    const waiting = [waiters.wait(() => value > 0, 1_000, never), waiters.wait(() => value > 1, 1_000, never)];
    value = 1;
    waiters.close();
    expect(await Promise.all(waiting)).toEqual(['met', 'closed']);
    expect(await waiters.wait(() => false, 1_000, never)).toBe('closed');
  });

  it('takes no more than it may', async () => {
    const { waiters } = make(2);
    const waiting = [0, 1].map(() => waiters.wait(() => false, 1_000, never));
    expect(() => waiters.wait(() => false, 1_000, never)).toThrow(LimitError);
    waiters.close();
    await Promise.all(waiting);
  });
});
