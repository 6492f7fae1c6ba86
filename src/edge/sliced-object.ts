import type { Clock, Timer } from '../base/clock.ts';
import { UpstreamError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { UpstreamExchange } from '../http/upstream.ts';
import { sliceAt } from '../policy/slicing.ts';
import type { ByteRange } from '../policy/range-selection.ts';
import type { BodyReader } from '../stores/body-reader.ts';
import type { CacheStore } from '../stores/cache-store.ts';
import { type SliceBytes, type SliceMemory, viewOf } from '../stores/slice-memory.ts';
import { recallDeadlineMs } from './await-recall.ts';
import type { CachedResponse, ResponseHead, SlicedManifest } from './edge-response.ts';
import { type HoldBudget, HeldSlices, shortCopy } from './held-slices.ts';
import { OriginPatience } from './origin-patience.ts';
import { requestSlices, type SliceFailure, type SliceHandler, type SliceSource } from './slice-request.ts';
import { SliceRun } from './slice-run.ts';
import { SliceRuns } from './slice-runs.ts';
import { type ReadAhead, SlicedReader, type SliceSupply } from './sliced-reader.ts';
import { StoredSlices } from './stored-slices.ts';

/** What is asked for in one request to the origin: more would hold a connection for long that stands still mostly. */
const maxRunBytes = 33_554_432;

export interface SliceSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: CacheStore<CachedResponse>;
  readonly counters: { originRequests: number; originErrors: number };
  readonly budget: HoldBudget;
  readonly memory: SliceMemory;
  /** How far ahead of a reader the origin is read. */
  readonly readAheadBytes: number;
}

/**
 * One version of a large object while somebody reads it or it is being fetched. Readers get its bytes from slices in the
 * store and from the runs that fill slices; for what is in neither, a run is begun. One run serves all readers that
 * are near it, at the pace of the foremost.
 */
export class SlicedObject implements SliceSupply {
  /** Up to which ban it has been looked at. */
  sequence: number;
  readonly #surroundings: SliceSurroundings;
  readonly #cacheKey: string;
  readonly #head: ResponseHead;
  readonly #manifest: SlicedManifest;
  readonly #onIdle: () => void;
  readonly #readers = new Set<SlicedReader>();
  readonly #runs: SliceRuns;
  readonly #stored: StoredSlices;
  readonly #held: HeldSlices;
  readonly #recalls = new Set<number>();
  readonly #patience = new OriginPatience();
  /** The slice that has just come, for those who wait for it. */
  #passing: { readonly index: number; readonly slice: SliceBytes } | undefined;
  /** The origin has another version: what is not here will not come. */
  #gone: UpstreamError | undefined;
  #retry: Timer | undefined;

  constructor(
    surroundings: SliceSurroundings,
    cacheKey: string,
    head: ResponseHead,
    manifest: SlicedManifest,
    onIdle: () => void,
  ) {
    const { budget, clock, readAheadBytes, store } = surroundings;
    this.#surroundings = surroundings;
    this.#cacheKey = cacheKey;
    this.sequence = head.sequence;
    this.#head = head;
    this.#manifest = manifest;
    this.#onIdle = onIdle;
    this.#runs = new SliceRuns({ clock, readAheadBytes, ...manifest });
    this.#stored = new StoredSlices(store, cacheKey, head, manifest);
    this.#held = new HeldSlices(budget);
  }

  get tags(): readonly string[] {
    return this.#head.tags;
  }

  /** Whether it can no longer be completed from the origin. */
  get isGone(): boolean {
    return this.#gone !== undefined;
  }

  openReader(range: ByteRange, source: SliceSource, onProgress: () => void, readAhead: ReadAhead): BodyReader {
    const openedMs = this.#surroundings.clock.monotonicMs();
    const reader = new SlicedReader(this, range, source, onProgress, { kind: readAhead, openedMs });
    this.#readers.add(reader);
    return reader;
  }

