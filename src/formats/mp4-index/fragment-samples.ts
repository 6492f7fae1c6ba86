import type { Reading } from '../media/stored-media.ts';
import { FragmentReader } from './fragment-reader.ts';
import { searchFragments } from './fragment-search.ts';
import { defaultMp4Limits } from './limits.ts';
import type { Mp4Fragments, Mp4Index, Mp4Track } from './mp4-index.ts';
import {
  decodeMs,
  fragmentTiming,
  notBefore,
  ticksAtMs,
  type TimedSample,
  timedSample,
  type Timing,
} from './presentation.ts';
import { earliest, type SampleSource } from './sample-source.ts';
import type { SampleTable, SampleWalk } from './sample-table.ts';

/** Fragments of one track may come before those of another that belong beside them; so far is looked for these. */
const lookAheadMs = 2_000;
const maxHeldTables = 64;

/** All tracks of a file with fragments, interleaved by decode time. A `moof` is read when the one before it is nearly through. */
export class FragmentSamples implements SampleSource {
  readonly #tracks: readonly TrackQueue[];
  #fragments: Mp4Fragments;
  readonly #timeMs: number;
  /** Of `#fragments` the one at which reading began. */
  #entry: number;
  #reader: FragmentReader;
  readonly #index: Mp4Index;
  #atEnd = false;
  #hasBegun = false;

  constructor(index: Mp4Index, fragments: Mp4Fragments, timeMs: number) {
    this.#index = index;
    this.#fragments = fragments;
    this.#timeMs = timeMs;
    this.#tracks = index.tracks.map((track) => new TrackQueue(track, index.shiftMs));
    this.#entry = this.#nearest();
    this.#reader = this.#readerAt(this.#entry);
  }

