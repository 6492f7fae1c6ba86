import { LimitError } from '../../base/errors.ts';
import type { Reading } from './stored-media.ts';

export interface ReadWindowOptions {
  readonly lengthBytes: number;
  /** What is read at once where less was asked for. */
  readonly windowBytes: number;
  /** How much may be read in all. */
  readonly maxBytes: number;
  /** For the error: `the search for a keyframe in an FLV file`. */
  readonly what: string;
}

/** What a request costs that brings less: so that many small ones are bounded too. */
const leastCostBytes = 1_024;

/**
 * Looks at places of a file that lie close to each other without a request for each. Holds a copy of one window: a place
 * outside of it moves it there. Throws `LimitError` when it has read as much as it may.
 */
export class ReadWindow {
  readonly #options: ReadWindowOptions;
  #from = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #readBytes = 0;

  constructor(options: ReadWindowOptions) {
    this.#options = options;
  }

  get lengthBytes(): number {
    return this.#options.lengthBytes;
  }

  /**
   * From `from` on `length` bytes, or what there is of them before the end of the file. Good until the next call. What comes
   * behind is wanted next, up to `until`.
   */
  *at(from: number, length: number, until = 0): Reading<Uint8Array> {
    const { lengthBytes, windowBytes } = this.#options;
    const to = Math.min(from + length, lengthBytes);
    if (to <= from) return this.#bytes.subarray(0, 0);
    if (!this.#holds(from, to)) {
      const bytes = yield* this.#read(from, Math.min(lengthBytes, Math.max(to, from + windowBytes)), until);
      this.#bytes = copyOf(bytes);
      this.#from = from;
    }
    return this.#bytes.subarray(from - this.#from, to - this.#from);
  }

  /** From `from` on as many bytes as there are without another read, `atLeast` of them: fewer at the end of the file. */
  *from(from: number, atLeast: number): Reading<Uint8Array> {
    const bytes = yield* this.at(from, atLeast);
    return bytes.length < atLeast ? bytes : this.#bytes.subarray(from - this.#from);
  }

  /** As `at`, for a place that is far away and looked at once: the window stays where it is. */
  *aside(from: number, length: number): Reading<Uint8Array> {
    const to = Math.min(from + length, this.#options.lengthBytes);
    if (to <= from || this.#holds(from, to)) return yield* this.at(from, length);
    return copyOf(yield* this.#read(from, to));
  }

  /**
   * Fills `place` from a place in the file on; gives how many bytes there are before its end. What comes behind is wanted
   * next, up to `until`. The window stays where it is.
   */
  *fill(place: Uint8Array, from: number, until: number): Reading<number> {
    const to = Math.min(from + place.length, this.#options.lengthBytes);
    if (to <= from) return 0;
    const bytes = this.#holds(from, to) ? yield* this.at(from, to - from) : yield* this.#read(from, to, until);
    place.set(bytes);
    return bytes.length;
  }

  #holds(from: number, to: number): boolean {
    return from >= this.#from && to <= this.#from + this.#bytes.length;
  }

  *#read(from: number, to: number, until = to): Reading<Uint8Array> {
    const { maxBytes, what } = this.#options;
    this.#readBytes += Math.max(leastCostBytes, to - from);
    if (this.#readBytes > maxBytes) {
      throw new LimitError('STORED_MEDIA_READ', `bytes read by ${what} before byte ${to}`, {
        limit: maxBytes,
        value: this.#readBytes,
      });
    }
    return yield until > to ? { from, to, until } : { from, to };
  }
}

/** A view would keep alive, or see changed, what is not ours. `slice` takes long where threads share the memory. */
function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}
