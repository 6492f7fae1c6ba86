import { OwnCopies } from '../base/own-copies.ts';
import type { AccessUnit } from '../formats/media/access-unit.ts';

/** What one GOP may cost before it is no longer kept for late joiners. */
export interface GopBounds {
  readonly maxBytes: number;
  readonly maxItems: number;
}

/** 32 s of 2 Mbit/s, or 3 s of 20 Mbit/s; 50 s of 30 pictures and 47 audio frames a second. */
export const defaultGopBounds: GopBounds = { maxBytes: 8_388_608, maxItems: 4_096 };

/** Of the smallest memory for a GOP. */
const leastBytes = 65_536;

/**
 * What has come since the last keyframe, so that who comes late can begin at once. A GOP that would exceed the bounds
 * is dropped whole, and nothing is kept until the next one begins: a part of a GOP is of no use to anybody. The data lie in
 * memory of its own, in which one GOP follows the other.
 */
export class GopWindow {
  readonly #bounds: GopBounds;
  readonly #copies: OwnCopies;
  #units: AccessUnit[] = [];
  #bytes = 0;
  #open = false;

  constructor(bounds: GopBounds = defaultGopBounds) {
    this.#bounds = bounds;
    this.#copies = new OwnCopies({ leastBytes, mostKeptBytes: bounds.maxBytes });
  }

  /** In order, beginning with a keyframe; empty while there is no GOP to begin with. */
  get units(): readonly AccessUnit[] {
    return this.#units;
  }

  /** Memory that it has. */
  get heldBytes(): number {
    return this.#copies.heldBytes;
  }

  /** `startsGop`: a decoder of everything that follows can start here. */
  push(unit: AccessUnit, startsGop: boolean): void {
    const bytes = unit.data.length;
    if (startsGop) {
      this.clear();
      this.#open = true;
    }
    if (!this.#open) return;
    if (this.#bytes + bytes > this.#bounds.maxBytes || this.#units.length >= this.#bounds.maxItems) {
      this.letGo();
      return;
    }
    this.#units.push({ ...unit, data: this.#copies.copy(unit.data) });
    this.#bytes += bytes;
  }

  /** Until the next keyframe. */
  clear(): void {
    this.#units = [];
    this.#bytes = 0;
    this.#open = false;
    this.#copies.dropAll();
  }

  /** The same, and that will not come soon: no memory is kept. */
  letGo(): void {
    this.clear();
    this.#copies.letGo();
  }
}
