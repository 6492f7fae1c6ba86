import { readdirSync, readFileSync } from 'node:fs';
import { pidsOfTree } from './cpu-time.ts';

/**
 * Seconds of processor time that all threads of a process, and of those below it, have taken: to the nanosecond, where
 * the clock ticks of /proc/PID/stat are 10 ms. What a thread took that has ended is not in it. Linux only.
 */
export function exactCpuSeconds(rootPid: number): number {
  let nanoseconds = 0;
  for (const pid of pidsOfTree(rootPid)) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number.parseInt(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'), 10);
    }
  }
  return nanoseconds / 1e9;
}

/** Memory of a process and those below it, in bytes; of what several processes share, each counts its part (PSS). */
export function proportionalBytes(rootPid: number): number {
  return pidsOfTree(rootPid).reduce((sum, pid) => {
    const [, kilobytes] = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
    return sum + Number(kilobytes) * 1_024;
  }, 0);
}
