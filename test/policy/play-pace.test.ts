import { describe, expect, it } from 'vitest';
import { PlayPace } from '../../src/policy/play-pace.ts';

describe('PlayPace', () => {
  it('lets a client that says nothing of its buffer have two seconds at once, then as much as it plays', () => {
    const pace = new PlayPace();
    pace.begin(60_000, 5_000);
    expect(pace.mayBeSent(62_000, 5_000)).toBe(true);
    expect(pace.mayBeSent(62_001, 5_000)).toBe(false);
    expect(pace.mayBeSent(63_000, 6_000)).toBe(true);
    expect(pace.mayBeSent(63_001, 6_000)).toBe(false);
  });

  it('gathers a quarter of what the client is ahead for one write, a second at most', () => {
    const pace = new PlayPace();
    pace.begin(0, 0);
    expect(pace.waitMs(2_040, 0)).toBe(540);
    pace.setBuffer(10_000);
    expect(pace.waitMs(10_040, 0)).toBe(1_040);
    expect(pace.waitMs(0, 0)).toBe(0);
  });

  it('gives what the buffer asks for, however much, and a second at the least', () => {
    const pace = new PlayPace();
    pace.begin(0, 0);
    pace.setBuffer(36_000_000);
    expect(pace.mayBeSent(36_000_000, 0)).toBe(true);
    pace.setBuffer(100);
    expect(pace.mayBeSent(1_000, 0)).toBe(true);
    expect(pace.mayBeSent(1_001, 0)).toBe(false);
  });

  it('counts from where a player is that had to wait, not from where it would be', () => {
    const pace = new PlayPace();
    pace.begin(0, 0);
    pace.sent(1_000, 0);
    expect(pace.mayBeSent(2_000, 0)).toBe(true);
    pace.sent(2_000, 60_000);
    expect(pace.mayBeSent(4_000, 60_000)).toBe(true);
    expect(pace.mayBeSent(4_001, 60_000)).toBe(false);
  });

  it('stands still while the client pauses, also where it begins anew meanwhile', () => {
    const pace = new PlayPace();
    pace.begin(0, 0);
    pace.pause(1_000);
    expect(pace.mayBeSent(3_001, 60_000)).toBe(false);
    pace.pause(30_000);
    pace.resume(60_000);
    expect(pace.mayBeSent(3_000, 60_000)).toBe(true);
    expect(pace.mayBeSent(3_001, 60_000)).toBe(false);
    pace.pause(61_000);
    pace.begin(100_000, 70_000);
    pace.resume(80_000);
    expect(pace.mayBeSent(102_000, 80_000)).toBe(true);
    expect(pace.mayBeSent(102_001, 80_000)).toBe(false);
  });
});
