/** Something at an instant of media time, for all renditions that carry such things. */
export interface TimedEvent {
  /** Unlike that of any other event of the stream, 32 bits; grows. */
  readonly id: number;
  readonly seconds: number;
  readonly data: Uint8Array;
}

/** Events that are kept for renditions which come later. */
const maxEvents = 256;
/** And for how long after the instant that the first rendition has reached. */
const keptSeconds = 120;

/** Events that wait for the part of each rendition that they belong to. */
export class TimedEvents {
  /** By time. */
  #events: TimedEvent[] = [];
  /** By rendition, how far it has come. */
  readonly #positions = new Map<string, number>();
  #reachedSeconds = -Infinity;
  #lastId = -1;

  /** One that comes late is put where the first rendition is. Gives how many had to leave for it. */
  add(seconds: number, data: Uint8Array): number {
    const atSeconds = Math.max(seconds, this.#reachedSeconds, 0);
    // Media time goes on over restarts, so that no number means two events.
    this.#lastId = Math.max(this.#lastId + 1, Math.floor(atSeconds * 1_000)) % 2 ** 32;
    const after = this.#events.findIndex((event) => event.seconds > atSeconds);
    this.#events.splice(after < 0 ? this.#events.length : after, 0, { id: this.#lastId, seconds: atSeconds, data });
    return this.#events.splice(0, this.#events.length - maxEvents).length;
  }

  /** Those that belong to a part, and those of the time before it that no part has taken. */
  take(rendition: string, fromSeconds: number, untilSeconds: number): readonly TimedEvent[] {
    const position = Math.min(this.#positions.get(rendition) ?? fromSeconds, fromSeconds);
    this.#positions.set(rendition, untilSeconds);
    this.#reachedSeconds = Math.max(this.#reachedSeconds, untilSeconds);
    const oldest = this.#events[0];
    if (oldest === undefined) return [];
    const keptFrom = this.#reachedSeconds - keptSeconds;
    const taken = this.#events.filter(({ seconds }) => seconds >= position && seconds < untilSeconds);
    if (oldest.seconds < keptFrom) this.#events = this.#events.filter(({ seconds }) => seconds >= keptFrom);
    return taken;
  }
}
