import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface WholeFileOptions {
  /** Its owner: the user of this process. */
  readonly readableBy: 'owner' | 'everybody';
  /** Whether it is on the disk when `writeWholeFile` returns: its content before its name. */
  readonly synced: boolean;
}

/**
 * Writes a small file, or writes it anew, so that it is never there in part, and never readable by others for a while.
 * Throws the system's error; then what was there before stays.
 */
export function writeWholeFile(file: string, text: string, { readableBy, synced }: WholeFileOptions): void {
  const unfinished = `${file}.${process.pid}.new`;
  rmSync(unfinished, { force: true });
  try {
    const descriptor = openSync(unfinished, 'wx', readableBy === 'owner' ? 0o600 : 0o644);
    try {
      // Whatever the mask of the user: they may be other users of this machine.
      if (readableBy === 'everybody') fchmodSync(descriptor, 0o644);
      writeFileSync(descriptor, text);
      if (synced) fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(unfinished, file);
    if (synced) syncFolder(dirname(file));
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

/** Which files a folder holds is on the disk when it returns. Windows writes that itself, and opens no folders. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
