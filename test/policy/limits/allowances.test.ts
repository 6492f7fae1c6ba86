import { describe, expect, it } from 'vitest';
import { Allowances } from '../../../src/policy/limits/allowances.ts';

const nothing = { requestsPerSecond: undefined, burst: undefined, bytesPerSecond: undefined, sessions: undefined };

describe('Allowances', () => {
  it('gives each holder its own requests, in a burst and then by time', () => {
    const allowances = new Allowances({ ...nothing, requestsPerSecond: 2, burst: 3 });
    const at = (nowMs: number, holder = 'a') => allowances.takeRequest(holder, nowMs);
    expect([at(0), at(0), at(0)]).toEqual([undefined, undefined, undefined]);
    expect(at(0)).toEqual({ what: 'requests', waitMs: 500 });
    expect(at(0, 'b')).toBeUndefined();
    expect(at(375)).toEqual({ what: 'requests', waitMs: 125 });
    expect(at(500)).toBeUndefined();
    allowances.giveBack('a');
    expect(at(500)).toBeUndefined();
    expect(at(500)).toBeDefined();
  });

  it('refuses who owes bytes, until they are made up for', () => {
    const allowances = new Allowances({ ...nothing, bytesPerSecond: 1_000 });
    allowances.spend('a', 10_000, 0);
    expect(allowances.takeRequest('a', 0)).toBeUndefined();
    allowances.spend('a', 3_000, 0);
    expect(allowances.takeRequest('a', 0)).toEqual({ what: 'bandwidth', waitMs: 3_000 });
    expect([allowances.owedMs('a', 1_000), allowances.owedMs('a', 3_000), allowances.owedMs('b', 0)]).toEqual([
      2_000, 0, 0,
    ]);
    expect(allowances.takeRequest('a', 3_000)).toBeUndefined();
  });
});
