import { describe, expect, it } from 'vitest';
import { type BenchReport, type BenchRow, holds, jsonReport, ratioOf, tableReport } from './report.ts';

const row: BenchRow = {
  name: 'hit of 1 kB',
  value: 45_000.12345,
  unit: 'requests/s',
  peer: 30_000,
  better: 'higher',
  targetRatio: null,
  notes: [],
};
const report = (rows: BenchRow[]): BenchReport => ({ bench: 'edge', peerName: 'nginx', method: 'by hand', rows });

describe('ratioOf', () => {
  it('is ours divided by the peer', () => {
    expect(ratioOf(row)).toBe(1.5);
  });

  it('is null without a peer, and with one that did nothing', () => {
    expect(ratioOf({ ...row, peer: null })).toBeNull();
    expect(ratioOf({ ...row, peer: 0 })).toBeNull();
  });
});

describe('holds', () => {
  it('is null when there is no target', () => {
    expect(holds(row)).toBeNull();
  });

  it('asks for at least the target where higher is better', () => {
    expect(holds({ ...row, targetRatio: 1.5 })).toBe(true);
    expect(holds({ ...row, targetRatio: 1.6 })).toBe(false);
  });

  it('asks for at most the target where lower is better', () => {
    expect(holds({ ...row, better: 'lower', targetRatio: 1.5 })).toBe(true);
    expect(holds({ ...row, better: 'lower', targetRatio: 1.4 })).toBe(false);
  });

  it('does not hold when there is a target and nobody to compare with', () => {
    expect(holds({ ...row, peer: null, targetRatio: 1 })).toBe(false);
  });
});

describe('jsonReport', () => {
  it('has exactly the fields that scripts read, with null where there is nothing to say', () => {
    expect(jsonReport(report([row, { ...row, name: 'alone', peer: null }]))).toEqual({
      bench: 'edge',
      rows: [
        {
          name: 'hit of 1 kB',
          value: 45_000.123,
          unit: 'requests/s',
          peer: 30_000,
          ratio: 1.5,
          target: null,
          holds: null,
        },
        { name: 'alone', value: 45_000.123, unit: 'requests/s', peer: null, ratio: null, target: null, holds: null },
      ],
    });
  });

  it('says whether a target holds', () => {
    const [first] = jsonReport(report([{ ...row, targetRatio: 2 }])).rows;
    expect(first).toMatchObject({ target: 2, holds: false });
  });
});

describe('tableReport', () => {
  it('shows each row with its ratio and its target', () => {
    const table = tableReport(report([{ ...row, targetRatio: 1.2 }]));
    expect(table).toMatch(/ours +nginx +unit +ratio +target +holds/);
    expect(table).toMatch(/hit of 1 kB +45,000 +30,000 +requests\/s +1\.50 +≥ 1\.2 +yes/);
  });

  it('marks the rows that have a note and gives it as a warning below', () => {
    const table = tableReport(report([row, { ...row, name: 'hit of 1 MB', notes: ['the load was the bottleneck'] }]));
    expect(table).toMatch(/hit of 1 MB .*\[2\]$/m);
    expect(table).toContain('Warning [2] the load was the bottleneck');
    expect(table).not.toContain('[1]');
  });
});
