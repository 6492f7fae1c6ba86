import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { findProgram } from '../../scripts/system-programs.mjs';

/** Where servers run, and where the load comes from, so that neither takes the other's time. */
export const serverCore = 0;
export const loadCore = 1;

/** As long as this process may use them all: `onLoadCore` takes the others from it. */
const cores = availableParallelism();

/** Why servers and load cannot have a core each on this machine; undefined when they can. */
export function whyNotPinned(): string | undefined {
  if (cores < 2) return 'one core only: server and load share it, figures say little';
  if (findProgram('taskset') === undefined) return 'taskset is not installed: server and load may share a core';
  return undefined;
}

/** The command line that runs a program on one core; the same command line where that cannot be. */
export function pinned(core: number, command: string, args: readonly string[]): [string, readonly string[]] {
  return whyNotPinned() === undefined ? ['taskset', ['-c', String(core), command, ...args]] : [command, args];
}

/** Keeps this process, which is the load, off the core for servers while it acts; and what it starts, unless that is pinned. */
export async function onLoadCore<T>(act: () => Promise<T>): Promise<T> {
  if (whyNotPinned() !== undefined) return act();
  const pid = String(process.pid);
  // Such as "pid 123's current affinity list: 0,1".
  const before = execFileSync('taskset', ['-c', '-p', pid], { encoding: 'utf8' }).trim().split(' ').at(-1) ?? '';
  const stayOn = (list: string) => execFileSync('taskset', ['-a', '-c', '-p', list, pid], { stdio: 'ignore' });
  stayOn(String(loadCore));
  try {
    return await act();
  } finally {
    stayOn(before);
  }
}
