import type { UpstreamExchange } from '../http/upstream.ts';
import { type SliceBytes, type SliceMemory, viewOf } from '../stores/slice-memory.ts';
import { type SliceBounds, sliceAt } from '../policy/slicing.ts';

/** Of what no slice can be made for want of room, this much is held between the origin and its readers. */
export const windowBytes = 131_072;

export interface SliceRunOptions {
  readonly sliceBytes: number;
  /** Of the whole object. */
  readonly lengthBytes: number;
  /** Where it begins, and where it ends; `end` is exclusive. */
  readonly first: number;
  readonly end: number;
  /** To begin exactly there, though no slice can be made of the first bytes. */
  readonly exactly: boolean;
  /** Asks for room for a slice; `false`: there is none. */
  readonly reserve: (bytes: number) => boolean;
  readonly release: (bytes: number) => void;
  readonly memory: Pick<SliceMemory, 'take'>;
  /** Held only until it returns. */
  readonly onSlice: (index: number, slice: SliceBytes) => void;
  /** The origin has been held up: its readers do not come after it. */
  readonly onPaused: () => void;
}

/**
 * Consecutive bytes of an object as they come from the origin, cut into slices. The slice that is growing can be read
 * already. Where there is no room for one, its bytes pass through a short window instead.
 */
export class SliceRun {
  readonly #options: SliceRunOptions;
  #end: number;
  #position: number;
  #growing: { readonly bounds: SliceBounds; slice: SliceBytes | undefined } | undefined;
  /** Bytes that belong to no growing slice, up to `#position` or to where that slice begins. */
  #window: Buffer[] = [];
  #windowStart = 0;
  #exchange: UpstreamExchange | undefined;
  #farthest = 0;
  #limit = 0;
  #promised = 0;
  #begun = false;
  #ended = false;
  #paused = false;
  #stopped = false;

  constructor(options: SliceRunOptions) {
    this.#options = options;
    this.#end = options.end;
    this.#position = options.exactly ? options.first : sliceAt(options.first, options).start;
    this.#beginSlice();
    if (this.#growing === undefined) this.#position = options.first;
  }

  /** The next byte that will come: at first a slice's first, or without room for a slice exactly where it was asked for. */
  get position(): number {
    return this.#position;
  }

  get end(): number {
    return this.#end;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Whether what comes next will be kept as a slice. */
  get keeps(): boolean {
    return this.#growing !== undefined;
  }

  get growingSlice(): SliceBounds | undefined {
    return this.#growing?.bounds;
  }

  attach(exchange: UpstreamExchange): void {
    this.#exchange = exchange;
    if (this.#stopped) exchange.abort();
  }

  /** Before the first byte: the origin sends another stretch than it was asked for. */
  moveTo(first: number, end: number): void {
    this.#dropGrowing();
    this.#position = first;
    this.#end = end;
    this.#beginSlice();
  }

  /** Whether anything has come. */
  get begun(): boolean {
    return this.#begun;
  }

  /** `false`: it is more than was to come. What is kept is copied. */
  append(bytes: Buffer): boolean {
    this.#begun = true;
    let rest = bytes;
    while (rest.length > 0 && !this.#stopped) {
      if (this.#position >= this.#end) return false;
      const { end } = this.#growing?.bounds ?? sliceAt(this.#position, this.#options);
      const taken = rest.subarray(0, Math.min(end, this.#end) - this.#position);
      this.#take(taken);
      rest = rest.subarray(taken.length);
    }
    this.#adjust();
    return true;
  }

  /** The bytes at an offset that have come and are still here; in a slice that is growing, of which there is more. */
  bytesAt(offset: number): SliceBytes | undefined {
    if (offset >= this.#position) return undefined;
    if (this.#growing !== undefined && offset >= this.#growing.bounds.start) {
      const { bounds, slice } = this.#growing;
      return slice && viewOf(slice, slice.bytes.subarray(offset - bounds.start, this.#position - bounds.start));
    }
    let start = this.#windowStart;
    for (const piece of this.#window) {
      if (offset >= start && offset < start + piece.length) return { bytes: piece.subarray(offset - start) };
      start += piece.length;
    }
    return undefined;
  }

  /** Nobody needs what passed through before `offset`. */
  letGoBefore(offset: number): void {
    let released = 0;
    for (const piece of this.#window) {
      if (this.#windowStart + piece.length > offset) break;
      this.#windowStart += piece.length;
      released++;
    }
    this.#window.splice(0, released);
  }

  /** A reader has come to `offset`, and bytes up to `limit` are wanted in advance for it. */
  reach(offset: number, limit: number): void {
    this.#farthest = Math.max(this.#farthest, offset);
    this.#limit = Math.max(this.#limit, limit);
    if (this.#paused) this.#adjust();
  }

  /** Forgets how far it was to go, but for what was promised. To be followed by `reach` for all who read. */
  forgetReach(): void {
    this.#farthest = 0;
    this.#limit = this.#promised;
  }

  /** A slice that somebody has read from is worth finishing when nobody reads any more. */
  promise(end: number): void {
    this.#promised = Math.max(this.#promised, end);
    this.reach(0, end);
  }

  /** Whether nothing more is to come if nobody reads. */
  get done(): boolean {
    return this.#position >= this.#promised;
  }

  /** All has come. What lies in the window can be read still. */
  complete(): void {
    this.#ended = true;
  }

  get ended(): boolean {
    return this.#ended;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#dropGrowing();
    this.#window = [];
    this.#exchange?.abort();
  }

  #take(bytes: Buffer): void {
    const growing = this.#growing;
    if (growing === undefined) {
      if (this.#window.length === 0) this.#windowStart = this.#position;
      this.#window.push(Buffer.from(bytes));
      this.#position += bytes.length;
    } else {
      const { end, index, start } = growing.bounds;
      const slice = (growing.slice ??= this.#options.memory.take(end - start));
      bytes.copy(slice.bytes, this.#position - start);
      this.#position += bytes.length;
      if (this.#position === end) {
        this.#endGrowing();
        // What lies before a slice is not next to what comes behind it.
        this.#window = [];
        this.#options.onSlice(index, slice);
        slice.memory?.release();
      }
    }
    if (this.#growing === undefined) this.#beginSlice();
  }

  #beginSlice(): void {
    const slice = sliceAt(this.#position, this.#options);
    if (this.#stopped || this.#position !== slice.start || slice.end > this.#end || this.#position >= this.#end) return;
    if (!this.#options.reserve(slice.end - slice.start)) return;
    this.#growing = { bounds: slice, slice: undefined };
  }

  #dropGrowing(): void {
    const slice = this.#growing?.slice;
    this.#endGrowing();
    slice?.memory?.release();
  }

  #endGrowing(): void {
    if (this.#growing === undefined) return;
    const { end, start } = this.#growing.bounds;
    this.#growing = undefined;
    this.#options.release(end - start);
  }

  #adjust(): void {
    if (this.#stopped || this.#ended) return;
    const limit = this.keeps ? this.#limit : Math.min(this.#limit, this.#farthest + windowBytes);
    const pause = this.#position >= limit && this.#position < this.#end;
    if (pause) this.#exchange?.pause();
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#options.onPaused();
    // Not from within a read: a source that has bytes at hand gives them at once.
    if (!pause) queueMicrotask(() => this.#resume());
  }

  #resume(): void {
    if (!this.#paused && !this.#stopped) this.#exchange?.resume();
  }
}
