import { readFileSync } from 'node:fs';

/** What Linux takes of a connection before it has measured it, with its usual settings. */
const firstWindowBytes = 65_536;
const settings = '/proc/sys/net/ipv4';
const largestWindowBytes = findLargestWindow();

/**
 * How much of one connection the system takes while nobody reads it. Linux gives room for twice what has been read from one
 * pause to the next (`tcp_moderate_rcvbuf`, up to half of `tcp_rmem`), and never takes it back: so the room grows with
 * what is found there. Elsewhere, and where that is turned off, it is taken to stay as it is at first.
 */
export class ReceiveWindow {
  readonly #largestBytes: number;
  #bytes = firstWindowBytes;

  constructor(largestBytes = largestWindowBytes) {
    this.#largestBytes = largestBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** So much was read at once, after nothing had been for a while. */
  found(bytes: number): void {
    // What came while it was read did not lie there: never more than all that fits.
    const lay = Math.min(bytes, this.#bytes);
    this.#bytes = Math.max(this.#bytes, Math.min(2 * lay, this.#largestBytes));
  }
}

/** Half of what the system lends to a connection at most: the other half is for what it needs to know of it. */
function findLargestWindow(): number {
  try {
    const [, , mostBytes] = readFileSync(`${settings}/tcp_rmem`, 'utf8').trim().split(/\s+/).map(Number);
    const grows = readFileSync(`${settings}/tcp_moderate_rcvbuf`, 'utf8').trim() === '1';
    return grows && mostBytes !== undefined && mostBytes > 0 ? mostBytes / 2 : 0;
  } catch {
    return 0;
  }
}
