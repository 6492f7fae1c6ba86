import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../base/errors.ts';
import { codeOf } from '../base/thrown.ts';
import { writeWholeFile } from '../stores/whole-file.ts';

const accessSchema = z.object({ url: z.url({ protocol: /^http$/ }), secret: z.string().min(16), processId: z.int() });

/** How commands on this machine reach the control listener of a running process. */
export type ControlAccess = z.output<typeof accessSchema>;

/** It lies in the data folder; only the user whose process it is may read it. */
function accessFile(dataFolder: string): string {
  return join(dataFolder, 'control.json');
}

export function writeAccessFile(dataFolder: string, access: ControlAccess): void {
  writeWholeFile(accessFile(dataFolder), `${JSON.stringify(access)}\n`, { readableBy: 'owner', synced: false });
}

export function removeAccessFile(dataFolder: string): void {
  rmSync(accessFile(dataFolder), { force: true });
}

/** Whether a process has left its address there: it runs, or has been killed. */
export function hasAccessFile(dataFolder: string): boolean {
  return existsSync(accessFile(dataFolder));
}

/** Throws a `ConfigError` that says what to do when no process has left its address there. */
export function readAccessFile(dataFolder: string): ControlAccess {
  const file = accessFile(dataFolder);
  try {
    return accessSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new ConfigError('the running edge cannot be found', [accessFinding(file, dataFolder, cause)]);
  }
}

function accessFinding(file: string, dataFolder: string, cause: unknown): string {
  switch (codeOf(cause)) {
    case 'ENOENT':
      return `no edge runs with the data folder ${dataFolder}: start one with "streamfront start", or name the folder of the running one with --data`;
    case 'EACCES':
      return `${file} may be read only by the user who runs the edge: run this command as that user`;
    default:
      return `${file} is damaged: start the edge again, it writes the file anew`;
  }
}
