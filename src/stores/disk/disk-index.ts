import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';

/** What the index knows of one body on disk. */
export interface IndexRow {
  /** Never used again: it names the file of the body. */
  readonly id: number;
  readonly cacheKey: string;
  readonly variantKey: string;
  readonly head: string;
  /** On the scale of `SteadyTime`. */
  readonly receivedMs: number;
  readonly bodyBytes: number;
  /** CRC-32 of the body. */
  readonly bodyCrc: number;
  /** CRC-32 of everything else that is given out. */
  readonly headCrc: number;
  readonly sequence: number;
  /** As JSON. */
  readonly tags: string;
  readonly costBytes: number;
  readonly queue: DiskQueue;
}

/** The queues of S3-FIFO (`memory-cache.ts`). */
export type DiskQueue = 'small' | 'main';

export type EvictionCandidate = Pick<IndexRow, 'id' | 'cacheKey' | 'costBytes'> & { readonly visits: number };

export type SweepRow = Pick<IndexRow, 'id' | 'cacheKey' | 'sequence' | 'tags'>;

/** More variants than this under one key are noise: the oldest goes. */
const maxVariants = 8;
/** Ids are taken in blocks, so that no id is used twice whenever the process ends. */
const idBlock = 4_096;
/** Of the tables below; with the codec's version it tells whether an index can be read. */
const schemaVersion = 1;

interface Totals {
  smallBytes: number;
  mainBytes: number;
  objects: number;
}

const schema = `
  CREATE TABLE objects (
    id INTEGER PRIMARY KEY,
    cacheKey TEXT NOT NULL,
    variantKey TEXT NOT NULL,
    head TEXT NOT NULL,
    receivedMs REAL NOT NULL,
    bodyBytes INTEGER NOT NULL,
    bodyCrc INTEGER NOT NULL,
    headCrc INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    tags TEXT NOT NULL,
    costBytes INTEGER NOT NULL,
    queue TEXT NOT NULL,
    place INTEGER NOT NULL,
    visits INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX objectsByKey ON objects (cacheKey);
  CREATE INDEX objectsByPlace ON objects (queue, place);
  CREATE TABLE state (
    onlyRow INTEGER PRIMARY KEY CHECK (onlyRow = 1),
    smallBytes INTEGER NOT NULL,
    mainBytes INTEGER NOT NULL,
    objects INTEGER NOT NULL,
    nextId INTEGER NOT NULL,
    lastSeenMs REAL NOT NULL,
    trustedSinceMs REAL NOT NULL,
    closedWell INTEGER NOT NULL
  ) STRICT;
  INSERT INTO state VALUES (1, 0, 0, 0, 1, 0, 0, 1);
`;

/**
 * The index of the disk tier: an SQLite database that one process holds at a time. Nothing is loaded when it is opened.
 * It is not flushed to the medium with every change: a process that is killed loses nothing, and what a power failure
 * leaves behind is found out by the checksums.
 */
export class DiskIndex {
  readonly #database: DatabaseSync;
  readonly #find: StatementSync;
  readonly #exists: StatementSync;
  readonly #insert: StatementSync;
  readonly #updateHead: StatementSync;
  readonly #delete: StatementSync;
  readonly #oldest: StatementSync;
  readonly #requeue: StatementSync;
  readonly #visit: StatementSync;
  readonly #page: StatementSync;
  readonly #saveTotals: StatementSync;
  #totals: Totals;
  #nextId: number;
  #idsTaken: number;
  readonly lastSeenMs: number;
  readonly trustedSinceMs: number;
  /** Whether the last run came to its end, so that no file lies around without a row. */
  readonly closedWell: boolean;

