/** As much as a reading mostly asks for at once: no longer than a slice. */
const windowBytes = 1_048_576;

/**
 * Memory for the opening of one file, which the thread that opens it sees too: one range lies there to be looked at while
 * the next one comes. A film has ten of them, and memory of its own for each would make garbage collection run while
 * somebody waits for the film. It is used again by the next opening.
 */
export class OpeningDesk {
  readonly #windows: (Uint8Array | undefined)[] = [undefined, undefined];
  #next = 0;

  /** Memory for so many bytes: what it was called for the time before last is written over. */
  place(lengthBytes: number): Uint8Array {
    // Rare: what has to be seen in one piece. It is copied for the thread.
    if (lengthBytes > windowBytes) return new Uint8Array(lengthBytes);
    const next = this.#next;
    this.#next = (next + 1) % this.#windows.length;
    const window = (this.#windows[next] ??= new Uint8Array(new SharedArrayBuffer(windowBytes)));
    return window.subarray(0, lengthBytes);
  }
}
