import { withOwnData } from '../base/own-copies.ts';
import { isStepBack, jumpMs } from './timeline-step.ts';
import type { Arrival, Track } from './timeline-track.ts';

/** How much of a jumping track is kept: by the wall clock, and of media, which may run faster; and units of all together. */
export const suspendedMs = 1_500;
const suspendedMediaMs = 3_000;
const suspendedUnits = 1_000;
/** So much that follows each other in order does not jitter. */
const inOrderUnits = 5;

/** What is kept of one track. */
interface Suspended {
  readonly first: Arrival;
  readonly arrivals: { readonly arrival: Arrival; readonly number: number }[];
  latestMs: number;
  /** How long it lasts by its timestamps, of which those that leap count for nothing. */
  mediaMs: number;
  /** How many of the latest follow each other in order. */
  inOrder: number;
}

/**
 * What has come of tracks since they jumped, in the order in which it came, until they are judged. Some of it is asked for
 * each that comes, so nothing but `take` and `takeAll` goes through what is kept.
 */
export class SuspendedArrivals {
  readonly #tracks = new Map<Track, Suspended>();
  #count = 0;
  /** Of the next one, in the order of all. */
  #nextNumber = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Its data are copied. */
  add(lent: Arrival): void {
    const arrival = { ...lent, unit: withOwnData(lent.unit) };
    const { track, publisherMs } = arrival;
    const own = this.#tracks.get(track) ?? newSuspended(arrival);
    this.#tracks.set(track, own);
    const stepMs = publisherMs - own.latestMs;
    if (Math.abs(stepMs) <= jumpMs) own.mediaMs += stepMs;
    own.inOrder = stepMs >= 0 ? own.inOrder + 1 : 1;
    own.latestMs = publisherMs;
    own.arrivals.push({ arrival, number: this.#nextNumber++ });
    this.#count++;
  }

  take(track: Track): Arrival[] {
    const { arrivals = [] } = this.#tracks.get(track) ?? {};
    this.#tracks.delete(track);
    this.#count -= arrivals.length;
    return arrivals.map(({ arrival }) => arrival);
  }

  takeAll(): Arrival[] {
    const all = [...this.#tracks.values()].flatMap(({ arrivals }) => arrivals);
    this.#tracks.clear();
    this.#count = 0;
    return all.sort((a, b) => a.number - b.number).map(({ arrival }) => arrival);
  }

  /** No more is kept of the track: it must be judged. */
  isFull(track: Track, wallMs: number): boolean {
    if (this.#count >= suspendedUnits) return true;
    const own = this.#tracks.get(track);
    return own !== undefined && (wallMs - own.first.wallMs > suspendedMs || own.mediaMs > suspendedMediaMs);
  }

  /** The track goes on from where it has jumped to. */
  isInOrder(track: Track): boolean {
    return (this.#tracks.get(track)?.inOrder ?? 0) >= inOrderUnits;
  }

  /** The track will probably be where it was again. */
  mayJitter(track: Track): boolean {
    const own = this.#tracks.get(track);
    return own !== undefined && isStepBack(own.first) && !this.isInOrder(track);
  }
}

function newSuspended(first: Arrival): Suspended {
  return { first, arrivals: [], latestMs: first.publisherMs, mediaMs: 0, inOrder: 0 };
}
