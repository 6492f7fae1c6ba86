import { describe, expect, it } from 'vitest';
import { type BenchReport, type BenchRow, holds, jsonReport, ratioOf, tableReport } from './report.ts';

const row: BenchRow = {
  name: 'hit of 1 kB',
  value: 45_000.12345,
  unit: 'requests/s',
  peer: 30_000,
  better: 'higher',
  target: null,
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
    expect(holds({ ...row, target: { of: 'ratio', bound: 1.5 } })).toBe(true);
    expect(holds({ ...row, target: { of: 'ratio', bound: 1.6 } })).toBe(false);
  });

  it('asks for at most the target where lower is better', () => {
    expect(holds({ ...row, better: 'lower', target: { of: 'ratio', bound: 1.5 } })).toBe(true);
    expect(holds({ ...row, better: 'lower', target: { of: 'ratio', bound: 1.4 } })).toBe(false);
  });

  it('does not hold when there is a target and nobody to compare with', () => {
    expect(holds({ ...row, peer: null, target: { of: 'ratio', bound: 1 } })).toBe(false);
  });
});

describe('a target for the value itself', () => {
  const memory: BenchRow = {
    ...row,
    name: 'memory',
    value: 20,
    unit: 'MiB',
    peer: 80,
    better: 'lower',
    target: { of: 'value', bound: 25 },
  };

  it('is compared with ours, whatever the peer has', () => {
    expect(holds(memory)).toBe(true);
    expect(holds({ ...memory, value: 26 })).toBe(false);
    expect(holds({ ...memory, peer: null })).toBe(true);
  });

  it('leaves no ratio that could be taken for what it bounds', () => {
    const [json] = jsonReport(report([memory])).rows;
    expect(json).toMatchObject({ value: 20, peer: 80, ratio: null, target: 25, holds: true });
    expect(tableReport(report([memory]))).toMatch(/memory +20 +80 +MiB +– +≤ 25 +yes/);
  });
});

describe('a figure that could not be measured', () => {
  const missing: BenchRow = { ...row, value: null, notes: ['the server did not start'] };

  it('meets no target', () => {
    expect(holds({ ...missing, target: { of: 'value', bound: 1 } })).toBe(false);
    expect(holds({ ...missing, target: { of: 'ratio', bound: 1 } })).toBe(false);
  });

  it('is null for scripts and a dash with its reason for people', () => {
    expect(jsonReport(report([missing])).rows[0]).toMatchObject({ value: null, ratio: null, peer: 30_000 });
    expect(tableReport(report([missing]))).toContain('Warning [1] the server did not start');
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
    const [first] = jsonReport(report([{ ...row, target: { of: 'ratio', bound: 2 } }])).rows;
    expect(first).toMatchObject({ target: 2, holds: false });
  });
});

describe('tableReport', () => {
  it('shows each row with its ratio and its target', () => {
    const table = tableReport(report([{ ...row, target: { of: 'ratio', bound: 1.2 } }]));
    expect(table).toMatch(/ours +nginx +unit +ratio +target +holds/);
    expect(table).toMatch(/hit of 1 kB +45,000 +30,000 +requests\/s +1\.50 +≥ 1\.2 × +yes/);
  });

  it('marks the rows that have a note and gives it as a warning below', () => {
    const table = tableReport(report([row, { ...row, name: 'hit of 1 MB', notes: ['the load was the bottleneck'] }]));
    expect(table).toMatch(/hit of 1 MB .*\[2\]$/m);
    expect(table).toContain('Warning [2] the load was the bottleneck');
    expect(table).not.toContain('[1]');
  });

  it('gives a note that several rows share once, with the numbers of all', () => {
    const shared = { ...row, notes: ['the machine was busy'] };
    const table = tableReport(report([shared, row, { ...shared, notes: [...shared.notes, 'and slow'] }]));
    expect(table.match(/^Warning .*$/gm)).toEqual(['Warning [1, 3] the machine was busy', 'Warning [3] and slow']);
  });
});
