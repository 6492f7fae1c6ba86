import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { ConfigError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { isMissing } from './body-files.ts';
import { DiskIndex, indexFault, indexFile, type IndexRow } from './disk-index.ts';
import { SteadyTime } from './steady-time.ts';

export interface GuardedIndexOptions {
  /** Made if it is not there. */
  readonly folder: string;
  /** The setting that chose it, for findings. */
  readonly setting: string;
  readonly codecVersion: number;
  readonly clock: Clock;
  readonly log: Log;
  /** A folder nobody needs any more, to be removed in the background. */
  readonly onDiscarded: (folder: string) => void;
}

/** From one attempt after a failure to the next, doubled each time up to the largest. */
const firstRestMs = 30_000;
const longestRestMs = 600_000;

/**
 * The index of the disk tier as long as it works. A failure is said once in the log, counted, and ends in a rest, of
 * writing when there is no room, of everything when the index itself fails; then another attempt is made.
 */
export class GuardedIndex {
  readonly #options: GuardedIndexOptions;
  #index: DiskIndex | undefined;
  #time: SteadyTime;
  #writeFromMs = Number.NEGATIVE_INFINITY;
  #restMs = firstRestMs;
  #failures = 0;
  #warned = false;
  /** It failed, and could not be removed. */
  #isUseless = false;
  /** Rows that could not be removed yet. */
  readonly #removedIds = new Set<number>();

  /** Throws a `ConfigError` when another process uses the folder, and for no other reason. */
  constructor(options: GuardedIndexOptions) {
    this.#options = options;
    this.#time = new SteadyTime(options.clock, 0, 0);
    this.#open();
  }

  /** `resting`: it can be read, and is not written for now. */
  get state(): 'working' | 'resting' | 'off' {
    if (this.#index === undefined) return 'off';
    return this.#options.clock.monotonicMs() < this.#writeFromMs ? 'resting' : 'working';
  }

  get failures(): number {
    return this.#failures;
  }

  get time(): SteadyTime {
    return this.#time;
  }

  /** `undefined` when there is none for now. */
  get index(): DiskIndex | undefined {
    return this.#index;
  }

  /** Does something with the index; `undefined` when there is none for now, or it fails. */
  attempt<Result>(action: (index: DiskIndex, time: SteadyTime) => Result): Result | undefined {
    const index = this.#index;
    if (index === undefined) return undefined;
    try {
      return action(index, this.#time);
    } catch (error) {
      if (indexFault(error) === 'full') this.restFromWriting(error);
      else this.#turnOff(error);
      return undefined;
    }
  }

  /** All variants of a key, the newest first. */
  find(cacheKey: string): IndexRow[] {
    const rows = this.attempt((index) => index.find(cacheKey)) ?? [];
    return this.#removedIds.size === 0 ? rows : rows.filter(({ id }) => !this.#removedIds.has(id));
  }

  /** Whether a row is still there and is what was read, after a wait. */
  holds(row: IndexRow): boolean {
    return !this.#removedIds.has(row.id) && this.attempt((index) => index.holds(row)) === true;
  }

  /**
   * Removes rows for good. Where there is no room for the change it is remembered, and made when there is: by then the
   * bodies are gone, so that nothing comes back if this process ends before.
   */
  remove(ids: readonly number[]): void {
    for (const id of ids) this.#removedIds.add(id);
    this.attempt((index) => {
      index.remove([...this.#removedIds]);
      this.#removedIds.clear();
    });
  }

  /** Something could not be written. */
  restFromWriting(error: unknown): void {
    this.#rest();
    this.report(error, 'the disk cache cannot be written: it is only read for now');
  }

  /** Something was written. */
  onWritten(): void {
    if (!this.#warned) return;
    this.#warned = false;
    this.#restMs = firstRestMs;
    this.#options.log.info({ folder: this.#options.folder }, 'the disk cache works again');
  }

  /** Counts a failure, and says it if none has been said since it last worked. */
  report(error: unknown, message: string): void {
    this.#failures++;
    if (this.#warned) return;
    this.#warned = true;
    this.#options.log.warn({ err: error, folder: this.#options.folder }, message);
  }

  /** Tries again to open it if it is off and has rested. */
  reopen(): void {
    if (this.#index !== undefined || this.#options.clock.monotonicMs() < this.#writeFromMs) return;
    try {
      this.#open();
    } catch (error) {
      this.#rest();
      this.report(error, 'the disk cache is used by another process');
    }
  }

  close(): void {
    const index = this.#index;
    this.#index = undefined;
    try {
      index?.close(true);
    } catch (error) {
      this.report(error, 'the disk cache could not be closed');
    }
  }

  #open(): void {
    const { clock, folder, setting } = this.#options;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o750 });
      this.#index = this.#openOrBeginAnew();
      const { lastSeenMs, trustedSinceMs } = this.#index;
      this.#time = new SteadyTime(clock, lastSeenMs, trustedSinceMs);
    } catch (error) {
      if (indexFault(error) === 'busy') {
        throw new ConfigError('the disk cache cannot be used', [
          `${setting}: another process uses ${folder}: give each a folder of its own, or set edge.cache.disk.size to 0B`,
        ]);
      }
      // Until it can be opened, it learns nothing of what is removed and replaced.
      this.#isUseless = true;
      this.#rest();
      this.report(error, 'the disk cache cannot be used: answers are kept in memory only');
    }
  }

  #openOrBeginAnew(): DiskIndex {
    const { codecVersion, folder, log } = this.#options;
    if (this.#isUseless || !existsSync(join(folder, indexFile))) this.#beginAnew();
    try {
      return new DiskIndex(folder, codecVersion);
    } catch (error) {
      if (indexFault(error) !== 'useless') throw error;
      log.warn({ folder, err: error }, 'what is in the disk cache cannot be read: it begins anew');
      this.#beginAnew();
      return new DiskIndex(folder, codecVersion);
    }
  }

  /** Numbers begin at 1 again, so that bodies of before must be out of the way. */
  #beginAnew(): void {
    const { clock, folder, onDiscarded } = this.#options;
    this.#removeIndex();
    this.#removedIds.clear();
    const discarded = join(folder, `discarded-${clock.wallMs()}`);
    try {
      renameSync(join(folder, bodiesFolder), discarded);
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    onDiscarded(discarded);
  }

  /** For good: what is removed and replaced from now on it would not know of. */
  #turnOff(error: unknown): void {
    const index = this.#index;
    if (index === undefined) return;
    this.#index = undefined;
    this.#rest();
    this.report(error, 'the disk cache fails: answers are kept in memory only');
    try {
      index.close(false);
    } catch {
      // It has been said that it fails.
    }
    try {
      this.#removeIndex();
    } catch {
      // The same; it is tried again before another is opened.
      this.#isUseless = true;
    }
  }

  #removeIndex(): void {
    const { folder } = this.#options;
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(join(folder, indexFile + suffix), { force: true });
    this.#isUseless = false;
  }

  #rest(): void {
    this.#writeFromMs = this.#options.clock.monotonicMs() + this.#restMs;
    this.#restMs = Math.min(this.#restMs * 2, longestRestMs);
  }
}

export const bodiesFolder = 'bodies';