  /**
   * An exchange that has begun to bring the whole object, or its first slice, which is worth having whoever reads. To be
   * followed by `settle` when its first readers are there.
   */
  adopt(exchange: UpstreamExchange, firstSliceOnly: boolean): SliceHandler & { settle(): void } {
    const { end } = sliceAt(0, this.#manifest);
    const run = this.#newRun(0, firstSliceOnly ? end : this.#manifest.lengthBytes);
    if (firstSliceOnly) run.promise(end);
    this.#runs.add(run);
    run.attach(exchange);
    return { ...this.#handlerOf(run), settle: () => this.#settle() };
  }

  readFor(reader: SlicedReader, lent: boolean): Buffer | undefined {
    const found = this.#bytesFor(reader);
    const bytes = found?.bytes.subarray(0, reader.last - reader.offset + 1);
    if (bytes !== undefined && reader.waiting) this.#patience.succeed();
    reader.waiting = bytes === undefined;
    if (bytes === undefined) {
      this.#need(reader);
      return undefined;
    }
    const { end } = sliceAt(reader.offset, this.#manifest);
    if (found?.memory !== undefined) {
      if (lent) reader.hold(found.memory, end);
      else found.memory.lend();
    }
    reader.offset += bytes.length;
    if (reader.finished) {
      this.#runs.promiseLast(reader);
    } else {
      this.#runs.reached(reader);
      if (reader.readAhead.kind === 'steady' ? reader.offset === end : this.#shouldLookFarther(reader)) {
        this.#lookAhead(reader);
      }
    }
    return bytes;
  }

  leave(reader: SlicedReader): void {
    this.#held.letGo(reader);
    this.#runs.leave(reader);
    this.#readers.delete(reader);
    this.#settle();
  }

  #bytesFor(reader: SlicedReader): SliceBytes | undefined {
    const { index, start } = sliceAt(reader.offset, this.#manifest);
    this.#held.letGoBefore(reader, index);
    const passing = this.#passing?.index === index ? this.#passing.slice : undefined;
    const coming = this.#runs.bytesFor(reader);
    if (coming !== undefined) return this.#sparing(coming);
    const slice = this.#held.get(index) ?? passing ?? this.#stored.get(index);
    if (slice === undefined) {
      return this.#runs.followComing(reader) ? this.#sparing(this.#runs.bytesFor(reader)) : undefined;
    }
    const isHeld = this.#held.hold(reader, index, slice);
    const bytes = slice.bytes.subarray(reader.offset - start);
    return isHeld ? viewOf(slice, bytes) : shortCopy(bytes);
  }

  /** A view of a growing slice holds all of it. */
  #sparing(coming: SliceBytes | undefined): SliceBytes | undefined {
    const hasRoom = this.#surroundings.budget.hasRoomFor(this.#manifest.sliceBytes);
    return coming === undefined || hasRoom ? coming : shortCopy(coming.bytes);
  }

  /** Sees to it that a waiting reader gets on: from a run that comes by, from the lower tier, from the origin. */
  #need(reader: SlicedReader): void {
    const { index } = sliceAt(reader.offset, this.#manifest);
    if (this.#recalls.has(index) || this.#runs.followComing(reader)) return;
    const recalled = this.#stored.recall(index);
    if (recalled === undefined) this.#fetchFor(reader);
    else this.#awaitRecall(index, recalled);
  }

  #awaitRecall(index: number, recalled: Promise<SliceBytes | undefined>): void {
    this.#recalls.add(index);
    const end = (slice: SliceBytes | undefined): void => {
      if (!this.#recalls.delete(index)) return;
      deadline.cancel();
      if (slice !== undefined) this.#passOn(index, slice, this.#readers);
      else for (const reader of this.#waitingAt(index, this.#readers)) this.#fetchFor(reader);
      this.#restIfIdle();
    };
    const deadline = this.#surroundings.clock.after(recallDeadlineMs, () => end(undefined));
    void recalled.then(end);
  }

  #fetchFor(reader: SlicedReader): void {
    if (this.#gone !== undefined) {
      this.#failReader(reader, this.#gone);
    } else if (this.#retry === undefined && !this.#runs.followComing(reader)) {
      this.#begin(this.#newRun(reader.offset, this.#runEnd(reader.offset, reader)), reader);
    }
  }

  /** Begins to fetch what a reader comes to soon, as far as there is room to keep it. */
  #lookAhead(reader: SlicedReader): void {
    if (this.#runs.wholeOnly || this.#gone !== undefined || this.#retry !== undefined) return;
    const until = Math.min(reader.offset + this.#runs.aheadBytes(reader), reader.last + 1);
    for (let at = sliceAt(reader.offset, this.#manifest).start; at < until; at += this.#manifest.sliceBytes) {
      if (this.#isHere(at)) continue;
      const coming = this.#runs.coming(at);
      if (coming !== undefined) {
        this.#runs.follow(reader, coming);
        continue;
      }
      const run = this.#newRun(at, this.#runEnd(at, reader));
      if (run.keeps) this.#begin(run, reader);
      return;
    }
  }

  /** Whether the slice that begins at `start` is in the store, or somebody is in the middle of it. */
  #isHere(start: number): boolean {
    const { index } = sliceAt(start, this.#manifest);
    return this.#held.has(index) || this.#stored.has(index);
  }

  /**
   * Whether a player of media has come so far that more is to be fetched for it. Not while another one waits: an origin that
   * is hardly fast enough shall send what is missing, before what is only soon.
   */
  #shouldLookFarther(reader: SlicedReader): boolean {
    const wantedEnd = this.#runs.wantedEnd(reader);
    if (wantedEnd <= reader.lookedTo) return false;
    for (const other of this.#readers) if (other.waiting) return false;
    reader.lookedTo = wantedEnd;
    return true;
  }

  /**
   * A run goes on to the last slice that is wanted, or to the first that is here already or on its way. For a player of
   * media only as far as it is wanted now: its connection would stand still for minutes otherwise.
   */
  #runEnd(offset: number, reader: SlicedReader): number {
    const { sliceBytes, lengthBytes } = this.#manifest;
    if (this.#runs.wholeOnly) return lengthBytes;
    const first = sliceAt(offset, this.#manifest);
    const longest = first.start + Math.max(sliceBytes, maxRunBytes - (maxRunBytes % sliceBytes));
    const lastEnd = sliceAt(reader.last, this.#manifest).end;
    const wanted = reader.readAhead.kind === 'steady' ? lastEnd : Math.max(first.end, this.#runs.wantedEnd(reader));
    const farthest = Math.min(lastEnd, longest, wanted);
    for (let at = first.end; at < farthest; at += sliceBytes) {
      if (this.#isHere(at) || this.#runs.coming(at) !== undefined) return at;
    }
    return farthest;
  }

  #newRun(first: number, end: number): SliceRun {
    const { memory, store } = this.#surroundings;
    const { lengthBytes, sliceBytes } = this.#manifest;
    const keep = this.#stored.keeper();
    const run: SliceRun = new SliceRun({
      sliceBytes,
      lengthBytes,
      first: this.#runs.wholeOnly ? 0 : first,
      end,
      // An origin that never gets through a slice still gets on.
      exactly: this.#patience.isTried,
      reserve: (bytes) => store.reserve(bytes),
      release: (bytes) => store.release(bytes),
      memory,
      onSlice: (index, slice) => {
        keep(index, slice);
        this.#share(run, index, slice);
      },
      onPaused: () => this.#runs.watchIdle(run, () => this.#restIfIdle()),
    });
    return run;
  }

  #begin(run: SliceRun, reader: SlicedReader): void {
    this.#runs.add(run);
    this.#runs.follow(reader, run);
    this.#surroundings.counters.originRequests++;
    const part = this.#runs.wholeOnly ? undefined : { first: run.position, last: run.end - 1 };
    run.attach(requestSlices(reader.source, this.#head, this.#manifest, part, this.#handlerOf(run)));
    this.#settle();
  }

  #handlerOf(run: SliceRun): SliceHandler {
    return {
      onBegin: (kind) => {
        if (kind === 'part' || this.#runs.wholeOnly) return;
        this.#runs.wholeOnly = true;
        run.moveTo(0, this.#manifest.lengthBytes);
        this.#settle();
      },
      onData: (bytes) => {
        if (!run.append(bytes)) {
          this.#fail(run, contradiction('the origin sends more than it announced'));
          return;
        }
        this.#wake(this.#runs.followersOf(run));
        if (!run.keeps) this.#runs.trim(run);
      },
      onEnd: () => {
        if (run.position < run.end) {
          this.#fail(run, contradiction('the origin sends less than it announced'));
          return;
        }
        run.complete();
        this.#wake(this.#runs.followersOf(run));
        this.#runs.dropIfRead(run);
        this.#restIfIdle();
      },
      onFailure: (failure) => this.#fail(run, failure),
    };
  }

  /** A slice is complete. */
  #share(run: SliceRun, index: number, slice: SliceBytes): void {
    // Who is in the middle of it or comes to it soon keeps it: a store may let new things go before they are read.
    for (const reader of this.#runs.followersOf(run)) {
      if (this.#runs.isSoonAt(reader, index)) this.#held.hold(reader, index, slice);
    }
    this.#passOn(index, slice, this.#runs.followersOf(run));
    // Another run has been here.
    const next = index + 1;
    const isNextHere = this.#held.has(next) || this.#stored.get(next) !== undefined;
    if (isNextHere && !this.#runs.wholeOnly) this.#end(run);
    this.#settle();
  }

  /** A run has brought what it was to bring; who followed it goes on elsewhere. */
  #end(run: SliceRun): void {
    const followers = [...this.#runs.followersOf(run)];
    this.#runs.drop(run);
    this.#wake(followers);
  }

  #passOn(index: number, slice: SliceBytes, readers: Iterable<SlicedReader>): void {
    this.#passing = { index, slice };
    for (const reader of this.#waitingAt(index, readers)) reader.onProgress();
    this.#passing = undefined;
  }

  #waitingAt(index: number, readers: Iterable<SlicedReader>): SlicedReader[] {
    return [...readers].filter((reader) => reader.waiting && this.#isAt(reader, index));
  }

  #isAt(reader: SlicedReader, index: number): boolean {
    return !reader.finished && sliceAt(reader.offset, this.#manifest).index === index;
  }

  #wake(readers: Iterable<SlicedReader>): void {
    for (const reader of readers) if (reader.waiting) reader.onProgress();
  }

  #fail(run: SliceRun, { error, kind }: SliceFailure): void {
    const { counters, log } = this.#surroundings;
    this.#runs.drop(run);
    counters.originErrors++;
    log.warn({ err: error, cacheKey: this.#cacheKey }, 'a part of a large object did not come');
    if (kind === 'changed' || (kind === 'invalid' && this.#runs.wholeOnly)) {
      this.#gone = error;
      this.#stored.forget();
    } else if (kind === 'invalid') {
      // Its ranges cannot be relied on; the whole, under the same ETag, perhaps can.
      this.#runs.wholeOnly = true;
    } else {
      this.#retryLater(error, run.begun);
    }
    this.#wake(this.#readers);
    this.#restIfIdle();
  }

  #retryLater(error: UpstreamError, hadBegun: boolean): void {
    const { clock } = this.#surroundings;
    const again = this.#patience.fail(clock.monotonicMs());
    for (const reader of this.#readers) {
      // An origin that does not even begin is down: whoever has nothing yet can still be told so.
      const canBeTold = !hadBegun && !reader.begun;
      if (reader.waiting && (again === 'give-up' || canBeTold)) this.#failReader(reader, error);
    }
    if (again === 'give-up') return;
    this.#retry ??= clock.after(again.delayMs, () => {
      this.#retry = undefined;
      this.#wake(this.#readers);
      this.#restIfIdle();
    });
  }

  #failReader(reader: SlicedReader, error: Error): void {
    reader.error = error;
    reader.waiting = false;
    reader.onProgress();
  }

  #settle(): void {
    this.#runs.settle();
    this.#restIfIdle();
  }

  #restIfIdle(): void {
    if (this.#readers.size > 0 || this.#runs.size > 0 || this.#recalls.size > 0) return;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#onIdle();
  }
}

function contradiction(sentence: string): SliceFailure {
  return { kind: 'invalid', error: new UpstreamError('ORIGIN_RANGE_INVALID', sentence) };
}
