import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EgressMeter } from '../../../src/policy/limits/egress-meter.ts';

/** So much a second, a piece every 100 ms, for so long. */
function flow(meter: EgressMeter, bytesPerSecond: number, fromMs: number, forMs: number, most = 3): number {
  for (let nowMs = fromMs; nowMs < fromMs + forMs; nowMs += 100) {
    meter.spend(bytesPerSecond / 10, nowMs);
    meter.adapt(most, nowMs);
  }
  return fromMs + forMs;
}

describe('EgressMeter', () => {
  it('tells what goes out in a second, whatever the pieces', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 500 }), (pieceMs) => {
        const meter = new EgressMeter(1e9, 0);
        let nowMs = 0;
        for (; nowMs < 30_000; nowMs += pieceMs) meter.spend(pieceMs * 1_000, nowMs);
        expect(meter.bytesPerSecond(nowMs)).toBeGreaterThan(900_000);
        expect(meter.bytesPerSecond(nowMs)).toBeLessThan(1_100_000);
      }),
    );
  });

  it('withholds one rendition after the other while too much goes out, and not more than there are', () => {
    const meter = new EgressMeter(1_000_000, 0);
    let nowMs = flow(meter, 500_000, 0, 30_000);
    expect(meter.withheld).toBe(0);
    nowMs = flow(meter, 980_000, nowMs, 10_000);
    expect([meter.withheld, meter.isFull(nowMs)]).toEqual([1, false]);
    nowMs = flow(meter, 1_100_000, nowMs, 8_000);
    expect([meter.withheld, meter.isFull(nowMs)]).toEqual([2, true]);
    nowMs = flow(meter, 1_100_000, nowMs, 60_000);
    expect(meter.withheld).toBe(3);
    nowMs = flow(meter, 700_000, nowMs, 120_000);
    expect(meter.withheld).toBe(3);
    nowMs = flow(meter, 300_000, nowMs, 15_000);
    expect(meter.withheld).toBe(2);
    expect([meter.adapt(3, nowMs + 60_000), meter.withheld]).toEqual([true, 1]);
    expect([meter.adapt(0, nowMs + 60_000), meter.withheld]).toEqual([true, 0]);
  });
});
