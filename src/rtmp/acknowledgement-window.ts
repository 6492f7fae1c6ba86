/**
 * When to acknowledge what was received (RTMP 1.0 §5.4.3). Counts every byte of the connection, the handshake too,
 * as Flash Media Server and librtmp do.
 */
export class AcknowledgementWindow {
  /** What Adobe's servers assume until the peer has said how large its window is. */
  #windowBytes = 2_500_000;
  #receivedBytes = 0;
  #acknowledgedBytes = 0;

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** The peer wants an acknowledgement each time it has sent so many bytes. 0 would mean nothing and is ignored. */
  setWindow(windowBytes: number): void {
    if (windowBytes > 0) this.#windowBytes = windowBytes;
  }

  /** Returns the sequence number to acknowledge now (modulo 2^32), or `undefined` while the window is open. */
  receive(bytes: number): number | undefined {
    this.#receivedBytes += bytes;
    if (this.#receivedBytes - this.#acknowledgedBytes < this.#windowBytes) return undefined;
    this.#acknowledgedBytes = this.#receivedBytes;
    return this.#receivedBytes % 2 ** 32;
  }
}
