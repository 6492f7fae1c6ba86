import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestMetrics } from '../../src/observe/request-metrics.ts';
import { sampleExchange as exchange } from './sample-exchange.ts';

describe('RequestMetrics', () => {
  it('counts by result, by class of status, and bytes both ways', () => {
    const metrics = new RequestMetrics();
    metrics.record(exchange({}));
    metrics.record(exchange({ result: 'Miss', status: 206 }));
    metrics.record(exchange({ result: 'Error', status: 404, whole: false }));
    metrics.record(exchange({ result: 'Error', status: 0, sentBytes: 0 }));
    expect(metrics.snapshot()).toMatchObject({
      requests: 4,
      byResult: { Hit: 1, RefreshHit: 0, Miss: 1, Redirect: 0, Error: 2 },
      byStatusClass: { none: 1, '1xx': 0, '2xx': 2, '3xx': 0, '4xx': 1, '5xx': 0 },
      brokenOff: 1,
      receivedBytes: 40,
      sentBytes: 300,
    });
  });

  it('tells a latency to a fifth, from a microsecond to an hour', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.0011, max: 3_600_000, noNaN: true }), (durationMs) => {
        const metrics = new RequestMetrics();
        metrics.record(exchange({ durationMs }));
        const { buckets, quantileMs } = metrics.snapshot().latency;
        expect(buckets).toHaveLength(1);
        expect(quantileMs(0.5)).toBeGreaterThanOrEqual(durationMs * 0.999);
        expect(quantileMs(0.5)).toBeLessThanOrEqual(durationMs * 1.2);
      }),
    );
  });

  it('gives the bound below which a share of all lies', () => {
    const metrics = new RequestMetrics();
    expect(metrics.snapshot().latency.quantileMs(0.99)).toBe(0);
    for (let i = 0; i < 99; i++) metrics.record(exchange({ durationMs: 1 }));
    metrics.record(exchange({ durationMs: 1_000 }));
    const { quantileMs, sumMs } = metrics.snapshot().latency;
    expect(sumMs).toBe(1_099);
    expect(quantileMs(0.98)).toBeLessThan(1.2);
    expect(quantileMs(1)).toBeGreaterThanOrEqual(1_000);
  });
});
