import type { SliceBytes } from '../stores/slice-memory.ts';
import type { SlicedReader } from './sliced-reader.ts';

/** The room that slices take which readers are in the middle of or come to next, over all objects of an edge. */
export class HoldBudget {
  readonly #limitBytes: number;
  #heldBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  hasRoomFor(bytes: number): boolean {
    return this.#heldBytes + bytes <= this.#limitBytes;
  }

  take(bytes: number): void {
    this.#heldBytes += bytes;
  }

  giveBack(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}

/**
 * The slices of one object that readers are in the middle of, or that were fetched ahead for them: they stay, whatever
 * the store lets go, as long as there is room in the budget. A slice counts once, however many read it.
 */
export class HeldSlices {
  readonly #budget: HoldBudget;
  readonly #held = new Map<number, { readonly slice: SliceBytes; holders: number }>();

  constructor(budget: HoldBudget) {
    this.#budget = budget;
  }

  get(index: number): SliceBytes | undefined {
    return this.#held.get(index)?.slice;
  }

  has(index: number): boolean {
    return this.#held.has(index);
  }

  /** Holds this slice for a reader. `false`: there is no room for it. */
  hold(reader: SlicedReader, index: number, slice: SliceBytes): boolean {
    if (reader.held.has(index)) return true;
    const held = this.#held.get(index);
    if (held === undefined) {
      const { length } = slice.bytes;
      if (!this.#budget.hasRoomFor(length)) return false;
      this.#budget.take(length);
      slice.memory?.hold();
      this.#held.set(index, { slice, holders: 1 });
    } else {
      held.holders++;
    }
    reader.held.add(index);
    return true;
  }

  /** A reader has come to this slice: those before it are not for it any more. */
  letGoBefore(reader: SlicedReader, index: number): void {
    for (const heldIndex of reader.held) {
      if (heldIndex >= index) continue;
      reader.held.delete(heldIndex);
      const held = this.#held.get(heldIndex);
      if (held === undefined || --held.holders > 0) continue;
      this.#held.delete(heldIndex);
      this.#budget.giveBack(held.slice.bytes.length);
      held.slice.memory?.release();
    }
  }

  letGo(reader: SlicedReader): void {
    this.letGoBefore(reader, Number.POSITIVE_INFINITY);
  }
}

const copiedBytes = 131_072;

/** What readers beyond the budget get: it holds nothing. */
export function shortCopy(bytes: Buffer): SliceBytes {
  return { bytes: Buffer.from(bytes.subarray(0, copiedBytes)) };
}
