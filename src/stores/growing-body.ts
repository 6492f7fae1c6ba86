import { LimitError } from '../base/errors.ts';
import type { ByteRange } from '../policy/range-selection.ts';
import type { BodyReader } from './body-reader.ts';

export interface GrowingBodyOptions {
  /** What the origin announced; `undefined` when it did not. */
  readonly lengthBytes: number | undefined;
  /** Up to this size all of it is kept, for readers to come and for the store. 0: nothing is. */
  readonly maxKeptBytes: number;
  /** Asks for room in the store's budget for as many bytes more; `false`: nothing more can be kept. */
  readonly reserve: (bytes: number) => boolean;
  /** Called with `true` when the source should pause and `false` when it should go on. */
  readonly onPressure: (paused: boolean) => void;
}

/** A body that is not kept: the source pauses when even its fastest reader is this far behind. */
export const windowBytes = 1_048_576;
/** A body that is not kept: a reader this far behind the fastest one is given up, so that the others need not wait. */
export const maxLagBytes = 8_388_608;

type BodyState =
  | { readonly kind: 'growing' }
  | { readonly kind: 'complete' }
  | { readonly kind: 'failed'; readonly error: Error };

/**
 * A body that one source appends to while any number of readers follow, each at its own pace. As long as it is kept
 * the source is never held up. When it is not (it may not be stored, is too large, or there is no room) what everybody
 * has read is let go, and memory stays bounded: by pausing the source for the fastest reader, and by giving up readers
 * that lag too far behind that one.
 */
export class GrowingBody {
  readonly lengthBytes: number | undefined;
  readonly #options: GrowingBodyOptions;
  readonly #readers = new Set<GrowingBodyReader>();
  /** With an announced length the whole body, to be filled; readers get views of it. */
  readonly #whole: Buffer | undefined;
  /** Otherwise the pieces as they came; the first begins at `#releasedBytes`. */
  #pieces: Buffer[] = [];
  #releasedPieces = 0;
  #releasedBytes = 0;
  #receivedBytes = 0;
  #reservedBytes = 0;
  #keeping: boolean;
  #paused = false;
  #state: BodyState = { kind: 'growing' };

