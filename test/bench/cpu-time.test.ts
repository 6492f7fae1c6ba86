import { describe, expect, it } from 'vitest';
import { parseProcessStat, treeOf } from './cpu-time.ts';

describe('parseProcessStat', () => {
  it('reads parent and times, also behind a name with blanks and parentheses', () => {
    const line =
      '4711 (a (very) odd name) S 42 4711 42 0 -1 4194304 1000 0 0 0 31 12 5 2 20 0 1 0 8000 1000000 500 18446744073709551615';
    expect(parseProcessStat(line)).toEqual({ pid: 4711, parentPid: 42, cpuTicks: 31 + 12 + 5 + 2 });
  });
});

describe('treeOf', () => {
  it('is a process and all below it, and nobody else', () => {
    const processes = [
      { pid: 10, parentPid: 1, cpuTicks: 1 },
      { pid: 11, parentPid: 10, cpuTicks: 20 },
      { pid: 12, parentPid: 11, cpuTicks: 300 },
      { pid: 13, parentPid: 1, cpuTicks: 4_000 },
    ];
    expect(treeOf(10, processes).map(({ pid }) => pid)).toEqual([10, 11, 12]);
    expect(treeOf(99, processes)).toEqual([]);
  });
});
