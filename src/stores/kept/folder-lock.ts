import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Log } from '../../base/log.ts';
import { ConfigError } from '../../base/errors.ts';

/** Of `SQLITE_BUSY`. */
const busyCode = 5;

/**
 * Holds a file for one process alone, until it is released or the process ends, however that comes: by the lock that
 * SQLite takes of the system.
 */
export class FolderLock {
  readonly #database: DatabaseSync | undefined;

  /**
   * `finding` is what is wrong when another one holds it, for the `ConfigError` that is thrown then. Where a file cannot be
   * locked at all (no room, a file system without locks) the log says so, and nothing is held.
   */
  constructor(file: string, { finding, log }: { readonly finding: string; readonly log: Log }) {
    let database: DatabaseSync | undefined;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
      database = new DatabaseSync(file, { timeout: 0 });
      database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
      this.#database = database;
    } catch (cause) {
      database?.close();
      const { errcode } = cause as { readonly errcode?: number };
      if (errcode === busyCode) throw new ConfigError('live streams cannot be kept', [finding]);
      log.warn({ code: 'LIVE_KEEP_UNLOCKED', file, err: cause }, 'A folder cannot be kept from other processes');
    }
  }

  release(): void {
    this.#database?.close();
  }
}
