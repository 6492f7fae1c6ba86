import type { ByteRange } from '../../policy/range-selection.ts';
import { type BodyReader, readLent } from '../../stores/body-reader.ts';
import type { FileVersion } from './file-version.ts';

/** A place that is being filled, for who waits for it. */
interface Filling {
  readonly place: Uint8Array;
  filled: number;
  resolve(filled: number): void;
  reject(error: Error): void;
}

/**
 * Reads a range of a file from its beginning to its end, so much at a time as is asked for. What comes next is on its way
 * meanwhile, as far as the edge reads ahead.
 */
export class RangeRead {
  readonly last: number;
  readonly #reader: BodyReader;
  readonly #signal: AbortSignal;
  readonly #abort = (): void => this.#fail(this.#signal.reason instanceof Error ? this.#signal.reason : aborted());
  #position: number;
  /** What there was more than was asked for. */
  #rest: Buffer | undefined;
  #filling: Filling | undefined;

  constructor(version: FileVersion, range: ByteRange, signal: AbortSignal) {
    this.last = range.last;
    this.#position = range.first;
    this.#signal = signal;
    this.#reader = version.openReader(range, () => this.#pump(), 'steady');
    signal.addEventListener('abort', this.#abort, { once: true });
  }

  /** The next byte that it fills in. */
  get position(): number {
    return this.#position;
  }

  /**
   * Fills `place`; gives how much of it, less where the range ends before. Rejects with what the source fails with, or with
   * the reason of the signal, which is what ends the wait for an origin that sends nothing. One at a time.
   */
  fill(place: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#filling = { place, filled: 0, resolve, reject };
      if (this.#signal.aborted) this.#abort();
      else this.#pump();
    });
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#abort);
    this.#rest = undefined;
    this.#reader.close();
  }

  #pump(): void {
    const filling = this.#filling;
    if (filling === undefined) return;
    const { place } = filling;
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) {
      const taken = piece.subarray(0, place.length - filling.filled);
      place.set(taken, filling.filled);
      filling.filled += taken.length;
      this.#position += taken.length;
      this.#reader.passed?.(this.#position);
      if (taken.length < piece.length) this.#rest = piece.subarray(taken.length);
      if (filling.filled === place.length) break;
    }
    const { state } = this.#reader;
    if (filling.filled === place.length || state === 'ended') {
      this.#filling = undefined;
      filling.resolve(filling.filled);
    } else if (state !== 'open') this.#fail(state.error);
  }

  #next(): Buffer | undefined {
    const rest = this.#rest;
    this.#rest = undefined;
    return rest ?? readLent(this.#reader);
  }

  #fail(error: Error): void {
    const filling = this.#filling;
    this.#filling = undefined;
    filling?.reject(error);
  }
}

function aborted(): Error {
  return new Error('aborted');
}
