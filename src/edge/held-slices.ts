import type { SlicedReader } from './sliced-reader.ts';

/** The room that slices take which readers are in the middle of, over all objects of an edge. */
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
 * The slices of one object that readers are in the middle of: they stay, whatever the store lets go, as long as there
 * is room in the budget. A slice counts once, however many read it.
 */
export class HeldSlices {
  readonly #budget: HoldBudget;
  readonly #held = new Map<number, { readonly bytes: Buffer; holders: number }>();

  constructor(budget: HoldBudget) {
    this.#budget = budget;
  }

  get(index: number): Buffer | undefined {
    return this.#held.get(index)?.bytes;
  }

  has(index: number): boolean {
    return this.#held.has(index);
  }

  /** Holds this slice for a reader in place of the one before. `false`: there is no room for it. */
  hold(reader: SlicedReader, index: number, bytes: Buffer): boolean {
    if (reader.heldIndex === index) return true;
    this.letGo(reader);
    const held = this.#held.get(index);
    if (held === undefined) {
      if (!this.#budget.hasRoomFor(bytes.length)) return false;
      this.#budget.take(bytes.length);
      this.#held.set(index, { bytes, holders: 1 });
    } else {
      held.holders++;
    }
    reader.heldIndex = index;
    return true;
  }

  letGo(reader: SlicedReader): void {
    const { heldIndex } = reader;
    const held = heldIndex === undefined ? undefined : this.#held.get(heldIndex);
    reader.heldIndex = undefined;
    if (held === undefined || heldIndex === undefined || --held.holders > 0) return;
    this.#held.delete(heldIndex);
    this.#budget.giveBack(held.bytes.length);
  }
}
