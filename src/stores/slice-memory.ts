import { PartBytes } from './part-memory.ts';

/** The bytes of one slice. */
export interface SliceBytes {
  /** With `memory` only for who holds that, or was lent it. */
  readonly bytes: Buffer;
  /** Whose memory is used again; without it they stay as they are for whoever has them. */
  readonly memory?: PartBytes;
}

/** Bytes of a slice, in its memory. */
export function viewOf({ memory }: SliceBytes, bytes: Buffer): SliceBytes {
  return memory === undefined ? { bytes } : { bytes, memory };
}

/** Free slices that wait to be used again. */
const maxFreeSlices = 8;

/**
 * Memory for slices, all of one length but the last of each object, which have memory of their own. What nobody holds any
 * more is used for those that come: otherwise it would be memory outside of V8's heap, of which every few MiB begin a
 * collection of the whole heap, and of which much waits for that.
 */
export class SliceMemory {
  readonly #sliceBytes: number;
  readonly #free: Buffer<ArrayBuffer>[] = [];
  #inUse = 0;

  constructor(sliceBytes: number) {
    this.#sliceBytes = sliceBytes;
  }

  /** Memory that waits to be used again. */
  get freeBytes(): number {
    return this.#free.length * this.#sliceBytes;
  }

  /** Slices that somebody holds. */
  get inUse(): number {
    return this.#inUse;
  }

  /** Whether what has so many bytes is used again. */
  reuses(lengthBytes: number): boolean {
    return lengthBytes === this.#sliceBytes;
  }

  /** For so many bytes, whatever is in them. Held once, for who asks. */
  take(lengthBytes: number): SliceBytes {
    if (!this.reuses(lengthBytes)) return { bytes: Buffer.allocUnsafeSlow(lengthBytes) };
    const bytes = this.#free.pop() ?? Buffer.allocUnsafeSlow(lengthBytes);
    const slab = { bytes, filledBytes: lengthBytes, users: 1, isLent: false };
    this.#inUse++;
    const memory = new PartBytes(slab, bytes, ({ isLent }) => {
      this.#inUse--;
      if (!isLent && this.#free.length < maxFreeSlices) this.#free.push(bytes);
    });
    memory.hold();
    // Nobody gets it but by holding it.
    memory.leave();
    return { bytes, memory };
  }
}
