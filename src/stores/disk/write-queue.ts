import type { BanFacts, Storable } from '../cache-store.ts';

/** Something that waits to be written, or is being written. */
export interface QueuedWrite<Stored> {
  readonly cacheKey: string;
  readonly stored: Stored;
  /** Not any more once it has been cancelled. */
  wanted: boolean;
}

/** Writes at once: one keeps a disk busy, the second hides its waits. */
const maxRunning = 2;
const maxQueued = 10_000;

/**
 * The first write waits so long: what has just come somebody waits for, often with more to come, and has the processor and
 * the disk to himself.
 */
const restMs = 200;
/** Not where so much of what may be queued is. */
const restingShare = 1 / 4;

/** What is to be written in the background, bounded by bytes: begun a little later, when what it came for has been done. */
export class WriteQueue<Stored extends Storable> {
  readonly #maxQueuedBytes: number;
  readonly #write: (write: QueuedWrite<Stored>) => Promise<void>;
  readonly #queued = new Set<QueuedWrite<Stored>>();
  readonly #running = new Map<QueuedWrite<Stored>, Promise<void>>();
  /** Both, so that a key is found without a search. */
  readonly #byKey = new Map<string, QueuedWrite<Stored>[]>();
  #queuedBytes = 0;
  #dropped = 0;
  #rest: NodeJS.Timeout | undefined;

  /** `write` does not reject. */
  constructor(maxQueuedBytes: number, write: (write: QueuedWrite<Stored>) => Promise<void>) {
    this.#maxQueuedBytes = maxQueuedBytes;
    this.#write = write;
  }

  /** Not added because too much was waiting. */
  get dropped(): number {
    return this.#dropped;
  }

  get busy(): boolean {
    return this.#running.size > 0 || this.#queued.size > 0;
  }

  add(cacheKey: string, stored: Stored): void {
    if (this.#queuedBytes + stored.costBytes > this.#maxQueuedBytes || this.#queued.size >= maxQueued) {
      this.#dropped++;
      return;
    }
    const write = { cacheKey, stored, wanted: true };
    stored.memory?.hold();
    this.#queued.add(write);
    this.#queuedBytes += stored.costBytes;
    this.#byKey.set(cacheKey, [...(this.#byKey.get(cacheKey) ?? []), write]);
    const mayRest = this.#running.size === 0 && this.#queuedBytes < this.#maxQueuedBytes * restingShare;
    // Not by the clock of the edge: nothing is decided by it.
    if (mayRest) this.#rest ??= setTimeout(() => this.#startNext(), restMs);
    else this.#startNext();
  }

  /** Whether there was something to cancel. */
  cancel(cacheKey: string, isMeant: (stored: Stored) => boolean): boolean {
    const meant = this.#byKey.get(cacheKey)?.filter(({ stored, wanted }) => wanted && isMeant(stored)) ?? [];
    for (const write of meant) {
      write.wanted = false;
      if (this.#queued.delete(write)) this.#forget(write);
    }
    return meant.length > 0;
  }

  /** How many were cancelled. */
  cancelAll(isMeant: (cacheKey: string, stored: BanFacts) => boolean): number {
    let cancelled = 0;
    // A Map's iterator stays valid while entries go.
    for (const cacheKey of this.#byKey.keys()) {
      this.cancel(cacheKey, (stored) => {
        const meant = isMeant(cacheKey, stored);
        if (meant) cancelled++;
        return meant;
      });
    }
    return cancelled;
  }

  /** Begins with what waits, and resolves when what runs then has ended. */
  async idle(): Promise<void> {
    this.#startNext();
    await Promise.all(this.#running.values());
  }

  #startNext(): void {
    clearTimeout(this.#rest);
    this.#rest = undefined;
    for (const write of this.#queued) {
      if (this.#running.size >= maxRunning) return;
      this.#queued.delete(write);
      const running = this.#write(write).finally(() => {
        this.#running.delete(write);
        this.#forget(write);
        this.#startNext();
      });
      this.#running.set(write, running);
    }
  }

  #forget(write: QueuedWrite<Stored>): void {
    this.#queuedBytes -= write.stored.costBytes;
    write.stored.memory?.release();
    const others = this.#byKey.get(write.cacheKey)?.filter((other) => other !== write) ?? [];
    if (others.length > 0) this.#byKey.set(write.cacheKey, others);
    else this.#byKey.delete(write.cacheKey);
  }
}
