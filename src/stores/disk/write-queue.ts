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

/** What is to be written in the background, bounded by bytes. */
export class WriteQueue<Stored extends Storable> {
  readonly #maxQueuedBytes: number;
  readonly #write: (write: QueuedWrite<Stored>) => Promise<void>;
  readonly #queued = new Set<QueuedWrite<Stored>>();
  readonly #running = new Map<QueuedWrite<Stored>, Promise<void>>();
  #queuedBytes = 0;
  #dropped = 0;

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
    return this.#running.size > 0;
  }

  add(cacheKey: string, stored: Stored): void {
    if (this.#queuedBytes + stored.costBytes > this.#maxQueuedBytes || this.#queued.size >= maxQueued) {
      this.#dropped++;
      return;
    }
    this.#queued.add({ cacheKey, stored, wanted: true });
    this.#queuedBytes += stored.costBytes;
    this.#startNext();
  }

  /** Whether there was something to cancel. */
  cancel(cacheKey: string, isMeant: (stored: Stored) => boolean): boolean {
    return this.cancelAll((candidate, stored) => candidate === cacheKey && isMeant(stored)) > 0;
  }

  /** How many were cancelled. */
  cancelAll(isMeant: (cacheKey: string, stored: Stored & BanFacts) => boolean): number {
    let cancelled = 0;
    for (const write of [...this.#queued, ...this.#running.keys()]) {
      if (!write.wanted || !isMeant(write.cacheKey, write.stored)) continue;
      write.wanted = false;
      cancelled++;
      if (this.#queued.delete(write)) this.#queuedBytes -= write.stored.costBytes;
    }
    return cancelled;
  }

  /** Resolves when what runs now has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  #startNext(): void {
    for (const write of this.#queued) {
      if (this.#running.size >= maxRunning) return;
      this.#queued.delete(write);
      this.#queuedBytes -= write.stored.costBytes;
      const running = this.#write(write).finally(() => {
        this.#running.delete(write);
        this.#startNext();
      });
      this.#running.set(write, running);
    }
  }
}
