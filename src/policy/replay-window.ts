/** Of one sender: its highest number so far, and which of the numbers up to it have come. */
interface Sender {
  highest: number;
  readonly seen: Uint32Array;
  lastMs: number;
}

export interface ReplayWindowBounds {
  /** Senders that are known at once. Beyond it the one is forgotten that has been silent for longest. */
  readonly maxSenders: number;
  /** So many numbers of each are told apart; what is older counts as seen. A multiple of 32. */
  readonly span: number;
}

/**
 * Says whether a numbered request comes for the first time, whatever the order they come in: a sliding window of bits for
 * each sender, as IPsec has it (RFC 4303 §3.4.3). Only what is known to be the sender's own may be shown to it.
 */
export class ReplayWindow {
  readonly #bounds: ReplayWindowBounds;
  readonly #senders = new Map<string, Sender>();

  constructor(bounds: ReplayWindowBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#senders.size;
  }

  /** Whether it is the first time; it is not any more from then on. `count` from 0 on. */
  take(sender: string, count: number, nowMs: number): boolean {
    const known = this.#senders.get(sender) ?? this.#add(sender, count);
    known.lastMs = nowMs;
    const { span } = this.#bounds;
    if (count > known.highest) {
      this.#forgetBetween(known, count);
      known.highest = count;
    } else if (count <= known.highest - span) {
      return false;
    }
    const at = count % span;
    const word = at >>> 5;
    const bit = 1 << (at & 31);
    const bits = known.seen[word] ?? 0;
    if ((bits & bit) !== 0) return false;
    known.seen[word] = bits | bit;
    return true;
  }

  /** The places of numbers that have not come were those of numbers that are too old now. */
  #forgetBetween({ highest, seen }: Sender, count: number): void {
    const { span } = this.#bounds;
    if (count - highest >= span) {
      seen.fill(0);
      return;
    }
    for (let next = highest + 1; next <= count; next++) {
      const at = next % span;
      seen[at >>> 5] = (seen[at >>> 5] ?? 0) & ~(1 << (at & 31));
    }
  }

  #add(name: string, highest: number): Sender {
    if (this.#senders.size >= this.#bounds.maxSenders) this.#forgetOldest();
    const sender: Sender = { highest, seen: new Uint32Array(this.#bounds.span / 32), lastMs: 0 };
    this.#senders.set(name, sender);
    return sender;
  }

  #forgetOldest(): void {
    let oldest: string | undefined;
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const [name, { lastMs }] of this.#senders) {
      if (lastMs >= oldestMs) continue;
      oldest = name;
      oldestMs = lastMs;
    }
    if (oldest !== undefined) this.#senders.delete(oldest);
  }
}
