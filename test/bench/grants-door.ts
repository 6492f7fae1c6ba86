import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pinned, serverCore } from './processor.ts';
import type { BenchRow, BenchTarget } from './report.ts';

const execute = promisify(execFile);

/** What of the door can be measured in a process of its own, by group of the bench. */
export const doorGroups = ['repeated', 'new', 'geo'] as const;

/** A figure of `grants-door-child.ts`: microseconds of processor time for each. */
export interface DoorFigure {
  readonly group: (typeof doorGroups)[number];
  readonly name: string;
  readonly micros: number;
  /** What the same costs at the least, such as the bare verification of the signature. */
  readonly peerMicros: number | undefined;
  readonly bound: number | undefined;
}

/** Grants and countries without HTTP around them, in a process of its own on the core of servers. */
export async function doorRows(folder: string, quick: boolean, wants: (group: string) => boolean): Promise<BenchRow[]> {
  const groups = doorGroups.filter(wants);
  if (groups.length === 0) return [];
  const child = join(import.meta.dirname, 'grants-door-child.ts');
  const [command, args] = pinned(serverCore, process.execPath, [child, folder, quick ? 'quick' : 'full', ...groups]);
  const { stdout } = await execute(command, args, { timeout: 300_000 });
  return (JSON.parse(stdout) as DoorFigure[]).map(({ name, micros, peerMicros, bound }) => ({
    name,
    value: micros,
    unit: 'µs',
    peer: peerMicros ?? null,
    better: 'lower',
    target: bound === undefined ? null : ({ of: 'value', bound } satisfies BenchTarget),
    notes: peerMicros === undefined ? [] : ['peer: the bare verification of the signature by node:crypto'],
  }));
}
