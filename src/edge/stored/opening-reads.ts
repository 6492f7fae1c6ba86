import type { ByteRange } from '../../policy/range-selection.ts';
import type { FileVersion } from './file-version.ts';
import type { OpeningDesk } from './opening-desk.ts';
import { type RangeRead, readRange } from './read-range.ts';

/**
 * What the opening of one file reads, onto a desk. Where it goes on from range to range, as over a `moov` of many MiB, the
 * next one is fetched while it looks at this one: one ahead, of the same length.
 */
export class OpeningReads {
  readonly #version: FileVersion;
  readonly #desk: OpeningDesk;
  readonly #signal: AbortSignal;
  /** Behind the last range. */
  #end = -1;
  #ahead: { readonly range: ByteRange; readonly read: RangeRead } | undefined;

  constructor(version: FileVersion, desk: OpeningDesk, signal: AbortSignal) {
    this.#version = version;
    this.#desk = desk;
    this.#signal = signal;
  }

  /** Good until the next one is asked for. Rejects as `readRange`. */
  async read(range: ByteRange): Promise<Uint8Array> {
    const ahead = this.#ahead;
    const isThere = ahead?.range.first === range.first && ahead.range.last >= range.last;
    if (!isThere) this.close();
    this.#ahead = undefined;
    const { bytes } = isThere ? ahead.read : this.#begin(range);
    const lengthBytes = range.last - range.first + 1;
    const goesOn = range.first === this.#end;
    this.#end = range.last + 1;
    if (goesOn) this.#lookAhead(lengthBytes);
    return (await bytes).subarray(0, lengthBytes);
  }

  /** Nothing is put onto the desk any more. */
  close(): void {
    this.#ahead?.read.giveUpPlace();
  }

  #begin(range: ByteRange): RangeRead {
    return readRange(this.#version, range, this.#desk.place(range.last - range.first + 1), this.#signal);
  }

  #lookAhead(lengthBytes: number): void {
    const first = this.#end;
    const last = Math.min(first + lengthBytes, this.#version.lengthBytes) - 1;
    if (last < first) return;
    const range = { first, last };
    const read = this.#begin(range);
    // Perhaps nobody wants it.
    read.bytes.catch(() => {});
    this.#ahead = { range, read };
  }
}
