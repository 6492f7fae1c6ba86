import { ProtocolError } from './errors.ts';

/** Reads big-endian values from bytes, in order. Running past the end is a `ProtocolError` that says where. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset: number;

  /** What is being read, for the error: `onMetaData`, `AVCDecoderConfigurationRecord`. */
  readonly what: string;

  constructor(bytes: Uint8Array, what: string, offset = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#offset = offset;
    this.what = what;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  #take(length: number): number {
    const start = this.#offset;
    if (length > this.#bytes.length - start) {
      throw new ProtocolError(
        'TRUNCATED',
        `${this.what} ends early: ${length} more bytes expected, ${this.#bytes.length - start} there`,
        { byteOffset: start },
      );
    }
    this.#offset = start + length;
    return start;
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  int16(): number {
    return this.#view.getInt16(this.#take(2));
  }

  uint24(): number {
    const at = this.#take(3);
    return (this.#view.getUint16(at) << 8) | this.#view.getUint8(at + 2);
  }

  int24(): number {
    return (this.uint24() << 8) >> 8;
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** Throws when the value is beyond 2^53 − 1. */
  uint64(): number {
    const at = this.#take(8);
    const value = this.#view.getBigUint64(at);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new ProtocolError('TOO_LARGE', `${this.what} holds the number ${value}, beyond 2^53`, { byteOffset: at });
    }
    return Number(value);
  }

  float64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  /** A view, not a copy. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Everything that is left: a view, not a copy. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  skip(length: number): void {
    this.#take(length);
  }
}
