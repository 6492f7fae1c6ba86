import { describe, expect, it } from 'vitest';
import { TakeoverBrake } from '../../src/policy/takeover-brake.ts';

describe('TakeoverBrake', () => {
  it('lets an encoder whose connection breaks now and then take its stream over for ever', () => {
    const brake = new TakeoverBrake();
    for (let nowMs = 0; nowMs < 3_600_000; nowMs += 15_000) {
      expect(brake.refusal('live/a', nowMs)).toBeUndefined();
      brake.count(nowMs);
    }
  });

  it('refuses for a minute after the fifth takeover within a minute, and says for how long yet', () => {
    const brake = new TakeoverBrake();
    for (const nowMs of [0, 2_000, 4_000, 6_000]) brake.count(nowMs);
    expect(brake.refusal('live/a', 7_999)).toBeUndefined();
    brake.count(8_000);
    expect(brake.refusal('live/a', 8_000)).toMatch(/live\/a.*stop all but one.*in 60 s/);
    expect(brake.refusal('live/a', 67_999)).toMatch(/in 1 s/);
    expect(brake.refusal('live/a', 68_000)).toBeUndefined();
  });

  it('allows two encoders that never stop no more than five takeovers in a minute and a bit', () => {
    const brake = new TakeoverBrake();
    let takeovers = 0;
    for (let nowMs = 0; nowMs < 600_000; nowMs += 2_000) {
      if (brake.refusal('live/a', nowMs) !== undefined) continue;
      brake.count(nowMs);
      takeovers++;
    }
    expect(takeovers).toBeLessThanOrEqual(50);
    expect(takeovers).toBeGreaterThan(40);
  });
});