  constructor(options: GrowingBodyOptions) {
    const { lengthBytes, maxKeptBytes } = options;
    this.#options = options;
    this.lengthBytes = lengthBytes;
    this.#keeping = maxKeptBytes > 0;
    if (this.#keeping && lengthBytes !== undefined) {
      this.#keeping = this.#reserveMore(lengthBytes);
      if (this.#keeping) this.#whole = Buffer.allocUnsafeSlow(lengthBytes);
    }
  }

  get state(): BodyState {
    return this.#state;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Taken from the store's budget: to be given back when the body is stored or dropped. */
  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  get readerCount(): number {
    return this.#readers.size;
  }

  /** Whether a reader can still begin at the first byte, and the whole body can be had in the end. */
  get keeping(): boolean {
    return this.#keeping;
  }

  /** What comes next. It is copied. */
  append(bytes: Buffer): void {
    if (this.#state.kind !== 'growing' || bytes.length === 0) return;
    if (this.lengthBytes !== undefined && this.#receivedBytes + bytes.length > this.lengthBytes) {
      this.fail(new RangeError(`the body is longer than the ${this.lengthBytes} bytes announced`));
      return;
    }
    if (this.#whole !== undefined) {
      bytes.copy(this.#whole, this.#receivedBytes);
    } else {
      if (this.#keeping) this.#keeping = this.#reserveMore(bytes.length);
      this.#pieces.push(ownBytes(bytes));
    }
    this.#receivedBytes += bytes.length;
    for (const reader of this.#readers) reader.onProgress();
    this.#settle();
  }

  /** The source has ended well. A body that is shorter than announced has failed instead. */
  complete(): void {
    if (this.#state.kind !== 'growing') return;
    if (this.lengthBytes !== undefined && this.#receivedBytes !== this.lengthBytes) {
      this.fail(new RangeError(`the body has ${this.#receivedBytes} bytes of the ${this.lengthBytes} announced`));
      return;
    }
    this.#state = { kind: 'complete' };
    for (const reader of this.#readers) reader.onProgress();
  }

  /** The source broke. Readers are told when they have read what there is; the body is no use to anybody else. */
  fail(error: Error): void {
    if (this.#state.kind !== 'growing') return;
    this.#state = { kind: 'failed', error };
    this.#keeping = false;
    for (const reader of this.#readers) reader.onProgress();
  }

  /**
   * Follows from the first byte, or reads a range, whose end may lie beyond that of the body; `undefined` when its
   * beginning is gone. `onProgress` is called when there may be more to read.
   */
  openReader(onProgress: () => void, range?: ByteRange): BodyReader | undefined {
    const first = range?.first ?? 0;
    if (this.#releasedBytes > first || this.#state.kind === 'failed') return undefined;
    const start =
      this.#whole === undefined
        ? { bytes: this.#releasedBytes, pieces: this.#releasedPieces }
        : { bytes: first, pieces: 0 };
    const reader = new GrowingBodyReader(this, onProgress, start, range);
    this.#readers.add(reader);
    return reader;
  }

  /** The whole body as one buffer, when it is complete and was kept. */
  whole(): Buffer | undefined {
    if (this.#state.kind !== 'complete' || !this.#keeping) return undefined;
    return this.#whole ?? joined(this.#pieces, this.#receivedBytes);
  }

  /** For `GrowingBodyReader`. `piece` counts from the first piece of the body. */
  bytesAt(offset: number, piece: number): Buffer | undefined {
    if (offset >= this.#receivedBytes) return undefined;
    return this.#whole?.subarray(offset, this.#receivedBytes) ?? this.#pieces[piece - this.#releasedPieces];
  }

  /** For `GrowingBodyReader`. */
  closeReader(reader: GrowingBodyReader): void {
    if (this.#readers.delete(reader)) this.#settle();
  }

  /** For `GrowingBodyReader`: it has read on. What it let go can wait for the next piece, a source that is held up cannot. */
  onRead(): void {
    if (this.#paused) this.#settle();
  }

  #reserveMore(bytes: number): boolean {
    if (this.#reservedBytes + bytes > this.#options.maxKeptBytes || !this.#options.reserve(bytes)) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  /** Lets go what nobody needs, gives up who lags, and holds or releases the source. */
  #settle(): void {
    if (this.#keeping || this.#whole !== undefined || this.#readers.size === 0) return;
    let fastestBytes = 0;
    for (const reader of this.#readers) fastestBytes = Math.max(fastestBytes, reader.readBytes);
    let slowestBytes = fastestBytes;
    for (const reader of this.#readers) {
      const lagBytes = fastestBytes - reader.readBytes;
      if (lagBytes > maxLagBytes) reader.giveUp(lagBytes);
      else slowestBytes = Math.min(slowestBytes, reader.readBytes);
    }
    let released = 0;
    for (const piece of this.#pieces) {
      if (this.#releasedBytes + piece.length > slowestBytes) break;
      this.#releasedBytes += piece.length;
      released++;
    }
    if (released > 0) {
      this.#pieces.splice(0, released);
      this.#releasedPieces += released;
    }
    if (this.#state.kind !== 'growing') return;
    const aheadBytes = this.#receivedBytes - fastestBytes;
    const shouldPause = this.#paused ? aheadBytes > windowBytes / 2 : aheadBytes >= windowBytes;
    if (shouldPause !== this.#paused) {
      this.#paused = shouldPause;
      if (shouldPause) this.#options.onPressure(true);
      else queueMicrotask(() => this.#releaseSource());
    }
  }

  /**
   * Not from within a `read`: a source that has bytes at hand appends them at once, and readers are told of them
   * before the one who is just reading has used what it got.
   */
  #releaseSource(): void {
    if (!this.#paused && this.#state.kind === 'growing') this.#options.onPressure(false);
  }
}

/** No view of something larger, as `Buffer.from` may give of its pool: it may be kept for long. */
function ownBytes(bytes: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  return own;
}

/** One buffer of its own: what `Buffer.concat` makes of a few bytes would keep a whole slab of the pool alive. */
function joined(pieces: readonly Buffer[], lengthBytes: number): Buffer {
  const whole = Buffer.allocUnsafeSlow(lengthBytes);
  let offset = 0;
  for (const piece of pieces) offset += piece.copy(whole, offset);
  return whole;
}

/** One reader's place in a growing body, or in a range of it. */
class GrowingBodyReader implements BodyReader {
  readonly onProgress: () => void;
  readonly #body: GrowingBody;
  readonly #firstBytes: number;
  readonly #endBytes: number;
  #readBytes: number;
  #readPieces: number;
  #error: Error | undefined;
  #closed = false;

  constructor(
    body: GrowingBody,
    onProgress: () => void,
    start: { readonly bytes: number; readonly pieces: number },
    range: ByteRange | undefined,
  ) {
    this.#body = body;
    this.onProgress = onProgress;
    this.#readBytes = start.bytes;
    this.#readPieces = start.pieces;
    this.#firstBytes = range?.first ?? 0;
    this.#endBytes = range === undefined ? Number.POSITIVE_INFINITY : range.last + 1;
  }

  get readBytes(): number {
    return this.#readBytes;
  }

  read(): Buffer | undefined {
    while (!this.#closed && this.#readBytes < this.#endBytes) {
      const offset = this.#readBytes;
      const bytes = this.#body.bytesAt(offset, this.#readPieces);
      if (bytes === undefined) return undefined;
      this.#readBytes += bytes.length;
      this.#readPieces++;
      this.#body.onRead();
      if (offset >= this.#firstBytes && this.#readBytes <= this.#endBytes) return bytes;
      const wanted = bytes.subarray(Math.max(0, this.#firstBytes - offset), Math.max(0, this.#endBytes - offset));
      if (wanted.length > 0) return wanted;
    }
    return undefined;
  }

  get state(): BodyReader['state'] {
    if (this.#error !== undefined) return { error: this.#error };
    if (this.#readBytes >= this.#endBytes) return 'ended';
    const { state, receivedBytes } = this.#body;
    if (state.kind === 'growing' || this.#readBytes < receivedBytes) return 'open';
    return state.kind === 'complete' ? 'ended' : { error: state.error };
  }

  close(): void {
    this.#closed = true;
    this.#body.closeReader(this);
  }

  /** For `GrowingBody`: the others cannot wait for this one. */
  giveUp(lagBytes: number): void {
    this.#error = new LimitError('VIEWER_TOO_SLOW', 'a viewer lags too many bytes behind the others', {
      limit: maxLagBytes,
      value: lagBytes,
    });
    this.close();
    this.onProgress();
  }
}
