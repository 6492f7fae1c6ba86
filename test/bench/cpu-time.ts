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

/** The ticks of a process and of all below it. */
export function ticksOfTree(rootPid: number, processes: readonly ProcessStat[]): number {
  const below = (pid: number): number =>
    processes
      .filter(({ parentPid }) => parentPid === pid)
      .reduce((sum, child) => sum + child.cpuTicks + below(child.pid), 0);
  return (processes.find(({ pid }) => pid === rootPid)?.cpuTicks ?? 0) + below(rootPid);
}

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Seconds of processor time that a running process and all below it have taken so far. Linux only. */
export function cpuSecondsOfTree(rootPid: number): number {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))];
      } catch {
        // It ended between the listing and the reading.
        return [];
      }
    });
  return ticksOfTree(rootPid, processes) / ticksPerSecond;
}