  get first(): TimedSample | undefined {
    return earliest(this.#tracks)?.next;
  }

  next(): TimedSample | undefined {
    const track = earliest(this.#tracks);
    const sample = track?.next;
    track?.take();
    return sample;
  }

  reading(): Reading<void> | undefined {
    if (!this.#hasBegun) return this.#begin();
    return this.#wantsMore() ? this.#readOn() : undefined;
  }

  #nearest(): number {
    return Math.max(
      0,
      this.#fragments.timesMs.findLastIndex((ms) => ms <= this.#timeMs),
    );
  }

  #readerAt(entry: number): FragmentReader {
    const { lengthBytes, tracks } = this.#index;
    const entryMs = this.#fragments.timesMs[entry] ?? 0;
    const startTicks = this.#tracks.map((track) => (entry === 0 ? track.movieEndTicks : track.ticksAt(entryMs)));
    // What is played has no end; each step is bounded by what a fragment may have.
    const bounds = { maxBytes: Number.POSITIVE_INFINITY, maxBoxes: defaultMp4Limits.maxBoxes };
    return new FragmentReader({ lengthBytes, tracks, ...bounds }, this.#fragments.offsets[entry] ?? 0, startTicks);
  }

  *#begin(): Reading<void> {
    this.#hasBegun = true;
    const [leading, ...others] = this.#tracks;
    if (leading === undefined) return;
    if (this.#fragments.isSparse) {
      this.#fragments = yield* searchFragments(this.#index, this.#fragments, this.#timeMs);
      this.#entry = this.#nearest();
      this.#reader = this.#readerAt(this.#entry);
    }
    for (;;) {
      // Samples that `moov` has come before all fragments.
      if (this.#entry === 0) for (const track of this.#tracks) track.addMovie();
      while (leading.next === undefined && !this.#atEnd) yield* this.#readFragment();
      if (leading.seekSync(this.#timeMs) || this.#entry === 0) break;
      // The table was off by a little, as it says presentation times: the keyframe is in the one before.
      for (const track of this.#tracks) track.clear();
      this.#entry--;
      this.#reader = this.#readerAt(this.#entry);
      this.#atEnd = false;
    }
    const startMs = leading.next?.decodeMs ?? 0;
    const isBeginning = this.#entry === 0 && startMs === (this.#fragments.timesMs[0] ?? 0);
    for (const track of others) track.startFrom(isBeginning ? 0 : startMs);
    while (this.#wantsMore()) yield* this.#readFragment();
  }

  *#readOn(): Reading<void> {
    while (this.#wantsMore()) yield* this.#readFragment();
  }

  *#readFragment(): Reading<void> {
    const fragment = yield* this.#reader.next();
    if (fragment === undefined) this.#atEnd = true;
    for (const { track, table } of fragment?.tables ?? []) this.#tracks[track]?.add(table);
  }

  /** Whether a track has nothing while the next fragment may have what comes before that of the others. */
  #wantsMore(): boolean {
    if (this.#atEnd) return false;
    const sentMs = this.first?.decodeMs;
    if (sentMs === undefined) return true;
    if (this.#tracks.every(({ next }) => next !== undefined)) return false;
    const held = this.#tracks.reduce((sum, { tables }) => sum + tables, 0);
    const newestMs = Math.max(...this.#tracks.map(({ newestMs }) => newestMs));
    return held < maxHeldTables && newestMs <= sentMs + lookAheadMs;
  }
}

/** What has been read of a track and not been sent. */
class TrackQueue {
  readonly #track: Mp4Track;
  readonly #timing: Timing;
  #tables: SampleTable[] = [];
  #walk: SampleWalk | undefined;
  #next: TimedSample | undefined;
  #lastMs = 0;
  #startMs = 0;
  /** When the table that came last begins. */
  newestMs = Number.NEGATIVE_INFINITY;

  constructor(track: Mp4Track, shiftMs: number) {
    this.#track = track;
    this.#timing = fragmentTiming(track, shiftMs);
  }

  get next(): TimedSample | undefined {
    return this.#next;
  }

  get tables(): number {
    return this.#tables.length;
  }

  get movieEndTicks(): number {
    return this.#track.table.endTicks;
  }

  ticksAt(timeMs: number): number {
    return Math.max(0, Math.round(ticksAtMs(this.#timing, timeMs)));
  }

  addMovie(): void {
    if (this.#track.table.count > 0) this.add(this.#track.table);
  }

  add(table: SampleTable): void {
    this.newestMs = decodeMs(this.#timing, table.columns.startTicks);
    this.#tables.push(table);
    if (this.#next === undefined) this.take();
  }

  clear(): void {
    this.#tables = [];
    this.#walk = undefined;
    this.#next = undefined;
    this.#lastMs = 0;
  }

  /** Goes to the last sync sample of what is there that is not behind this time; to the first where none is: false then. */
  seekSync(timeMs: number): boolean {
    let first: { table: SampleTable; sample: number } | undefined;
    let found: typeof first;
    let foundMs = Number.NEGATIVE_INFINITY;
    for (const table of this.#tables) {
      const walk = table.walkFrom(0);
      for (let sample = walk.next(); sample !== undefined; sample = walk.next()) {
        if (!sample.sync) continue;
        first ??= { table, sample: sample.index };
        const sentMs = decodeMs(this.#timing, sample.decodeTicks);
        if (sentMs > timeMs) break;
        if (sentMs > foundMs) found = { table, sample: sample.index };
        foundMs = sentMs;
      }
    }
    const target = found ?? first;
    if (target !== undefined) {
      this.#tables = this.#tables.slice(this.#tables.indexOf(target.table));
      this.#walk = target.table.walkFrom(target.sample);
      this.#lastMs = 0;
      this.take();
    }
    return found !== undefined;
  }

  /** Leaves out what is before this time, and then what cannot be decoded. */
  startFrom(timeMs: number): void {
    this.#startMs = timeMs;
    while (this.#next !== undefined && !this.#mayStart(this.#next)) this.#advance();
    if (this.#next !== undefined) this.#startMs = 0;
  }

  take(): void {
    this.#advance();
    if (this.#startMs > 0) this.startFrom(this.#startMs);
  }

  #mayStart({ decodeMs: sentMs, sync }: TimedSample): boolean {
    return this.#startMs === 0 || (sentMs >= this.#startMs && sync);
  }

  #advance(): void {
    for (;;) {
      const [table] = this.#tables;
      if (table === undefined) {
        this.#next = undefined;
        return;
      }
      this.#walk ??= table.walkFrom(0);
      const sample = this.#walk.next();
      if (sample !== undefined) {
        this.#next = notBefore(this.#lastMs, timedSample(this.#track, this.#timing, sample));
        this.#lastMs = this.#next.decodeMs;
        return;
      }
      this.#tables.shift();
      this.#walk = undefined;
    }
  }
}
