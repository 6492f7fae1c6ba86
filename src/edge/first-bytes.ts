import type { BodyReader } from '../stores/body-reader.ts';

/** One of those who wait for the first bytes of a body. */
export interface FirstBytesTaker {
  /** Head and first bytes are to be written. */
  takeFirst(bytes: Buffer): void;
  /** Everybody has had them, or there are none yet: it is to follow the body by itself from this byte. */
  follow(fromByte: number): void;
}

/**
 * Reads the beginning of a body once for a crowd, and gives it to all before anybody gets more. What there is in the turn
 * of the event loop in which the head came is waited for; after that everybody follows alone.
 */
export class FirstBytes {
  readonly #reader: BodyReader | undefined;
  readonly #takers: FirstBytesTaker[] = [];
  #bytes: Buffer | undefined;
  #over = false;

  constructor(open: (onProgress: () => void) => BodyReader | undefined) {
    this.#reader = open(() => this.#look());
    this.#look();
    setImmediate(() => this.#end());
  }

  /** To be called in the turn in which this was made. */
  add(taker: FirstBytesTaker): void {
    this.#takers.push(taker);
    if (this.#bytes !== undefined) taker.takeFirst(this.#bytes);
    if (this.#over) taker.follow(this.#bytes?.length ?? 0);
  }

  #look(): void {
    if (this.#over || this.#bytes !== undefined) return;
    const bytes = this.#reader?.read();
    if (bytes !== undefined) {
      this.#bytes = bytes;
      // A loop here would become hot while it runs, and be translated with all that it calls while the crowd waits.
      this.#takers.forEach((taker) => taker.takeFirst(bytes));
    } else if (this.#reader?.state !== 'open') {
      this.#end();
    }
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    const fromByte = this.#bytes?.length ?? 0;
    for (const taker of this.#takers) taker.follow(fromByte);
    this.#reader?.close();
  }
}
