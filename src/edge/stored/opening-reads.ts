import type { ByteRange } from '../../policy/range-selection.ts';
import type { FileVersion } from './file-version.ts';
import { readRange } from './read-range.ts';

/**
 * What the opening of one file reads. Where it goes on from range to range, as over a `moov` of many MiB, the next one is
 * fetched while it looks at this one: one ahead, of the same length.
 */
export class OpeningReads {
  readonly #version: FileVersion;
  readonly #signal: AbortSignal;
  /** Behind the last range. */
  #end = -1;
  #ahead: { readonly range: ByteRange; readonly bytes: Promise<Uint8Array<ArrayBuffer>> } | undefined;

  constructor(version: FileVersion, signal: AbortSignal) {
    this.#version = version;
    this.#signal = signal;
  }

  /** Rejects as `readRange`. */
  async read(range: ByteRange): Promise<Uint8Array<ArrayBuffer>> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const isThere = ahead?.range.first === range.first && ahead.range.last >= range.last;
    const bytes = isThere ? ahead.bytes : readRange(this.#version, range, this.#signal);
    const lengthBytes = range.last - range.first + 1;
    const goesOn = range.first === this.#end;
    this.#end = range.last + 1;
    if (goesOn) this.#lookAhead(lengthBytes);
    const read = await bytes;
    return read.length > lengthBytes ? read.slice(0, lengthBytes) : read;
  }

  #lookAhead(lengthBytes: number): void {
    const first = this.#end;
    const last = Math.min(first + lengthBytes, this.#version.lengthBytes) - 1;
    if (last < first) return;
    const range = { first, last };
    const bytes = readRange(this.#version, range, this.#signal);
    // Perhaps nobody wants it.
    bytes.catch(() => {});
    this.#ahead = { range, bytes };
  }
}
