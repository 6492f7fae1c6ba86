/** Bodies remembered: a checksum too many is calculated when there are more. */
const maxUses = 100_000;
/** What was read so lately lies in the page cache of the system most likely. */
const warmMs = 60_000;

interface BodyUse {
  readonly readMs: number;
  /** What had been read of all bodies by then. */
  readonly readBytes: number;
}

/** Which bodies were read in this run, and when. */
export class BodyUses {
  readonly #uses = new Map<number, BodyUse>();
  #readBytes = 0;

  /** A body was read, and was what the index says. */
  note(id: number, lengthBytes: number, nowMs: number): void {
    this.#readBytes += lengthBytes;
    if (this.#uses.size >= maxUses) this.#uses.clear();
    this.#uses.set(id, { readMs: nowMs, readBytes: this.#readBytes });
  }

  /** Whether its checksum is known to be right. */
  isChecked(id: number): boolean {
    return this.#uses.has(id);
  }

  /** Whether reading it again is no wait for the medium, as far as one can tell. */
  isWarm(id: number, nowMs: number): boolean {
    const use = this.#uses.get(id);
    return use !== undefined && nowMs - use.readMs <= warmMs;
  }

  /** Whether so much, at least, has been read since it was. */
  wasLongAgo(id: number, bytes: number): boolean {
    const use = this.#uses.get(id);
    return use !== undefined && this.#readBytes - use.readBytes >= bytes;
  }

  forget(id: number): void {
    this.#uses.delete(id);
  }
}
