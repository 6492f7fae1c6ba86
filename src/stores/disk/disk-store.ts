import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { reasonOf } from '../../base/thrown.ts';
import type { BanFacts, DiskTierStats, Loan, Storable } from '../cache-store.ts';
import type { PartBytes } from '../part-memory.ts';
import type { SliceBytes } from '../slice-memory.ts';
import type { EncodedStored, StoredCodec } from '../stored-codec.ts';
import { BodyFiles, diskCostBytes, isFailureOfDisk } from './body-files.ts';
import { BodyLender } from './body-lender.ts';
import { BodyUses } from './body-uses.ts';
import { DiskEviction } from './disk-eviction.ts';
import { type DiskIndex, type IndexRow, rowCrc } from './disk-index.ts';
import { bodiesFolder, GuardedIndex } from './guarded-index.ts';
import { type QueuedWrite, WriteQueue } from './write-queue.ts';

export interface DiskStoreOptions<Stored> {
  /** Made if it is not there. */
  readonly folder: string;
  /** The setting that chose it, for findings. */
  readonly setting: string;
  /** Bodies and what the index takes for them. */
  readonly limitBytes: number;
  /** So much of the file system is left free. */
  readonly keepFreeBytes: number;
  /** Held in memory while they wait to be written; what comes beyond is not written. */
  readonly maxQueuedBytes: number;
  readonly codec: StoredCodec<Stored>;
  /** Memory that a body of this head is recalled to, held once; `undefined`: to memory of its own. */
  readonly placeFor?: (head: string, bodyBytes: number) => SliceBytes | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether a tier above holds a key because it is used: these uses do not come here, and count all the same. */
  readonly isUsedAbove: (cacheKey: string) => boolean;
  /** What that tier has room for: what is asked for again before so much else was read is better held there. */
  readonly bytesAbove: number;
}

/** Running reads beyond which an origin is the better place to ask. */
const maxReads = 256;
const tickMs = 30_000;
/** Uses noted before they are written together. */
const maxNotedUses = 256;
const sweepPageRows = 500;
/** Between two folders of the search for files that nobody knows. */
const orphanPauseMs = 20;

/**
 * The tier below memory: an index in SQLite, a file for each body. A body is written to a file of its own before its row
 * is; row and body carry checksums, and what does not match is not given out. So a process may be killed at any moment.
 * Nothing here throws for a failing disk: what cannot be read is not there, what cannot be written is left out.
 */
export class DiskStore<Stored extends Storable> {
  readonly #options: DiskStoreOptions<Stored>;
  readonly #guard: GuardedIndex;
  readonly #files: BodyFiles;
  readonly #queue: WriteQueue<Stored>;
  readonly #eviction: DiskEviction;
  #limitBytes: number;
  #tick: Timer | undefined;
  #orphanPause: Timer | undefined;
  #closed = false;
  readonly #recalls = new Map<string, Promise<readonly Stored[]>>();
  readonly #uses = new BodyUses();
  readonly #lender: BodyLender;
  readonly #used = new Set<number>();
  readonly #removals = new Set<Promise<void>>();
  #reads = 0;
  #writes = 0;
  #damaged = 0;

