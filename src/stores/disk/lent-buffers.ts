/** Bodies smaller than this are cheap to hold anew. */
const fewestBytes = 65_536;
/** A whole slice, which is what most large bodies come in. */
const bufferBytes = 1_048_576;
/** Lent and idle: 32 MiB at most, beside what the tiers above are granted. */
const maxBuffers = 32;

/**
 * Buffers for bodies that are read from disk, sent once and forgotten. A new one for each body would cost more than
 * reading it: its pages have to be had from the system, and what nobody uses any more has to be found.
 */
export class LentBuffers {
  readonly #idle: Buffer[] = [];
  #lent = 0;

  /** Whether bodies of this length are lent. */
  static fits(lengthBytes: number): boolean {
    return lengthBytes >= fewestBytes && lengthBytes <= bufferBytes;
  }

  /** With whatever was in it; `undefined` when all are lent. What came back last the processor still has at hand. */
  take(): Buffer | undefined {
    if (this.#lent === maxBuffers) return undefined;
    this.#lent++;
    // Its pages are had from the system here, not while everybody waits for a body to be read.
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(bufferBytes).fill(0);
  }

  /**
   * To be called once for each that was taken. `isFree`: surely nobody reads it any more, and it is lent again; else it is
   * left to the garbage collector.
   */
  giveBack(buffer: Buffer, isFree: boolean): void {
    this.#lent--;
    if (isFree) this.#idle.push(buffer);
  }
}
