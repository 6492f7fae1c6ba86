import type { Clock, Timer } from '../base/clock.ts';
import type { SliceBytes } from '../stores/slice-memory.ts';
import { sliceAt } from '../policy/slicing.ts';
import { type SliceRun, windowBytes } from './slice-run.ts';
import type { SlicedReader } from './sliced-reader.ts';

/** An exchange that stands still this long because its readers do is given up; they get another when they go on. */
const idleRunMs = 15_000;

/** What a player of media is given at once behind the place where it begins, so that it has something to begin with. */
const firstAheadBytes = 262_144;
/** Later it is to have what it plays in this time. */
const playedAheadMs = 6_000;

export interface SliceRunsOptions {
  readonly clock: Clock;
  readonly sliceBytes: number;
  readonly lengthBytes: number;
  /** How far ahead of a reader the origin is read. */
  readonly readAheadBytes: number;
}

/** The runs of one object, and who follows which: a run goes on as far as its followers want it to. */
export class SliceRuns {
  /** The origin sends everything whatever is asked: runs begin at the first byte, and readers wait however far it is. */
  wholeOnly = false;
  readonly #options: SliceRunsOptions;
  readonly #followers = new Map<SliceRun, Set<SlicedReader>>();
  readonly #idleTimers = new Map<SliceRun, Timer>();

  constructor(options: SliceRunsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#followers.size;
  }

  add(run: SliceRun): void {
    this.#followers.set(run, new Set());
  }

  drop(run: SliceRun): void {
    for (const reader of this.followersOf(run)) reader.runs.delete(run);
    this.#followers.delete(run);
    this.#idleTimers.get(run)?.cancel();
    this.#idleTimers.delete(run);
    run.stop();
  }

  followersOf(run: SliceRun): Iterable<SlicedReader> {
    return this.#followers.get(run) ?? [];
  }

  follow(reader: SlicedReader, run: SliceRun): void {
    reader.runs.add(run);
    this.#followers.get(run)?.add(reader);
    run.reach(reader.offset, this.wantedEnd(reader));
  }

  leave(reader: SlicedReader): void {
    for (const run of reader.runs) this.#followers.get(run)?.delete(reader);
    reader.runs.clear();
  }

  /** Follows the run that brings what a waiting reader wants, if there is one. */
  followComing(reader: SlicedReader): boolean {
    // Who plays has jumped to where it is, and is not to wait for what it has jumped over.
    const jumps = reader.readAhead.kind === 'media' && !this.wholeOnly;
    const patience = jumps ? this.#options.sliceBytes : undefined;
    const run = this.coming(reader.offset, reader.runs, patience) ?? this.coming(reader.offset, undefined, patience);
    if (run !== undefined) this.follow(reader, run);
    return run !== undefined;
  }

  /** What has come of what a reader wants next, and is still here. */
  bytesFor(reader: SlicedReader): SliceBytes | undefined {
    for (const run of reader.runs) {
      const bytes = run.bytesAt(reader.offset);
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  }

  /** The run that has the byte at `offset`, or brings it when it has brought `reachBytes` at most. */
  coming(
    offset: number,
    runs: Iterable<SliceRun> = this.#followers.keys(),
    reachBytes = this.#reachBytes(),
  ): SliceRun | undefined {
    for (const run of runs) {
      const growing = run.growingSlice;
      if (growing !== undefined && offset >= growing.start && offset < growing.end) return run;
      if (offset >= run.position && offset < run.end && offset - run.position <= reachBytes) return run;
      if (!run.keeps && run.bytesAt(offset) !== undefined) return run;
    }
    return undefined;
  }

  /** A reader has gone on. */
  reached(reader: SlicedReader): void {
    for (const run of reader.runs) {
      run.reach(reader.offset, this.wantedEnd(reader));
      if (!run.keeps) this.trim(run);
      if (reader.offset < run.end) continue;
      reader.runs.delete(run);
      this.#followers.get(run)?.delete(reader);
      if (run.ended) this.dropIfRead(run);
    }
  }

  /** A run that has ended goes when nobody reads any more in what has passed through it. */
  dropIfRead(run: SliceRun): void {
    for (const { offset } of this.followersOf(run)) if (run.bytesAt(offset) !== undefined) return;
    this.drop(run);
  }

  /** The slice that a reader ends in is worth having: the next range often begins there. */
  promiseLast(reader: SlicedReader): void {
    for (const run of reader.runs) {
      const growing = run.growingSlice;
      if (growing !== undefined && reader.last >= growing.start && reader.last < growing.end) run.promise(growing.end);
    }
  }

  /** Tells every run how far it is wanted; those that nobody wants any more are given up. */
  settle(): void {
    for (const [run, followers] of this.#followers) {
      run.forgetReach();
      for (const reader of followers) run.reach(reader.offset, this.wantedEnd(reader));
      if (followers.size === 0 && run.done) this.drop(run);
    }
  }

  /** Lets go what has passed through a run to all who follow it; who lags behind the others gets a run of its own. */
  trim(run: SliceRun): void {
    let foremost = 0;
    for (const { offset } of this.followersOf(run)) if (offset <= run.position) foremost = Math.max(foremost, offset);
    let hindmost = run.position;
    for (const { offset } of this.followersOf(run)) {
      if (offset >= foremost - windowBytes) hindmost = Math.min(hindmost, offset);
    }
    run.letGoBefore(hindmost);
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

  /** Whether a reader is in the middle of this slice, or comes to it soon. */
  isSoonAt(reader: SlicedReader, index: number): boolean {
    const { readAheadBytes, sliceBytes } = this.#options;
    const { index: now } = sliceAt(reader.offset, this.#options);
    const last = sliceAt(reader.last, this.#options).index;
    return !reader.finished && index >= now && index <= last && (index - now - 1) * sliceBytes <= readAheadBytes;
  }

  /** How far a reader waits for a run to come to it, before another one is begun for it. */
  #reachBytes(): number {
    return this.wholeOnly ? Number.POSITIVE_INFINITY : this.#options.readAheadBytes;
  }

  /** How far ahead of a reader the origin is read. */
  aheadBytes(reader: SlicedReader): number {
    const { clock, readAheadBytes, sliceBytes } = this.#options;
    if (reader.readAhead.kind === 'steady') return readAheadBytes;
    const readBytes = reader.offset - reader.first;
    const playedMs = Math.max(1, clock.monotonicMs() - reader.readAhead.openedMs);
    const soonBytes = Math.max(sliceBytes, (readBytes / playedMs) * playedAheadMs);
    return Math.min(readAheadBytes, Math.max(firstAheadBytes, Math.min(soonBytes, readBytes / 2)));
  }

  /** Where what is wanted for a reader ends; for a player of media the end of a slice. */
  wantedEnd(reader: SlicedReader): number {
    if (reader.finished) return 0;
    const ahead = reader.offset + this.aheadBytes(reader);
    const lastEnd = sliceAt(reader.last, this.#options).end;
    if (ahead >= lastEnd) return lastEnd;
    return reader.readAhead.kind === 'steady' ? ahead : sliceAt(ahead, this.#options).end;
  }
}