  /** Throws a `ConfigError` when another process uses the folder, and for no other reason. */
  constructor(options: DiskStoreOptions<Stored>) {
    const { codec, folder, limitBytes, maxQueuedBytes } = options;
    this.#options = options;
    this.#limitBytes = limitBytes;
    this.#files = new BodyFiles(join(folder, bodiesFolder));
    this.#lender = new BodyLender({
      uses: this.#uses,
      bytesAbove: options.bytesAbove,
      readNow: (id, body) => this.#files.readNow(id, body),
      monotonicMs: () => options.clock.monotonicMs(),
    });
    this.#queue = new WriteQueue(maxQueuedBytes, (write) => this.#write(write));
    this.#eviction = new DiskEviction(options.isUsedAbove, (ids) => this.#removeFiles(ids));
    this.#guard = new GuardedIndex({
      ...options,
      codecVersion: codec.version,
      onDiscarded: (discarded) => this.#untilRemoved(rm(discarded, { recursive: true, force: true })),
    });
    const { index } = this.#guard;
    if (index?.closedWell === false) this.#sweepOrphans(index.nextId);
    this.#flush();
    void this.#measureRoom();
    this.#scheduleTick();
  }

  has(cacheKey: string): boolean {
    return this.#guard.find(cacheKey).length > 0;
  }

  /**
   * The variants of a key but those that the caller has, the newest first. `undefined` when there are none; never
   * rejects. What has been removed or replaced by the time it is read is not given. As `CacheStore.recall` has it, memory that
   * is used again is held until the next turn of the event loop.
   */
  recall(cacheKey: string, known: readonly Storable[]): Promise<readonly Stored[]> | undefined {
    const running = this.#recalls.get(cacheKey);
    if (running !== undefined) return running;
    const rows = this.#guard
      .find(cacheKey)
      .filter((row) => !known.some(({ variantKey }) => variantKey === row.variantKey));
    if (rows.length === 0 || this.#recalls.size >= maxReads) return undefined;
    const places: SliceBytes[] = [];
    const recall = this.#readAll(rows, places).finally(() => {
      this.#recalls.delete(cacheKey);
      // Whoever has waited for it has it by then.
      if (places.length > 0) setImmediate(() => places.forEach(({ memory }) => memory?.release()));
    });
    this.#recalls.set(cacheKey, recall);
    return recall;
  }

  /** As `CacheStore.lend`, of what `BodyLender` says. */
  lend(cacheKey: string, accepts: (stored: Stored) => boolean): Loan<Stored> | undefined {
    if (this.#recalls.has(cacheKey)) return undefined;
    const [row, other] = this.#guard.find(cacheKey);
    if (row === undefined || other !== undefined) return undefined;
    const buffer = this.#lender.take(row);
    if (buffer === undefined) return undefined;
    const body = buffer.subarray(0, row.bodyBytes);
    const stored = rowCrc(row) === row.headCrc ? this.#decode(row, body) : undefined;
    if (stored !== undefined && accepts(stored) && this.#lender.fill(row.id, body)) {
      this.#noteRead(row);
      return { stored, giveBack: (isFree) => this.#lender.giveBack(buffer, isFree) };
    }
    this.#lender.giveBack(buffer, true);
    return undefined;
  }

  /**
   * Writes it in the background if it is worth it. From now on no older version of the same variant is given, whether
   * this one gets written or not. `sameBody`: what is here, if anything, has this body already.
   */
  put(cacheKey: string, stored: Stored, sameBody: boolean): void {
    this.#queue.cancel(cacheKey, ({ variantKey }) => variantKey === stored.variantKey);
    const row = this.#guard.find(cacheKey).find(({ variantKey }) => variantKey === stored.variantKey);
    const { codec } = this.#options;
    const isWanted = codec.isWorthKeeping(stored) && this.#guard.state === 'working';
    if (row !== undefined && isWanted && sameBody) {
      const update = { id: row.id, ...this.#headOf(cacheKey, stored, codec.encode(stored)) };
      if (this.#guard.attempt((index) => index.updateHead(update)) === true) return;
    }
    if (row !== undefined) this.#remove([row]);
    if (isWanted) this.#queue.add(cacheKey, stored);
  }

  /** All variants of a key, those that are still to be written too. `false`: there were none. */
  remove(cacheKey: string): boolean {
    const cancelled = this.#queue.cancel(cacheKey, () => true);
    const rows = this.#guard.find(cacheKey);
    this.#remove(rows);
    return cancelled || rows.length > 0;
  }

  /** As `CacheStore.sweep`. */
  *sweep(isUnwanted: (cacheKey: string, stored: BanFacts) => boolean): Generator<number, void, undefined> {
    // What is still to be written bears the number of a fetch that began before.
    yield this.#queue.cancelAll(isUnwanted);
    let afterId = 0;
    for (;;) {
      const rows = this.#guard.attempt((index) => index.page(afterId, sweepPageRows)) ?? [];
      const last = rows.at(-1);
      if (last === undefined) return;
      afterId = last.id;
      const unwanted = rows.filter(({ cacheKey, sequence, tags }) =>
        isUnwanted(cacheKey, { sequence, tags: JSON.parse(tags) as string[] }),
      );
      this.#remove(unwanted);
      yield unwanted.length;
    }
  }

  stats(): DiskTierStats {
    const { index, state, failures } = this.#guard;
    return {
      state,
      failures,
      objects: index?.totals.objects ?? 0,
      bytes: index?.bytes ?? 0,
      limitBytes: this.#limitBytes,
      evictions: this.#eviction.evictions,
      reads: this.#reads,
      writes: this.#writes,
      droppedWrites: this.#queue.dropped,
      damaged: this.#damaged,
    };
  }

  /** Resolves when everything that was to be written is, and everything that was to be removed. */
  async settled(): Promise<void> {
    while (this.#queue.busy || this.#removals.size > 0) {
      await this.#queue.idle();
      await Promise.all(this.#removals);
    }
  }

  /** Ends what is being written and read. What waits to be written is dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#tick?.cancel();
    this.#orphanPause?.cancel();
    this.#queue.cancelAll(() => true);
    await this.settled();
    await Promise.all(this.#recalls.values());
    this.#flush();
    this.#guard.close();
  }

  async #write(write: QueuedWrite<Stored>): Promise<void> {
    const { cacheKey, stored } = write;
    const encoded = this.#options.codec.encode(stored);
    const { body } = encoded;
    const costBytes = diskCostBytes(body.length, cacheKey);
    if (costBytes > this.#limitBytes) return;
    const id = this.#guard.attempt((index) => index.takeId());
    if (id === undefined) return;
    // Numbers begin anew with an index that does.
    this.#uses.forget(id);
    try {
      await this.#files.write(id, body);
    } catch (error) {
      this.#queue.cancelAll(() => true);
      this.#guard.restFromWriting(error);
      return this.#measureRoom();
    }
    const row = {
      ...this.#headOf(cacheKey, stored, encoded),
      id,
      cacheKey,
      variantKey: stored.variantKey,
      bodyBytes: body.length,
      bodyCrc: crc32(body),
      costBytes,
      queue: this.#eviction.queueFor(cacheKey),
    };
    const replaced = write.wanted ? this.#guard.attempt((index) => this.#insert(index, row)) : undefined;
    this.#removeFiles(replaced ?? [id]);
    if (replaced === undefined) return;
    this.#writes++;
    this.#guard.onWritten();
  }

  #insert(index: DiskIndex, row: IndexRow): number[] {
    this.#makeRoom(index, row.costBytes);
    return index.insert(row);
  }

  #makeRoom(index: DiskIndex, costBytes: number): void {
    if (index.bytes + costBytes <= this.#limitBytes) return;
    this.#flush();
    this.#eviction.makeRoom(index, costBytes, this.#limitBytes);
  }

  #headOf(cacheKey: string, stored: Stored, { head, receivedMs }: EncodedStored) {
    const kept = {
      head,
      receivedMs: this.#guard.time.fromMonotonic(receivedMs),
      sequence: stored.sequence,
      tags: JSON.stringify(stored.tags),
    };
    return { ...kept, headCrc: rowCrc({ ...kept, cacheKey, variantKey: stored.variantKey }) };
  }

  async #readAll(rows: readonly IndexRow[], places: SliceBytes[]): Promise<readonly Stored[]> {
    const read = await Promise.all(rows.map(async (row) => ({ row, stored: await this.#read(row, places) })));
    return read.flatMap(({ row, stored }) => {
      return stored === undefined || !this.#guard.holds(row) ? [] : [stored];
    });
  }

  async #read(row: IndexRow, places: SliceBytes[]): Promise<Stored | undefined> {
    if (rowCrc(row) !== row.headCrc) return this.#dropDamaged(row, 'its row');
    const place = this.#options.placeFor?.(row.head, row.bodyBytes) ?? { bytes: Buffer.allocUnsafeSlow(row.bodyBytes) };
    places.push(place);
    const { bytes: body, memory } = place;
    try {
      await this.#files.read(row.id, body);
    } catch (error) {
      // Gone because it was removed meanwhile, which is no damage.
      if (!this.#guard.holds(row)) return undefined;
      if (isFailureOfDisk(error)) this.#guard.report(error, 'the disk cache cannot be read');
      return this.#dropDamaged(row, reasonOf(error));
    }
    if (!this.#uses.isChecked(row.id) && crc32(body) !== row.bodyCrc) return this.#dropDamaged(row, 'its body');
    const stored = this.#decode(row, body, memory);
    if (stored === undefined) return this.#dropDamaged(row, 'its head');
    this.#noteRead(row);
    return stored;
  }

  #decode(row: IndexRow, body: Buffer, memory?: PartBytes): Stored | undefined {
    const receivedMs = this.#guard.time.toMonotonic(row.receivedMs);
    const encoded = { head: row.head, body, receivedMs };
    const stored = this.#options.codec.decode(memory === undefined ? encoded : { ...encoded, memory });
    return stored?.variantKey === row.variantKey ? stored : undefined;
  }

  #noteRead({ bodyBytes, id }: IndexRow): void {
    this.#reads++;
    this.#uses.note(id, bodyBytes, this.#options.clock.monotonicMs());
    this.#used.add(id);
    if (this.#used.size >= maxNotedUses) this.#flush();
  }

  #dropDamaged(row: IndexRow, what: string): undefined {
    this.#damaged++;
    this.#options.log.warn({ cacheKey: row.cacheKey, what }, 'an object of the disk cache is damaged and dropped');
    this.#remove([row]);
  }

  #remove(rows: readonly Pick<IndexRow, 'id'>[]): void {
    if (rows.length === 0) return;
    const ids = rows.map(({ id }) => id);
    this.#guard.remove(ids);
    this.#removeFiles(ids);
  }

  #removeFiles(ids: readonly number[]): void {
    for (const id of ids) {
      this.#uses.forget(id);
      this.#untilRemoved(this.#files.remove(id));
    }
  }

  /** What cannot be removed now is found when it is looked for after the next start. */
  #untilRemoved(removed: Promise<void>): void {
    const removal = removed.catch(() => {}).finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  /** Writes down which objects have been used, so that using them costs nothing. */
  #flush(): void {
    this.#guard.attempt((index, time) => {
      index.visit(this.#used);
      index.saveTime(time.nowMs(), time.trustedSinceMs);
    });
    this.#used.clear();
  }

  #scheduleTick(): void {
    this.#tick = this.#options.clock.after(tickMs, () => {
      this.#scheduleTick();
      this.#guard.reopen();
      this.#guard.remove([]);
      this.#flush();
      void this.#measureRoom();
    });
  }

  /** As much as the setting says, as long as the file system has room. */
  async #measureRoom(): Promise<void> {
    const { folder, keepFreeBytes, limitBytes } = this.#options;
    const { bavail, bsize } = await statfs(folder).catch(() => ({ bavail: Number.POSITIVE_INFINITY, bsize: 1 }));
    if (this.#closed) return;
    this.#guard.attempt((index) => {
      const roomBytes = index.bytes + bavail * bsize - keepFreeBytes;
      this.#limitBytes = Math.max(0, Math.min(limitBytes, roomBytes));
    });
    await this.#shrink();
  }

  /** In steps: with a bound that is lower than it was, there may be a million to let go. */
  async #shrink(): Promise<void> {
    const isTooLarge = (index: DiskIndex): boolean => {
      this.#makeRoom(index, 0);
      return index.bytes > this.#limitBytes;
    };
    while (!this.#closed && this.#guard.attempt(isTooLarge) === true) {
      await Promise.all(this.#removals);
      await nextTurn();
    }
  }

  /** In the background, slowly: files of earlier runs that were written but have no row. */
  #sweepOrphans(firstIdOfThisRun: number): void {
    const isKnown = (id: number): boolean =>
      id >= firstIdOfThisRun || this.#guard.attempt((index) => index.hasId(id)) !== false;
    const folders = this.#files.sweep(isKnown);
    const next = (): void => {
      void folders.next().then(({ done }) => {
        if (done !== true && !this.#closed) this.#orphanPause = this.#options.clock.after(orphanPauseMs, next);
      });
    };
    next();
  }
}
