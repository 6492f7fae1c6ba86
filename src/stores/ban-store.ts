import { DatabaseSync } from 'node:sqlite';
import { ConfigError } from '../base/errors.ts';
import type { Ban, BanListStart } from '../policy/ban-list.ts';

/** An invalidation as it was acknowledged. */
export interface InvalidationRecord {
  readonly id: string;
  readonly distribution: string;
  /** As they were written. */
  readonly items: readonly string[];
  readonly bans: readonly Ban[];
  readonly sequence: number;
  readonly createdWallMs: number;
}

/** To be raised with every change of the tables. */
const schemaVersion = 2;

/**
 * Keeps bans where a restart, a kill and a power cut do not reach them: an SQLite file, each invalidation one row,
 * synced before `add` returns.
 */
export class BanStore {
  readonly #database: DatabaseSync;
  /** With what a list of bans that goes on from here begins. */
  readonly start: BanListStart;

  /**
   * `file` may be `:memory:`. `storedIn`: where it is that what these bans speak of outlives the process, such as a
   * folder. When that was another place the last time, bans may have been forgotten that what is there now has never
   * heard of: the list begins anew. Throws a `ConfigError` when it cannot be used, and when another process uses it: two lists
   * of bans would know nothing of each other.
   */
  constructor(file: string, storedIn: string, nowWallMs: number) {
    this.#database = openDatabase(file);
    const row = this.#database.prepare('SELECT * FROM ban_list').get();
    // Numbers follow the wall clock, so that a list that begins anew, its file lost, is ahead of all that was stored.
    const currentSequence = Math.max(nowWallMs, Number(row?.['current_sequence'] ?? 0));
    this.start = {
      beginSequence: row?.['stored_in'] === storedIn ? Number(row['begin_sequence']) : currentSequence,
      forgottenSequence: Number(row?.['forgotten_sequence'] ?? currentSequence),
      currentSequence,
    };
    this.#database
      .prepare('INSERT OR REPLACE INTO ban_list VALUES (0, ?, ?, ?, ?)')
      .run(storedIn, this.start.beginSequence, this.start.forgottenSequence, currentSequence);
  }

  /** The invalidations that are not forgotten, in the order of their numbers. */
  records(): readonly InvalidationRecord[] {
    const rows = this.#database.prepare('SELECT * FROM invalidations ORDER BY sequence').all();
    return rows.map((row) => ({
      id: String(row['id']),
      distribution: String(row['distribution']),
      items: JSON.parse(String(row['items'])) as readonly string[],
      bans: JSON.parse(String(row['bans'])) as readonly Ban[],
      sequence: Number(row['sequence']),
      createdWallMs: Number(row['created_wall_ms']),
    }));
  }

  /** Is on the disk when it returns. */
  add({ id, distribution, items, bans, sequence, createdWallMs }: InvalidationRecord): void {
    this.#inTransaction(() => {
      this.#database
        .prepare('INSERT INTO invalidations VALUES (?, ?, ?, ?, ?, ?)')
        .run(sequence, id, distribution, JSON.stringify(items), JSON.stringify(bans), createdWallMs);
      this.#database.prepare('UPDATE ban_list SET current_sequence = ?').run(sequence);
    });
  }

  /** Bans up to this number have been carried out. */
  forget(upToSequence: number): void {
    this.#inTransaction(() => {
      this.#database.prepare('UPDATE ban_list SET forgotten_sequence = ?').run(upToSequence);
      this.#database.prepare('DELETE FROM invalidations WHERE sequence <= ?').run(upToSequence);
    });
  }

  close(): void {
    this.#database.close();
  }

  #inTransaction(action: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      action();
      this.#database.exec('COMMIT');
    } catch (error) {
      // SQLite has rolled back by itself where the disk was full: a second time would hide why.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

function openDatabase(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    const { user_version: version } = database.prepare('PRAGMA user_version').get() ?? {};
    // A list that begins anew is safe: what was stored before counts as banned.
    if (version !== schemaVersion) database.exec('DROP TABLE IF EXISTS ban_list; DROP TABLE IF EXISTS invalidations');
    database.exec(`
      PRAGMA user_version = ${schemaVersion};
      CREATE TABLE IF NOT EXISTS ban_list (
        only_row INTEGER PRIMARY KEY, stored_in TEXT NOT NULL, begin_sequence INTEGER NOT NULL,
        forgotten_sequence INTEGER NOT NULL, current_sequence INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS invalidations (
        sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, distribution TEXT NOT NULL, items TEXT NOT NULL,
        bans TEXT NOT NULL, created_wall_ms INTEGER NOT NULL)`);
    return database;
  } catch (cause) {
    database?.close();
    throw new ConfigError('what was invalidated cannot be kept', [openFinding(file, cause)]);
  }
}

function openFinding(file: string, cause: unknown): string {
  const { errcode, message } = cause as { readonly errcode?: number; readonly message: string };
  switch (errcode) {
    // SQLITE_BUSY
    case 5:
      return `${file} is in use by another process: give every edge a data folder of its own with --data`;
    // SQLITE_CORRUPT, SQLITE_NOTADB
    case 11:
    case 26:
      return `${file} is damaged: move it away; whatever is cached on disk is then fetched anew`;
    default:
      return `${file}: ${message}; choose another data folder with --data`;
  }
}
