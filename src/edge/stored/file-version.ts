import type { ByteRange } from '../../policy/range-selection.ts';
import type { BodyReader } from '../../stores/body-reader.ts';
import type { CachedResponse, SlicedManifest } from '../edge-response.ts';
import type { SliceSource } from '../slice-request.ts';
import type { SlicedObjects } from '../sliced-objects.ts';
import type { ReadAhead } from '../sliced-reader.ts';

/** One version of a file of a library, as far as the edge has it: in slices, or whole where it is small. */
export class FileVersion {
  /** Unlike that of any other version of this or another file. */
  readonly name: string;
  readonly cacheKey: string;
  readonly response: CachedResponse;
  readonly #slices: SlicedObjects;
  readonly #source: SliceSource;

  constructor(slices: SlicedObjects, cacheKey: string, response: CachedResponse, source: SliceSource) {
    const { facts, sequence, sliced } = response.head;
    this.#slices = slices;
    this.#source = source;
    this.cacheKey = cacheKey;
    this.response = response;
    const identity = sliced?.identity ?? `whole ${response.lengthBytes} ${facts.receivedMs} ${sequence}`;
    this.name = `${cacheKey}\n${identity}`;
  }

  get lengthBytes(): number {
    return this.response.lengthBytes;
  }

  /** Where its slices are; `undefined` where it is kept whole. */
  get sliced(): SlicedManifest | undefined {
    return this.response.head.sliced;
  }

  openReader(range: ByteRange, onProgress: () => void, readAhead: ReadAhead): BodyReader {
    return this.sliced === undefined
      ? new WholeReader(this.response.body.subarray(range.first, range.last + 1))
      : this.#slices.openReader(this.cacheKey, this.response, this.#source, range, onProgress, readAhead);
  }
}

/** Of bytes that are all there. */
class WholeReader implements BodyReader {
  #rest: Buffer | undefined;

  constructor(bytes: Buffer) {
    this.#rest = bytes.length === 0 ? undefined : bytes;
  }

  get state(): BodyReader['state'] {
    return this.#rest === undefined ? 'ended' : 'open';
  }

  read(): Buffer | undefined {
    const bytes = this.#rest;
    this.#rest = undefined;
    return bytes;
  }

  close(): void {
    this.#rest = undefined;
  }
}