  /** Throws what `node:sqlite` throws; `indexFault` says what it means. `codecVersion`: below 1,000. */
  constructor(folder: string, codecVersion: number) {
    const version = schemaVersion * 1_000 + codecVersion;
    this.#database = new DatabaseSync(join(folder, indexFile));
    try {
      this.#database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
      const { user_version: found } = this.#database.prepare('PRAGMA user_version').get() as { user_version: number };
      if (found === 0) this.#database.exec(`BEGIN; ${schema} PRAGMA user_version = ${version}; COMMIT`);
      else if (found !== version) throw new OtherVersionError(found);
      this.#find = this.#database.prepare('SELECT * FROM objects WHERE cacheKey = ? ORDER BY id DESC');
      this.#exists = this.#database.prepare('SELECT receivedMs FROM objects WHERE id = ?');
      this.#insert = this.#database.prepare(
        'INSERT INTO objects VALUES (:id, :cacheKey, :variantKey, :head, :receivedMs, :bodyBytes, :bodyCrc, :headCrc, :sequence, :tags, :costBytes, :queue, :id, 0)',
      );
      this.#updateHead = this.#database.prepare(
        'UPDATE objects SET head = :head, receivedMs = :receivedMs, headCrc = :headCrc, sequence = :sequence, tags = :tags WHERE id = :id',
      );
      this.#delete = this.#database.prepare('DELETE FROM objects WHERE id = ? RETURNING costBytes, queue');
      this.#oldest = this.#database.prepare(
        'SELECT id, cacheKey, costBytes, visits FROM objects WHERE queue = ? ORDER BY place LIMIT ?',
      );
      this.#requeue = this.#database.prepare('UPDATE objects SET queue = ?, place = ?, visits = ? WHERE id = ?');
      this.#visit = this.#database.prepare('UPDATE objects SET visits = min(visits + 1, 3) WHERE id = ?');
      this.#page = this.#database.prepare(
        'SELECT id, cacheKey, sequence, tags FROM objects WHERE id > ? ORDER BY id LIMIT ?',
      );
      this.#saveTotals = this.#database.prepare(
        'UPDATE state SET smallBytes = :smallBytes, mainBytes = :mainBytes, objects = :objects',
      );
      const state = this.#state();
      this.#totals = { smallBytes: state.smallBytes, mainBytes: state.mainBytes, objects: state.objects };
      this.#nextId = state.nextId;
      this.#idsTaken = state.nextId;
      this.lastSeenMs = state.lastSeenMs;
      this.trustedSinceMs = state.trustedSinceMs;
      this.closedWell = state.closedWell === 1;
      this.#database.exec('UPDATE state SET closedWell = 0');
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  get totals(): Readonly<Totals> {
    return this.#totals;
  }

  get bytes(): number {
    return this.#totals.smallBytes + this.#totals.mainBytes;
  }

  /** Ids from this one on are of this run, or of none yet. */
  get nextId(): number {
    return this.#nextId;
  }

  takeId(): number {
    if (this.#nextId >= this.#idsTaken) {
      const taken = this.#nextId + idBlock;
      this.#database.prepare('UPDATE state SET nextId = ?').run(taken);
      this.#idsTaken = taken;
    }
    return this.#nextId++;
  }

  /** All variants of a key, the newest first. */
  find(cacheKey: string): IndexRow[] {
    return this.#find.all(cacheKey) as unknown as IndexRow[];
  }

  /** Whether a row is there and is what was read, also after a wait. */
  holds({ id, receivedMs }: IndexRow): boolean {
    const row = this.#exists.get(id) as { receivedMs: number } | undefined;
    return row?.receivedMs === receivedMs;
  }

  hasId(id: number): boolean {
    return this.#exists.get(id) !== undefined;
  }

  /** Adds a variant in the place of the same one and of those too many. Gives the ids whose bodies nobody needs now. */
  insert(row: IndexRow): number[] {
    return this.transaction(() => {
      const { same = [], other = [] } = Object.groupBy(this.find(row.cacheKey), ({ variantKey }) =>
        variantKey === row.variantKey ? 'same' : 'other',
      );
      const dropped = [...same, ...other.slice(maxVariants - 1)].map(({ id }) => id);
      for (const id of dropped) this.#deleteRow(id);
      this.#insert.run({ ...row });
      this.#count(row.queue, row.costBytes, 1);
      return dropped;
    });
  }

  /** The same body has been confirmed, with other fields. */
  updateHead(row: Pick<IndexRow, 'id' | 'head' | 'receivedMs' | 'headCrc' | 'sequence' | 'tags'>): boolean {
    return this.#updateHead.run(row).changes > 0;
  }

  remove(ids: readonly number[]): void {
    if (ids.length === 0) return;
    this.transaction(() => {
      for (const id of ids) this.#deleteRow(id);
    });
  }

  /** The next to go of a queue. */
  oldest(queue: DiskQueue, count: number): EvictionCandidate[] {
    return this.#oldest.all(queue, count) as unknown as EvictionCandidate[];
  }

  /** To the end of the main queue. */
  requeue(candidate: EvictionCandidate, from: DiskQueue, visits: number): void {
    this.#requeue.run('main', this.takeId(), visits, candidate.id);
    this.#count(from, -candidate.costBytes, -1);
    this.#count('main', candidate.costBytes, 1);
  }

  visit(ids: Iterable<number>): void {
    this.transaction(() => {
      for (const id of ids) this.#visit.run(id);
    });
  }

  /** The rows behind an id, in their order. */
  page(afterId: number, count: number): SweepRow[] {
    return this.#page.all(afterId, count) as unknown as SweepRow[];
  }

  saveTime(lastSeenMs: number, trustedSinceMs: number): void {
    this.#database.prepare('UPDATE state SET lastSeenMs = ?, trustedSinceMs = ?').run(lastSeenMs, trustedSinceMs);
  }

  /** All of it or nothing; may stand within another. */
  transaction<Result>(change: () => Result): Result {
    if (this.#database.isTransaction) return change();
    this.#database.exec('BEGIN');
    try {
      const result = change();
      this.#saveTotals.run({ ...this.#totals });
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      // SQLite has rolled back already after some errors.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      const { smallBytes, mainBytes, objects } = this.#state();
      this.#totals = { smallBytes, mainBytes, objects };
      this.#idsTaken = this.#nextId;
      throw error;
    }
  }

  close(well: boolean): void {
    try {
      if (well) this.#database.exec('UPDATE state SET closedWell = 1');
    } finally {
      this.#database.close();
    }
  }

  #deleteRow(id: number): void {
    const row = this.#delete.get(id) as Pick<IndexRow, 'costBytes' | 'queue'> | undefined;
    if (row !== undefined) this.#count(row.queue, -row.costBytes, -1);
  }

  #count(queue: DiskQueue, costBytes: number, objects: number): void {
    if (queue === 'small') this.#totals.smallBytes += costBytes;
    else this.#totals.mainBytes += costBytes;
    this.#totals.objects += objects;
  }

  #state() {
    return this.#database.prepare('SELECT * FROM state').get() as unknown as Totals & {
      readonly nextId: number;
      readonly lastSeenMs: number;
      readonly trustedSinceMs: number;
      readonly closedWell: number;
    };
  }
}

/** Of all that a row gives out but the body. */
export function rowCrc(
  row: Pick<IndexRow, 'cacheKey' | 'variantKey' | 'head' | 'receivedMs' | 'sequence' | 'tags'>,
): number {
  return crc32([row.cacheKey, row.variantKey, row.receivedMs, row.sequence, row.tags, row.head].map(String).join('\0'));
}

export const indexFile = 'index.sqlite';

/** Written by another version of this program. */
class OtherVersionError extends Error {
  constructor(version: number) {
    super(`the index is of version ${version}`);
  }
}

/**
 * What an error of the index means: `busy`: another process holds it. `useless`: it cannot be read, begin anew. `full`:
 * no room to write. `failing`: anything else, above all of the disk.
 */
export function indexFault(error: unknown): 'busy' | 'useless' | 'full' | 'failing' {
  if (error instanceof OtherVersionError) return 'useless';
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  // https://sqlite.org/rescode.html
  if (code === 5 || code === 6) return 'busy';
  if (code === 11 || code === 26 || code === 1) return 'useless';
  return code === 13 ? 'full' : 'failing';
}
