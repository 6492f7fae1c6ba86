/** A slab is made for so many parts of the size that they have had: what is left empty at its end is half a part. */
const partsOfSlab = 8;
/** Of the newest part in the mean size. */
const newestShare = 1 / 16;
/** A slab is used again where it is for no more than twice, and no less than half as many parts. */
const mostMisfit = 2;
/** That wait to be used again. */
const maxFreeSlabs = 2;

/** Memory of parts that follow each other. */
interface Slab {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Up to where there are parts. */
  filledBytes: number;
  /** Parts that need it, and one for as long as more may come. */
  users: number;
  /** Somebody may have bytes of it for good. */
  isLent: boolean;
}

/**
 * The bytes of one part, and who has them. Their memory is used again when the part has left its window for good, and only
 * if they were never lent: whoever has been given them keeps them for as long as he likes, as they are.
 */
export class PartBytes {
  readonly byteLength: number;
  readonly #slab: Slab;
  /** `undefined` from when nobody may have them any more. */
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #isLent = false;
  #holders = 0;
  #hasLeft = false;
  /** Called once: it needs its slab no more. */
  #onGone: ((slab: Slab) => void) | undefined;

  constructor(slab: Slab, bytes: Uint8Array<ArrayBuffer>, onGone: (slab: Slab) => void) {
    this.#slab = slab;
    this.#bytes = bytes;
    this.byteLength = bytes.length;
    this.#onGone = onGone;
  }

  /** For whoever may keep them: their memory is never used again. */
  lend(): Uint8Array<ArrayBuffer> {
    const bytes = this.#whole();
    this.#isLent = true;
    this.#slab.isLent = true;
    return bytes;
  }

  /** They stay until `release`, once for each `hold`. */
  hold(): void {
    this.#whole();
    this.#holders++;
  }

  /** Only for who holds them, and only so long. */
  get held(): Uint8Array<ArrayBuffer> {
    if (this.#holders === 0) throw new Error('the bytes of a part were read by somebody who does not hold them');
    return this.#whole();
  }

  release(): void {
    if (this.#holders === 0) throw new Error('the bytes of a part were released more often than held');
    this.#holders--;
    this.#goIfUnused();
  }

  /** The part has left its window: nobody will be given them any more. */
  leave(): void {
    this.#hasLeft = true;
    this.#goIfUnused();
  }

  #whole(): Uint8Array<ArrayBuffer> {
    if (this.#bytes === undefined) throw new Error('the bytes of a part were read after their memory had gone back');
    return this.#bytes;
  }

  #goIfUnused(): void {
    if (!this.#hasLeft || this.#holders > 0) return;
    // Lent bytes stay where they are: who still has the part may ask for them again.
    if (!this.#isLent) this.#bytes = undefined;
    this.#onGone?.(this.#slab);
    this.#onGone = undefined;
  }
}

/**
 * Memory for the parts of one rendition, in slabs of several. When all parts of a slab have left and nobody has asked for
 * one, it is used for those that come: otherwise it would be memory outside of V8's heap, of which every few MiB begin a
 * collection of the whole heap.
 */
export class PartMemory {
  readonly #free: Slab['bytes'][] = [];
  #filling: Slab | undefined;
  #meanBytes: number | undefined;
  readonly #onGone = (slab: Slab): void => this.#leaves(slab);

  /** Memory that waits to be used again. */
  get freeBytes(): number {
    return this.#free.reduce((sum, { length }) => sum + length, 0);
  }

  /** `write` fills all of the bytes that it is given: there may be others in them. */
  part(byteLength: number, write: (bytes: Uint8Array<ArrayBuffer>) => void): PartBytes {
    const meanBytes = this.#meanBytes ?? byteLength;
    this.#meanBytes = meanBytes + (byteLength - meanBytes) * newestShare;
    const slab = this.#withRoomFor(byteLength);
    const bytes = slab.bytes.subarray(slab.filledBytes, slab.filledBytes + byteLength);
    write(bytes);
    slab.filledBytes += byteLength;
    slab.users++;
    return new PartBytes(slab, bytes, this.#onGone);
  }

  #withRoomFor(byteLength: number): Slab {
    const filling = this.#filling;
    if (filling !== undefined && filling.filledBytes + byteLength <= filling.bytes.length) return filling;
    if (filling !== undefined) this.#leaves(filling);
    const bytes = this.#fitting(byteLength) ?? new Uint8Array(Math.max(byteLength, this.#slabBytes));
    this.#filling = { bytes, filledBytes: 0, users: 1, isLent: false };
    return this.#filling;
  }

  get #slabBytes(): number {
    return Math.ceil((this.#meanBytes ?? 0) * partsOfSlab);
  }

  /** Those that wait and are too small or too large would wait for ever. */
  #fitting(byteLength: number): Slab['bytes'] | undefined {
    for (let bytes = this.#free.pop(); bytes !== undefined; bytes = this.#free.pop()) {
      const misfit = bytes.length / this.#slabBytes;
      if (bytes.length >= byteLength && misfit <= mostMisfit && misfit >= 1 / mostMisfit) return bytes;
    }
    return undefined;
  }

  #leaves(slab: Slab): void {
    slab.users--;
    if (slab.users === 0 && !slab.isLent && this.#free.length < maxFreeSlabs) this.#free.push(slab.bytes);
  }
}
