import type { Clock, Timer } from '../base/clock.ts';
import { UpstreamError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { UpstreamExchange } from '../http/upstream.ts';
import { sliceAt } from '../policy/slicing.ts';
import type { BodyRange, BodyReader } from '../stores/body-reader.ts';
import type { CacheStore } from '../stores/cache-store.ts';
import { CachedResponse, type ResponseHead, type SlicedManifest } from './edge-response.ts';
import { type HoldBudget, HeldSlices } from './held-slices.ts';
import { requestSlices, type SliceFailure, type SliceHandler, type SliceSource } from './slice-request.ts';
import { SliceRun, windowBytes } from './slice-run.ts';
import { SlicedReader, type SliceSupply } from './sliced-reader.ts';

/** What is asked for in one request to the origin: more would hold a connection for long that stands still mostly. */
const maxRunBytes = 33_554_432;
/** An exchange that stands still this long because its readers do is given up; they get another when they go on. */
const idleRunMs = 15_000;
/** An origin that breaks off or cannot be reached is asked again for this long, counted from its last byte. */
const retryForMs = 10_000;
const firstRetryMs = 100;
const lastRetryMs = 2_000;
/** A disk that takes longer to give a slice than this counts as not having it. */
const recallDeadlineMs = 1_000;
/** Readers beyond the budget for held slices get copies of this size, and hold nothing. */
const copiedBytes = 131_072;

export interface SliceSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: CacheStore<CachedResponse>;
  readonly counters: { originRequests: number; originErrors: number };
  readonly budget: HoldBudget;
  /** How far ahead of a reader the origin is read. */
  readonly readAheadBytes: number;
}

/**
 * One version of a large object while somebody reads it or it is being fetched. Readers get its bytes from slices in the
 * store and from the runs that fill slices; for what is in neither, a run is begun. One run serves all readers that
 * are near it, at the pace of the foremost.
 */
export class SlicedObject implements SliceSupply {
  readonly #surroundings: SliceSurroundings;
  readonly #cacheKey: string;
  readonly #head: ResponseHead;
  readonly #manifest: SlicedManifest;
  readonly #onIdle: () => void;
  readonly #readers = new Set<SlicedReader>();
  readonly #runs = new Set<SliceRun>();
  readonly #idleTimers = new Map<SliceRun, Timer>();
  readonly #held: HeldSlices;
  readonly #recalls = new Set<number>();
  /** The slice that has just come, for those who wait for it. */
  #passing: { readonly index: number; readonly bytes: Buffer } | undefined;
  /** The origin sends everything whatever is asked: runs begin at the first byte. */
  #wholeOnly = false;
  /** The origin has another version: what is not here will not come. */
  #gone: UpstreamError | undefined;
  #retry: Timer | undefined;
  #failures = 0;
  #failingSinceMs: number | undefined;

  constructor(
    surroundings: SliceSurroundings,
    cacheKey: string,
    head: ResponseHead,
    manifest: SlicedManifest,
    onIdle: () => void,
  ) {
    this.#surroundings = surroundings;
    this.#cacheKey = cacheKey;
    this.#head = head;
    this.#manifest = manifest;
    this.#onIdle = onIdle;
    this.#held = new HeldSlices(surroundings.budget);
  }

  openReader(range: BodyRange, source: SliceSource, onProgress: () => void): BodyReader {
    const reader = new SlicedReader(this, range, source, onProgress);
    this.#readers.add(reader);
    this.#settle();
    return reader;
  }

  /** Whether it can no longer be completed from the origin. */
  get isGone(): boolean {
    return this.#gone !== undefined;
  }

