import type { ByteRange } from '../../policy/range-selection.ts';
import type { FileVersion } from './file-version.ts';
import type { OpeningDesk } from './opening-desk.ts';
import { RangeRead } from './range-read.ts';

/**
 * What the opening of one file reads, onto a desk. What it says it will go on with, as over a `moov` of many MiB, is asked for
 * at once, and comes while it looks at what has come. Where it only goes on from range to range it is one ahead, of the
 * same length.
 */
export class OpeningReads {
  readonly #version: FileVersion;
  readonly #desk: OpeningDesk;
  readonly #signal: AbortSignal;
  /** Behind the last range. */
  #end = -1;
  #read: RangeRead | undefined;

  constructor(version: FileVersion, desk: OpeningDesk, signal: AbortSignal) {
    this.#version = version;
    this.#desk = desk;
    this.#signal = signal;
  }

  /** Good until the next one is asked for. `until`: to there it goes on. Rejects as `RangeRead.fill`. */
  async read(range: ByteRange, until = 0): Promise<Uint8Array> {
    const lengthBytes = range.last - range.first + 1;
    const goesOn = range.first === this.#end;
    this.#end = range.last + 1;
    const place = this.#desk.place(lengthBytes);
    const before = this.#read;
    const isThere = before?.position === range.first && before.last >= range.last;
    const read = isThere ? before : this.#begin(range, Math.max(until, this.#end + (goesOn ? lengthBytes : 0)));
    const filled = read.fill(place);
    // Not before: what was asked for then, a little before this place perhaps, goes on for who reads it now.
    if (!isThere) before?.close();
    return place.subarray(0, await filled);
  }

  close(): void {
    this.#read?.close();
    this.#read = undefined;
  }

  #begin(range: ByteRange, end: number): RangeRead {
    const last = Math.min(end, this.#version.lengthBytes) - 1;
    return (this.#read = new RangeRead(this.#version, { first: range.first, last }, this.#signal));
  }
}
