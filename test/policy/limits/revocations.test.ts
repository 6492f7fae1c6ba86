import { describe, expect, it } from 'vitest';
import { Revocations } from '../../../src/policy/limits/revocations.ts';

describe('Revocations', () => {
  it('are in force until their time, or until they are taken back', () => {
    const revocations = new Revocations([{ kind: 'key', name: 'K1', id: 'K1', untilMs: undefined }]);
    revocations.add({ kind: 'address', name: '192.0.2.1', id: '192.0.2.1', untilMs: 1_000 }, 0);
    const stand = (nowMs: number) => [
      revocations.has('key', 'K1', nowMs),
      revocations.has('address', '192.0.2.1', nowMs),
      revocations.has('grant', 'K1', nowMs),
    ];
    expect(stand(999)).toEqual([true, true, false]);
    expect(stand(1_000)).toEqual([true, false, false]);
    expect(revocations.list(1_000)).toEqual([{ kind: 'key', name: 'K1', id: 'K1', untilMs: undefined }]);
    expect([revocations.takeBack('key', 'K1'), revocations.takeBack('key', 'K1')]).toEqual([true, false]);
    expect(stand(0)).toEqual([false, true, false]);
  });

  it('are bounded, and those whose time is over make room', () => {
    const revocations = new Revocations();
    for (let i = 0; i < 10_000; i++)
      revocations.add({ kind: 'grant', name: `g${i}`, id: `g${i}`, untilMs: i === 0 ? 5 : 100 }, 0);
    expect(() => revocations.add({ kind: 'grant', name: 'one more', id: 'one more', untilMs: 100 }, 1)).toThrow(
      /^TOO_MANY_REVOCATIONS: revocations are in force: 10000, limit 10000$/,
    );
    revocations.add({ kind: 'grant', name: 'g7', id: 'g7', untilMs: 200 }, 1);
    revocations.add({ kind: 'grant', name: 'one more', id: 'one more', untilMs: 100 }, 5);
    expect(revocations.list(6)).toHaveLength(10_000);
  });
});
