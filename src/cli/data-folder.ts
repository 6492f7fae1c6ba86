import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import { reasonOf } from '../base/thrown.ts';

/** Makes the folder if it is not there, and makes sure that it can be written to. Returns its absolute path. */
export function prepareDataFolder(folder: string): string {
  const path = resolve(folder);
  try {
    makeFolder(path);
    accessSync(path, constants.W_OK);
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new ConfigError('the data folder cannot be used', [`data: ${path}: ${reason}; choose another with --data`]);
  }
  return path;
}

/** One by one: `mkdir` with `recursive` never returns below a folder that takes none, such as `/proc`. */
function makeFolder(path: string): void {
  if (isFolder(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o750 });
  } catch (error) {
    // Another process that starts at the same time may have been quicker.
    if (!isFolder(path)) throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
