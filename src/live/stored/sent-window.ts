/** What a client may have left to acknowledge, in windows: it acknowledges one when it has it, and some are late. */
const windows = 2;

/**
 * What is on its way to a client that acknowledges what has come (RTMP 1.0 §5.4.3), however much the network and the
 * client's own buffers would take. Most clients acknowledge; those that do not are not held back.
 */
export class SentWindow {
  readonly #limitBytes: number;
  /** The last sequence number, and what it acknowledged since the first one; `undefined` until there is one. */
  #last: { readonly sequenceNumber: number; readonly acknowledgedBytes: number } | undefined;
  /** Sent when the first one came. */
  #sentBefore = 0;

  constructor(windowBytes: number) {
    this.#limitBytes = windows * windowBytes;
  }

  /** `sequenceNumber` counts all bytes that have come, in 32 bits. */
  acknowledge(sequenceNumber: number, sentBytes: number): void {
    const last = this.#last;
    if (last === undefined) this.#sentBefore = sentBytes;
    const acknowledgedBytes =
      last === undefined ? 0 : last.acknowledgedBytes + ((sequenceNumber - last.sequenceNumber) >>> 0);
    this.#last = { sequenceNumber, acknowledgedBytes };
  }

  /** Whether nothing more is to be sent until the next acknowledgement. */
  isFull(sentBytes: number): boolean {
    if (this.#last === undefined) return false;
    return sentBytes - this.#sentBefore - this.#last.acknowledgedBytes > this.#limitBytes;
  }

  /** It has not come for too long: from now on as if there never had been one. */
  distrust(): void {
    this.#last = undefined;
  }
}
