import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** One line of /proc/PID/stat, as far as it matters here (proc(5)). */
export interface ProcessStat {
  readonly pid: number;
  readonly parentPid: number;
  /** User and system time of the process, and of its children that have ended and were waited for, in clock ticks. */
  readonly cpuTicks: number;
}

/** Reads a line of /proc/PID/stat. The name in it may hold blanks and parentheses. */
export function parseProcessStat(line: string): ProcessStat {
  const afterName = line.slice(line.lastIndexOf(')') + 2).split(' ');
  // Fields are counted from 1 in proc(5); the third, the state, is the first after the name.
  const field = (number: number) => Number(afterName[number - 3]);
  return {
    pid: Number.parseInt(line, 10),
    parentPid: field(4),
    cpuTicks: field(14) + field(15) + field(16) + field(17),
  };
}

/** A process and all below it, itself first; empty when it is not among them. */
export function treeOf(rootPid: number, processes: readonly ProcessStat[]): readonly ProcessStat[] {
  const below = (pid: number): ProcessStat[] =>
    processes.filter(({ parentPid }) => parentPid === pid).flatMap((child) => [child, ...below(child.pid)]);
  return [...processes.filter(({ pid }) => pid === rootPid), ...below(rootPid)];
}

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Seconds of processor time that a running process and all below it have taken so far. Linux only. */
export function cpuSecondsOfTree(rootPid: number): number {
  const ticks = treeOf(rootPid, runningProcesses()).reduce((sum, { cpuTicks }) => sum + cpuTicks, 0);
  return ticks / ticksPerSecond;
}

/** The process ids of a running process and of all below it. Linux only. */
export function pidsOfTree(rootPid: number): readonly number[] {
  return treeOf(rootPid, runningProcesses()).map(({ pid }) => pid);
}

function runningProcesses(): readonly ProcessStat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))];
      } catch {
        // It ended between the listing and the reading.
        return [];
      }
    });
}
