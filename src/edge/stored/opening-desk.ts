/** As much as a reading mostly asks for at once: no longer than a slice. */
const windowBytes = 1_048_576;

/**
 * Memory for the opening of one file, which the thread that opens it sees too: a range lies there to be looked at. A film
 * has ten of them, and memory of its own for each would make garbage collection run while somebody waits for the film. It
 * is used again by the next opening.
 */
export class OpeningDesk {
  #window: Uint8Array | undefined;

  /** Memory for so many bytes: what it was called for before is written over. */
  place(lengthBytes: number): Uint8Array {
    // Rare: what has to be seen in one piece. It is copied for the thread.
    if (lengthBytes > windowBytes) return new Uint8Array(lengthBytes);
    this.#window ??= new Uint8Array(new SharedArrayBuffer(windowBytes));
    return this.#window.subarray(0, lengthBytes);
  }
}
