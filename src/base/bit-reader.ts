import { ProtocolError } from './errors.ts';

/** Reads bits, most significant first, as codec headers are written. */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #bitOffset = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get remainingBits(): number {
    return this.#bytes.length * 8 - this.#bitOffset;
  }

  bit(): number {
    const byte = this.#bytes[this.#bitOffset >> 3];
    if (byte === undefined) {
      throw new ProtocolError('TRUNCATED', `${this.#what} ends early`, { byteOffset: this.#bytes.length });
    }
    const value = (byte >> (7 - (this.#bitOffset & 7))) & 1;
    this.#bitOffset++;
    return value;
  }

  /** `count` of at most 32. */
  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 2 + this.bit();
    return value;
  }

  flag(): boolean {
    return this.bit() === 1;
  }

  skip(count: number): void {
    for (let i = 0; i < count; i++) this.bit();
  }

  /** ue(v): unsigned Exp-Golomb (ISO/IEC 14496-10 §9.1). */
  unsignedExpGolomb(): number {
    let zeros = 0;
    while (this.bit() === 0) {
      zeros++;
      if (zeros > 32) throw new ProtocolError('EXP_GOLOMB', `${this.#what} holds a number of more than 32 bits`);
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** se(v): signed Exp-Golomb (ISO/IEC 14496-10 §9.1.1). */
  signedExpGolomb(): number {
    const value = this.unsignedExpGolomb();
    return value % 2 === 0 ? 0 - value / 2 : (value + 1) / 2;
  }
}
