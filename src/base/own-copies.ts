import { noteFreed } from './freed-memory.ts';

/** Memory in which copies lie one behind the other. */
interface Block {
  readonly bytes: Uint8Array<ArrayBuffer>;
  filledBytes: number;
  /** Up to where they have been dropped. */
  droppedBytes: number;
}

export interface OwnCopiesOptions {
  /** Of the smallest block. */
  readonly leastBytes: number;
  /** That are kept for what comes next when all has been dropped: more is left to the collector. */
  readonly mostKeptBytes: number;
}

/** A block is made that much larger than what was needed last, so that a little more fits as well. */
const spareShare = 1 / 8;
/** What is beyond the smallest block grows by as much as there is, up to this. */
const mostGrowthBytes = 1_048_576;
/** A block is too large when a part of this many would have done so often in a row. */
const tooLargeTimes = 4;
const tooLargeRow = 64;

const nothing = new Uint8Array(0);

/** The same with memory of its own for its data, for good: for what is kept now and then, and not all the time. */
export function withOwnData<Lent extends { readonly data: Uint8Array }>(lent: Lent): Lent {
  return { ...lent, data: new Uint8Array(lent.data) };
}

/**
 * Copies of bytes that were lent, for who needs them for longer. They lie in memory that is used again when they are
 * dropped, all at once or the oldest first: otherwise it would be memory outside of V8's heap, of which every few MiB begin
 * a collection of the whole heap.
 */
export class OwnCopies {
  readonly #options: OwnCopiesOptions;
  /** The oldest first; the last one is being filled. */
  #blocks: Block[] = [];
  /** One that is empty. */
  #spare: Block | undefined;
  #nextBytes = 0;
  #tooLarge = 0;

  constructor(options: OwnCopiesOptions) {
    this.#options = options;
  }

  /** Memory that it has, whether there is anything in it or not. */
  get heldBytes(): number {
    return this.#blocks.reduce((sum, { bytes }) => sum + bytes.length, this.#spare?.bytes.length ?? 0);
  }

  /** A copy that stays until it is dropped. */
  copy(lent: Uint8Array): Uint8Array {
    if (lent.length === 0) return nothing;
    const block = this.#withRoomFor(lent.length);
    const own = block.bytes.subarray(block.filledBytes, block.filledBytes + lent.length);
    own.set(lent);
    block.filledBytes += lent.length;
    return own;
  }

  /** `own` is the oldest copy that is left. */
  drop(own: Uint8Array): void {
    if (own.length === 0) return;
    const [oldest] = this.#blocks;
    if (oldest === undefined || own.buffer !== oldest.bytes.buffer || own.byteOffset !== oldest.droppedBytes) {
      throw new Error('a copy was dropped that is not the oldest one');
    }
    noteFreed(own);
    oldest.droppedBytes += own.length;
    if (oldest.droppedBytes < oldest.filledBytes) return;
    oldest.filledBytes = 0;
    oldest.droppedBytes = 0;
    const isKept = oldest.bytes.length <= this.#options.mostKeptBytes;
    if (isKept && this.#blocks.length === 1) return;
    this.#blocks.shift();
    if (isKept && oldest.bytes.length > (this.#spare?.bytes.length ?? 0)) this.#spare = oldest;
  }

  /** All of them. */
  dropAll(): void {
    const blocks = this.#blocks;
    this.#spare = undefined;
    const block = blocks[0];
    if (block === undefined) return;
    noteFreed(block.bytes, block.filledBytes);
    let usedBytes = block.filledBytes;
    // Mostly there is one, and this is called for every unit of a stream.
    if (blocks.length > 1) {
      for (const { bytes, filledBytes } of blocks.slice(1)) {
        noteFreed(bytes, filledBytes);
        usedBytes += filledBytes;
      }
    }
    const isTooLarge = block.bytes.length > Math.max(usedBytes * tooLargeTimes, this.#options.leastBytes);
    this.#tooLarge = isTooLarge ? this.#tooLarge + 1 : 0;
    const { mostKeptBytes } = this.#options;
    if (blocks.length === 1 && this.#tooLarge < tooLargeRow && block.bytes.length <= mostKeptBytes) {
      block.filledBytes = 0;
      block.droppedBytes = 0;
      return;
    }
    this.#blocks = [];
    this.#tooLarge = 0;
    this.#nextBytes = Math.min(Math.ceil(usedBytes * (1 + spareShare)), mostKeptBytes);
  }

  /** The same, and nothing is expected soon: no memory is kept. */
  letGo(): void {
    this.dropAll();
    this.#blocks = [];
    this.#nextBytes = 0;
  }

  #withRoomFor(length: number): Block {
    const filling = this.#blocks.at(-1);
    if (filling !== undefined && filling.filledBytes + length <= filling.bytes.length) return filling;
    // It is empty and too small.
    if (filling?.filledBytes === 0) this.#blocks.pop();
    const next = this.#fittingSpare(length) ?? {
      bytes: new Uint8Array(Math.max(length, this.#blockBytes)),
      filledBytes: 0,
      droppedBytes: 0,
    };
    this.#blocks.push(next);
    return next;
  }

  get #blockBytes(): number {
    const held = this.#blocks.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return Math.max(this.#options.leastBytes, this.#nextBytes, Math.min(held, mostGrowthBytes));
  }

  /** Where the oldest are dropped, blocks follow each other in which all that is there at a time finds room. */
  #fittingSpare(length: number): Block | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    const leftBytes = this.#blocks.reduce((sum, { filledBytes, droppedBytes }) => sum + filledBytes - droppedBytes, 0);
    const { leastBytes } = this.#options;
    if (spare === undefined || spare.bytes.length < length) return undefined;
    return spare.bytes.length > Math.max(leastBytes, (leftBytes + length) * tooLargeTimes) ? undefined : spare;
  }
}
