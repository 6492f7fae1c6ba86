import type { Clock, Timer } from '../base/clock.ts';
import { sliceAt } from '../policy/slicing.ts';
import { type SliceRun, windowBytes } from './slice-run.ts';
import type { SlicedReader } from './sliced-reader.ts';

/** An exchange that stands still this long because its readers do is given up; they get another when they go on. */
const idleRunMs = 15_000;

export interface SliceRunsOptions {
  readonly clock: Clock;
  readonly sliceBytes: number;
  readonly lengthBytes: number;
  /** How far ahead of a reader the origin is read. */
  readonly readAheadBytes: number;
}

/** The runs of one object, and which readers are near which: a run goes on as far as those want it to. */
export class SliceRuns {
  /** The origin sends everything whatever is asked: runs begin at the first byte, and readers wait however far it is. */
  wholeOnly = false;
  readonly #options: SliceRunsOptions;
  readonly #runs = new Set<SliceRun>();
  readonly #idleTimers = new Map<SliceRun, Timer>();

  constructor(options: SliceRunsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#runs.size;
  }

  add(run: SliceRun): void {
    this.#runs.add(run);
  }

  drop(run: SliceRun): void {
    this.#runs.delete(run);
    this.#idleTimers.get(run)?.cancel();
    this.#idleTimers.delete(run);
    run.stop();
  }

  /** What has come of the bytes at `offset` and is still here. */
  bytesAt(offset: number): Buffer | undefined {
    for (const run of this.#runs) {
      const bytes = run.bytesAt(offset);
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  }

  /** The run that brings the byte at `offset` before long. */
  coming(offset: number): SliceRun | undefined {
    for (const run of this.#runs) {
      const growing = run.growingSlice;
      if (growing !== undefined && offset >= growing.start && offset < growing.end) return run;
      if (offset >= run.position && offset < run.end && offset - run.position <= this.#reachBytes()) return run;
    }
    return undefined;
  }

  /** A reader has gone on, or waits. */
  reached(reader: SlicedReader, readers: Iterable<SlicedReader>): void {
    for (const run of this.#runs) {
      if (!this.#isNear(reader, run)) continue;
      run.reach(reader.offset, this.#wantedEnd(reader));
      if (!run.keeps) this.trim(run, readers);
    }
  }

  /** The slice that a reader ends in is worth having: the next range often begins there. */
  promiseLast(reader: SlicedReader): void {
    for (const run of this.#runs) {
      const growing = run.growingSlice;
      if (growing !== undefined && reader.last >= growing.start && reader.last < growing.end) run.promise(growing.end);
    }
  }

  /** Tells every run how far it is wanted; those that nobody wants any more are given up. */
  settle(readers: Iterable<SlicedReader>): void {
    for (const run of this.#runs) {
      run.forgetReach();
      let isWanted = !run.done;
      for (const reader of readers) {
        if (!this.#isNear(reader, run)) continue;
        isWanted = true;
        run.reach(reader.offset, this.#wantedEnd(reader));
      }
      if (!isWanted) this.drop(run);
    }
  }

  /** Lets go what has passed through a run to all who read near it; who lags behind the others gets a run of its own. */
  trim(run: SliceRun, readers: Iterable<SlicedReader>): void {
    const offsets = [...readers].map(({ offset }) => offset).filter((offset) => offset <= run.position);
    const foremost = Math.max(...offsets, 0);
    run.letGoBefore(Math.min(...offsets.filter((offset) => offset >= foremost - windowBytes), run.position));
  }

  /** A run has been held up: if that lasts, it is given up. `onDropped` is called then. */
  watchIdle(run: SliceRun, onDropped: () => void): void {
    if (this.wholeOnly || this.#idleTimers.has(run)) return;
    const { position } = run;
    const timer = this.#options.clock.after(idleRunMs, () => {
      this.#idleTimers.delete(run);
      if (!run.paused) return;
      if (run.position !== position) {
        this.watchIdle(run, onDropped);
        return;
      }
      this.drop(run);
      onDropped();
    });
    this.#idleTimers.set(run, timer);
  }

  /** How far a reader waits for a run to come to it, before another one is begun for it. */
  #reachBytes(): number {
    return this.wholeOnly ? Number.POSITIVE_INFINITY : this.#options.readAheadBytes;
  }

  #isNear(reader: SlicedReader, run: SliceRun): boolean {
    const { readAheadBytes, sliceBytes } = this.#options;
    if (reader.finished || reader.offset >= run.end) return false;
    const behind = run.position - reader.offset;
    return behind <= readAheadBytes + 2 * sliceBytes && -behind <= this.#reachBytes();
  }

  #wantedEnd(reader: SlicedReader): number {
    const ahead = reader.offset + this.#options.readAheadBytes;
    return Math.min(ahead, sliceAt(reader.last, this.#options).end);
  }
}
