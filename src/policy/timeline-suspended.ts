import { withOwnData } from '../base/own-copies.ts';
import { isStepBack, jumpMs } from './timeline-step.ts';
import type { Arrival, Track } from './timeline-track.ts';

/** How much of a jumping track is kept: by the wall clock, and of media, which may run faster; and units of all together. */
export const suspendedMs = 1_500;
const suspendedMediaMs = 3_000;
const suspendedUnits = 1_000;
/** So much that follows each other in order does not jitter. */
const inOrderUnits = 5;

/** What has come of tracks since they jumped, in the order in which it came, until they are judged. */
export class SuspendedArrivals {
  #arrivals: Arrival[] = [];

  get isEmpty(): boolean {
    return this.#arrivals.length === 0;
  }

  /** Its data are copied. */
  add(arrival: Arrival): void {
    this.#arrivals.push({ ...arrival, unit: withOwnData(arrival.unit) });
  }

  take(track: Track): Arrival[] {
    const arrivals = this.#of(track);
    this.#arrivals = this.#arrivals.filter((arrival) => arrival.track !== track);
    return arrivals;
  }

  takeAll(): Arrival[] {
    const arrivals = this.#arrivals;
    this.#arrivals = [];
    return arrivals;
  }

  /** No more is kept of the track: it must be judged. */
  isFull(track: Track, wallMs: number): boolean {
    const own = this.#of(track);
    const isLong = wallMs - (own[0]?.wallMs ?? wallMs) > suspendedMs || mediaMs(own) > suspendedMediaMs;
    return isLong || this.#arrivals.length >= suspendedUnits;
  }

  /** The track goes on from where it has jumped to. */
  isInOrder(track: Track): boolean {
    const latest = this.#of(track).slice(-inOrderUnits);
    if (latest.length < inOrderUnits) return false;
    return latest.every(({ publisherMs }, index) => publisherMs >= (latest[index - 1]?.publisherMs ?? publisherMs));
  }

  /** The track will probably be where it was again. */
  mayJitter(track: Track): boolean {
    const [first] = this.#of(track);
    return first !== undefined && isStepBack(first) && !this.isInOrder(track);
  }

  #of(track: Track): Arrival[] {
    return this.#arrivals.filter((arrival) => arrival.track === track);
  }
}

/** How long it lasts by its timestamps, of which those that leap count for nothing. */
function mediaMs(arrivals: readonly Arrival[]): number {
  return arrivals.reduce((sumMs, { publisherMs }, index) => {
    const stepMs = publisherMs - (arrivals[index - 1]?.publisherMs ?? publisherMs);
    return Math.abs(stepMs) <= jumpMs ? sumMs + stepMs : sumMs;
  }, 0);
}
