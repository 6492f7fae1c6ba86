import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import { SteadyTime } from '../../../src/stores/disk/steady-time.ts';

const hourMs = 3_600_000;
const yearMs = 31_536_000_000;

/** A machine whose wall clock can be set; `monotonicMs` counts from its start. */
class Machine implements Clock {
  wall: number;
  monotonic: number;

  constructor(wall: number, monotonic = 0) {
    this.wall = wall;
    this.monotonic = monotonic;
  }

  wallMs = (): number => this.wall;
  monotonicMs = (): number => this.monotonic;
  after = (): { cancel(): void } => ({ cancel: () => {} });

  pass(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
  }
}

/** The age of something that was received at `receivedMs` (steady), as a later run sees it. */
function ageInRun(machine: Machine, lastSeenMs: number, receivedMs: number, trustedSinceMs = 0): number {
  return machine.monotonicMs() - new SteadyTime(machine, lastSeenMs, trustedSinceMs).toMonotonic(receivedMs);
}

describe('SteadyTime', () => {
  it('gives back within a run what it was given', () => {
    const machine = new Machine(1_000_000, 500);
    const time = new SteadyTime(machine, 0, 0);
    const kept = time.fromMonotonic(400);
    expect(kept).toBe(999_900);
    machine.pass(5_000);
    expect(time.toMonotonic(kept)).toBe(400);
  });

  it('counts the time between two runs as the wall clock does', () => {
    const first = new Machine(10 * hourMs);
    const time = new SteadyTime(first, 0, 0);
    const kept = time.fromMonotonic(0);
    first.pass(hourMs);
    expect(ageInRun(new Machine(13 * hourMs, 77), time.nowMs(), kept)).toBe(3 * hourMs);
  });

  it('goes on when the wall clock is set back, and follows it when it jumps ahead', () => {
    const machine = new Machine(10 * hourMs);
    const time = new SteadyTime(machine, 0, 0);
    const kept = time.fromMonotonic(0);
    machine.pass(1_000);
    machine.wall -= 5 * hourMs;
    machine.pass(1_000);
    expect(machine.monotonicMs() - time.toMonotonic(kept)).toBe(2_000);
    machine.wall += 9 * hourMs;
    expect(machine.monotonicMs() - time.toMonotonic(kept)).toBe(4 * hourMs + 2_000);
  });

  it('takes everything of before for years old when the clock was set back between two runs, and stays with that', () => {
    const lastSeenMs = 10 * hourMs;
    const second = new Machine(8 * hourMs);
    expect(ageInRun(second, lastSeenMs, 9 * hourMs)).toBeGreaterThan(yearMs);
    const time = new SteadyTime(second, lastSeenMs, 0);
    const kept = time.fromMonotonic(0);
    expect(second.monotonicMs() - time.toMonotonic(kept)).toBe(0);
    const third = new Machine(20 * hourMs);
    expect(ageInRun(third, time.nowMs(), 9 * hourMs, time.trustedSinceMs)).toBeGreaterThan(yearMs);
    expect(ageInRun(third, time.nowMs(), kept, time.trustedSinceMs)).toBeLessThan(11 * hourMs);
  });
});