  /** An exchange that has begun to bring the whole object. To be followed by `settle` when its first readers are there. */
  adopt(exchange: UpstreamExchange): SliceHandler & { settle(): void } {
    const run = this.#newRun(0, this.#manifest.lengthBytes);
    this.#runs.add(run);
    run.attach(exchange);
    return { ...this.#handlerOf(run), settle: () => this.#settle() };
  }

  readFor(reader: SlicedReader): Buffer | undefined {
    const bytes = this.#bytesFor(reader)?.subarray(0, reader.last - reader.offset + 1);
    reader.waiting = bytes === undefined;
    if (bytes === undefined) {
      this.#need(reader);
      return undefined;
    }
    const { index } = sliceAt(reader.offset, this.#manifest);
    reader.offset += bytes.length;
    for (const run of this.#runs) {
      if (!this.#isNear(reader, run)) continue;
      run.reach(reader.offset, this.#wantedEnd(reader));
      if (!run.keeps) this.#trim(run);
    }
    if (reader.finished) this.#finishSlice(reader);
    else if (sliceAt(reader.offset, this.#manifest).index !== index) this.#lookAhead(reader);
    return bytes;
  }

  leave(reader: SlicedReader): void {
    this.#held.letGo(reader);
    this.#readers.delete(reader);
    this.#settle();
  }

  #bytesFor(reader: SlicedReader): Buffer | undefined {
    const { index, start } = sliceAt(reader.offset, this.#manifest);
    const slice = this.#held.get(index) ?? this.#passingSlice(index) ?? this.#storedSlice(index);
    if (slice !== undefined) {
      const isHeld = this.#held.hold(reader, index, slice);
      const bytes = slice.subarray(reader.offset - start);
      return isHeld ? bytes : Buffer.from(bytes.subarray(0, copiedBytes));
    }
    this.#held.letGo(reader);
    for (const run of this.#runs) {
      const bytes = run.bytesAt(reader.offset);
      if (bytes === undefined) continue;
      const hasRoom = this.#surroundings.budget.hasRoomFor(this.#manifest.sliceBytes);
      return hasRoom ? bytes : Buffer.from(bytes.subarray(0, copiedBytes));
    }
    return undefined;
  }

  #passingSlice(index: number): Buffer | undefined {
    return this.#passing?.index === index ? this.#passing.bytes : undefined;
  }

  #storedSlice(index: number): Buffer | undefined {
    return this.#sliceAmong(this.#surroundings.store.get(this.#sliceKey(index)));
  }

  /** Of this version, and not of one before it. */
  #sliceAmong(variants: readonly CachedResponse[]): Buffer | undefined {
    return variants.find(({ head }) => head.sliceOf === this.#manifest.identity)?.body;
  }

  #sliceKey(index: number): string {
    return `${this.#cacheKey}#${index}`;
  }

  /** Sees to it that a waiting reader gets on: from a run that comes by, from the lower tier, from the origin. */
  #need(reader: SlicedReader): void {
    const { index } = sliceAt(reader.offset, this.#manifest);
    if (this.#recalls.has(index)) return;
    const coming = this.#comingRun(reader.offset);
    if (coming !== undefined) {
      coming.reach(reader.offset, this.#wantedEnd(reader));
      return;
    }
    const recalled = this.#surroundings.store.recall(this.#sliceKey(index));
    if (recalled === undefined) this.#fetchFor(reader);
    else this.#awaitRecall(index, recalled);
  }

  #awaitRecall(index: number, recalled: Promise<readonly CachedResponse[]>): void {
    this.#recalls.add(index);
    const end = (bytes: Buffer | undefined): void => {
      if (!this.#recalls.delete(index)) return;
      deadline.cancel();
      const waiting = this.#waitingAt(index);
      if (bytes !== undefined) this.#passOn(index, bytes);
      else for (const reader of waiting) if (!reader.closed) this.#fetchFor(reader);
      this.#restIfIdle();
    };
    const deadline = this.#surroundings.clock.after(recallDeadlineMs, () => end(undefined));
    void recalled.then((variants) => end(this.#sliceAmong(variants)));
  }

  #fetchFor(reader: SlicedReader): void {
    if (this.#gone !== undefined) {
      this.#failReader(reader, this.#gone);
    } else if (this.#retry === undefined && this.#comingRun(reader.offset) === undefined) {
      const run = this.#newRun(reader.offset, this.#runEnd(reader.offset, reader.last));
      this.#begin(run, reader.source);
    }
    this.#settle();
  }

  /** Begins to fetch what a reader comes to soon, as far as there is room to keep it. */
  #lookAhead(reader: SlicedReader): void {
    if (this.#wholeOnly || this.#gone !== undefined || this.#retry !== undefined) return;
    const { sliceBytes } = this.#manifest;
    const until = Math.min(reader.offset + this.#surroundings.readAheadBytes, reader.last + 1);
    for (let at = sliceAt(reader.offset, this.#manifest).end; at < until; at += sliceBytes) {
      if (this.#isHere(at) || this.#comingRun(at) !== undefined) continue;
      const run = this.#newRun(at, this.#runEnd(at, reader.last));
      if (run.keeps) this.#begin(run, reader.source);
      return;
    }
  }

  /** Whether the slice that begins at `start` is in the store, or somebody is in the middle of it. */
  #isHere(start: number): boolean {
    const { index } = sliceAt(start, this.#manifest);
    return this.#held.has(index) || this.#surroundings.store.has(this.#sliceKey(index));
  }

  /** The run that brings the byte at `offset` before long. */
  #comingRun(offset: number): SliceRun | undefined {
    for (const run of this.#runs) {
      const growing = run.growingSlice;
      if (growing !== undefined && offset >= growing.start && offset < growing.end) return run;
      if (offset >= run.position && offset < run.end && offset - run.position <= this.#reachBytes()) return run;
    }
    return undefined;
  }

  /** How far a reader waits for a run to come to it, before another one is begun for it. */
  #reachBytes(): number {
    return this.#wholeOnly ? Number.POSITIVE_INFINITY : this.#surroundings.readAheadBytes;
  }

  #isNear(reader: SlicedReader, run: SliceRun): boolean {
    const { readAheadBytes } = this.#surroundings;
    const { offset } = reader;
    if (reader.finished || offset >= run.end) return false;
    const behind = run.position - offset;
    return behind <= readAheadBytes + 2 * this.#manifest.sliceBytes && -behind <= this.#reachBytes();
  }

  #wantedEnd(reader: SlicedReader): number {
    const ahead = Math.min(reader.offset + this.#surroundings.readAheadBytes, this.#manifest.lengthBytes);
    return Math.min(ahead, sliceAt(reader.last, this.#manifest).end);
  }

  /** A run goes on to the last slice that is wanted, or to the first that is here already or on its way. */
  #runEnd(offset: number, last: number): number {
    const { sliceBytes, lengthBytes } = this.#manifest;
    if (this.#wholeOnly) return lengthBytes;
    const first = sliceAt(offset, this.#manifest);
    const longest = first.start + Math.max(sliceBytes, maxRunBytes - (maxRunBytes % sliceBytes));
    const farthest = Math.min(sliceAt(last, this.#manifest).end, longest);
    for (let at = first.end; at < farthest; at += sliceBytes) {
      if (this.#isHere(at) || this.#comingRun(at) !== undefined) return at;
    }
    return farthest;
  }

  #newRun(first: number, end: number): SliceRun {
    const { store } = this.#surroundings;
    const { lengthBytes, sliceBytes } = this.#manifest;
    const head = this.#sliceHead();
    const run: SliceRun = new SliceRun({
      sliceBytes,
      lengthBytes,
      first: this.#wholeOnly ? 0 : first,
      end,
      reserve: (bytes) => store.reserve(bytes),
      release: (bytes) => store.release(bytes),
      onSlice: (index, bytes) => this.#keep(run, head, index, bytes),
      onPaused: (paused) => {
        if (paused) this.#watchIdle(run);
      },
    });
    return run;
  }

  /** What is fetched from now on is as new as the manifest is known to be: a ban may have spoken since. */
  #sliceHead(): ResponseHead {
    const { facts, sequence, tags, variantKey } = this.#head;
    const stored = this.#surroundings.store.get(this.#cacheKey).find(({ head }) => this.#isManifest(head));
    return {
      status: 206,
      fields: [],
      facts,
      selecting: [],
      variantKey,
      sequence: stored?.sequence ?? sequence,
      tags,
      sliceOf: this.#manifest.identity,
    };
  }

  #isManifest(head: ResponseHead): boolean {
    return head.sliced?.identity === this.#manifest.identity;
  }

  #begin(run: SliceRun, source: SliceSource): void {
    this.#runs.add(run);
    this.#surroundings.counters.originRequests++;
    const part = this.#wholeOnly ? undefined : { first: run.first, last: run.end - 1 };
    run.attach(requestSlices(source, this.#head, this.#manifest, part, this.#handlerOf(run)));
    this.#settle();
  }

  #handlerOf(run: SliceRun): SliceHandler {
    return {
      onBegin: (kind) => {
        if (kind === 'part' || this.#wholeOnly) return;
        this.#wholeOnly = true;
        run.moveTo(0, this.#manifest.lengthBytes);
        this.#settle();
      },
      onData: (bytes) => {
        this.#failures = 0;
        this.#failingSinceMs = undefined;
        if (!run.append(bytes)) {
          this.#fail(run, contradiction('the origin sends more than it announced'));
          return;
        }
        this.#wake();
        if (!run.keeps) this.#trim(run);
      },
      onEnd: () => {
        if (run.position < run.end) {
          this.#fail(run, contradiction('the origin sends less than it announced'));
        } else {
          this.#drop(run);
          this.#wake();
        }
      },
      onFailure: (failure) => this.#fail(run, failure),
    };
  }

  #keep(run: SliceRun, head: ResponseHead, index: number, bytes: Buffer): void {
    this.#surroundings.store.put(this.#sliceKey(index), new CachedResponse(head, bytes));
    // Who is in the middle of it keeps it, whatever the store does.
    for (const reader of this.#readers) {
      if (!reader.finished && sliceAt(reader.offset, this.#manifest).index === index) {
        this.#held.hold(reader, index, bytes);
      }
    }
    this.#passOn(index, bytes);
    const next = (index + 1) * this.#manifest.sliceBytes;
    // Another run has been here.
    if (!this.#wholeOnly && next < run.end && this.#isHere(next)) this.#drop(run);
    this.#settle();
  }

  #passOn(index: number, bytes: Buffer): void {
    this.#passing = { index, bytes };
    for (const reader of this.#waitingAt(index)) reader.onProgress();
    this.#passing = undefined;
  }

  #waitingAt(index: number): SlicedReader[] {
    return [...this.#readers].filter(
      (reader) => reader.waiting && sliceAt(reader.offset, this.#manifest).index === index,
    );
  }

  #wake(): void {
    for (const reader of [...this.#readers]) if (reader.waiting) reader.onProgress();
  }

  #fail(run: SliceRun, failure: SliceFailure): void {
    const { counters, log, store } = this.#surroundings;
    const { error, kind } = failure;
    this.#drop(run);
    counters.originErrors++;
    log.warn({ err: error, cacheKey: this.#cacheKey }, 'a part of a large object did not come');
    if (kind === 'changed' || (kind === 'invalid' && this.#wholeOnly)) {
      this.#gone = error;
      if (store.get(this.#cacheKey).some(({ head }) => this.#isManifest(head))) store.remove(this.#cacheKey);
    } else if (kind === 'invalid') {
      // Its ranges cannot be relied on; the whole, under the same ETag, perhaps can.
      this.#wholeOnly = true;
    } else {
      this.#retryLater(error);
    }
    this.#wake();
    this.#restIfIdle();
  }

  #retryLater(error: UpstreamError): void {
    const { clock } = this.#surroundings;
    const nowMs = clock.monotonicMs();
    this.#failingSinceMs ??= nowMs;
    // Whoever has nothing yet can still be told so.
    for (const reader of [...this.#readers]) if (reader.waiting && !reader.begun) this.#failReader(reader, error);
    if (nowMs - this.#failingSinceMs >= retryForMs) {
      for (const reader of [...this.#readers]) if (reader.waiting) this.#failReader(reader, error);
      this.#failures = 0;
      this.#failingSinceMs = undefined;
      return;
    }
    const delayMs = Math.min(firstRetryMs * 2 ** this.#failures++, lastRetryMs);
    this.#retry ??= clock.after(delayMs, () => {
      this.#retry = undefined;
      this.#wake();
      this.#restIfIdle();
    });
  }

  #failReader(reader: SlicedReader, error: Error): void {
    reader.error = error;
    reader.waiting = false;
    reader.onProgress();
  }

  /** The slice that a reader ends in is worth having: the next range often begins there. */
  #finishSlice(reader: SlicedReader): void {
    for (const run of this.#runs) {
      const growing = run.growingSlice;
      if (growing !== undefined && reader.last >= growing.start && reader.last < growing.end) run.promise(growing.end);
    }
  }

  /** Tells every run how far it is wanted; those that nobody wants any more are given up. */
  #settle(): void {
    for (const run of this.#runs) {
      run.forgetReach();
      let isWanted = !run.done;
      for (const reader of this.#readers) {
        if (!this.#isNear(reader, run)) continue;
        isWanted = true;
        run.reach(reader.offset, this.#wantedEnd(reader));
      }
      if (!isWanted) this.#drop(run);
    }
    this.#restIfIdle();
  }

  /** Lets go what has passed through a run to all who read near it; who lags far behind the others gets a run of its own. */
  #trim(run: SliceRun): void {
    const offsets = [...this.#readers].map(({ offset }) => offset).filter((offset) => offset <= run.position);
    const foremost = Math.max(...offsets, 0);
    run.letGoBefore(Math.min(...offsets.filter((offset) => offset >= foremost - windowBytes), run.position));
  }

  #watchIdle(run: SliceRun): void {
    if (this.#wholeOnly || this.#idleTimers.has(run)) return;
    const { position } = run;
    const timer = this.#surroundings.clock.after(idleRunMs, () => {
      this.#idleTimers.delete(run);
      if (run.paused && run.position === position) this.#drop(run);
      else if (run.paused) this.#watchIdle(run);
      this.#restIfIdle();
    });
    this.#idleTimers.set(run, timer);
  }

  #drop(run: SliceRun): void {
    this.#runs.delete(run);
    this.#idleTimers.get(run)?.cancel();
    this.#idleTimers.delete(run);
    run.stop();
  }

  #restIfIdle(): void {
    if (this.#readers.size > 0 || this.#runs.size > 0 || this.#recalls.size > 0) return;
    this.#retry?.cancel();
    this.#onIdle();
  }
}

function contradiction(sentence: string): SliceFailure {
  return { kind: 'invalid', error: new UpstreamError('ORIGIN_RANGE_INVALID', sentence) };
}
