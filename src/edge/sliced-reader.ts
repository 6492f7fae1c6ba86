import type { ByteRange } from '../policy/range-selection.ts';
import type { BodyReader } from '../stores/body-reader.ts';
import type { PartBytes } from '../stores/part-memory.ts';
import type { SliceSource } from './slice-request.ts';
import type { SliceRun } from './slice-run.ts';

/** Who has the bytes that a reader wants. */
export interface SliceSupply {
  /**
   * The next bytes for a reader, which goes on by them; `undefined` when there are none now. `lent`: their memory is held by the
   * reader; otherwise they stay for good.
   */
  readFor(reader: SlicedReader, lent: boolean): Buffer | undefined;
  leave(reader: SlicedReader): void;
}

/**
 * What is fetched before it is read. `steady`: always as much as the settings say. `media`: for a player, which may jump
 * elsewhere at any moment and reads at the pace at which it plays: first what it needs, then more and more, and as much
 * as it plays in a few seconds.
 */
export type ReadAhead = 'steady' | 'media';

/** One viewer's place in a range of a sliced object. What stands here is for its supply to read and to set. */
export class SlicedReader implements BodyReader {
  readonly first: number;
  readonly last: number;
  /** Where this viewer's request goes for what is missing. */
  readonly source: SliceSource;
  readonly onProgress: () => void;
  /** The next byte it reads. */
  offset: number;
  /** The slices that are held for it. */
  readonly held = new Set<number>();
  /** The runs that bring what it is to read. */
  readonly runs = new Set<SliceRun>();
  /** It has been told that there is nothing, and waits for `onProgress`. */
  waiting = false;
  error: Error | undefined;
  closed = false;
  readonly #supply: SliceSupply;
  /** What was lent lies in these, up to `end`; one behind the other. */
  #lent: { readonly memory: PartBytes; readonly end: number }[] = [];

  /** `openedMs` is monotonic. */
  readonly readAhead: { readonly kind: ReadAhead; readonly openedMs: number };
  /** What is to be fetched ahead was looked at up to here. */
  lookedTo = 0;

  constructor(
    supply: SliceSupply,
    range: ByteRange,
    source: SliceSource,
    onProgress: () => void,
    readAhead: SlicedReader['readAhead'],
  ) {
    this.#supply = supply;
    this.first = range.first;
    this.offset = range.first;
    this.last = range.last;
    this.source = source;
    this.onProgress = onProgress;
    this.readAhead = readAhead;
  }

  get begun(): boolean {
    return this.offset > this.first;
  }

  get finished(): boolean {
    return this.offset > this.last;
  }

  read(): Buffer | undefined {
    return this.#isOver ? undefined : this.#supply.readFor(this, false);
  }

  readLent(): Buffer | undefined {
    return this.#isOver ? undefined : this.#supply.readFor(this, true);
  }

  passed(offset: number): void {
    for (let [first] = this.#lent; first !== undefined && first.end <= offset; [first] = this.#lent) {
      this.#lent.shift();
      first.memory.release();
    }
  }

  keepLent(): void {
    for (const { memory } of this.#lent) memory.lend();
    this.#letGo();
  }

  /** For its supply: it lends bytes of a slice that ends there. */
  hold(memory: PartBytes, end: number): void {
    if (this.#lent.at(-1)?.memory === memory) return;
    memory.hold();
    this.#lent.push({ memory, end });
  }

  get #isOver(): boolean {
    return this.closed || this.finished || this.error !== undefined;
  }

  #letGo(): void {
    const lent = this.#lent;
    this.#lent = [];
    for (const { memory } of lent) memory.release();
  }

  get state(): BodyReader['state'] {
    if (this.finished) return 'ended';
    return this.error === undefined ? 'open' : { error: this.error };
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#letGo();
    this.#supply.leave(this);
  }
}
