/** Writes bits, most significant first: the counterpart of `BitReader`. */
export class BitWriter {
  readonly #bytes: number[] = [];
  #bitLength = 0;

  get bitLength(): number {
    return this.#bitLength;
  }

  /** The lower `count` bits of `value`, at most 32. Returns itself. */
  write(count: number, value: number): this {
    for (let bit = count - 1; bit >= 0; bit--) {
      if ((this.#bitLength & 7) === 0) this.#bytes.push(0);
      const one = (value >>> bit) & 1;
      this.#bytes[this.#bytes.length - 1] = (this.#bytes.at(-1) ?? 0) | (one << (7 - (this.#bitLength & 7)));
      this.#bitLength++;
    }
    return this;
  }

  /** The same field `times` over. */
  repeat(times: number, count: number, value: number): this {
    for (let i = 0; i < times; i++) this.write(count, value);
    return this;
  }

  /** What has been written, with zeros up to the end of the last byte. */
  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}
