import type { UnitSink } from '../policy/target-learner.ts';
import type { TimedTrack, TimedUnit } from '../policy/timed-unit.ts';

/** Who makes something else of a stream's repaired media: called synchronously, and must return at once. */
export interface MediaListener extends UnitSink {
  /** Nothing of this run of time follows. */
  onRunEnd(): void;
}

/** Tells all who listen to a stream; one that comes in the midst of a run of time begins with its tracks. */
export class MediaListeners implements MediaListener {
  readonly #listeners = new Set<MediaListener>();
  /** The tracks of this run of time; empty while there is none. */
  #tracks: readonly TimedTrack[] = [];

  get size(): number {
    return this.#listeners.size;
  }

  /** Returns the way to stop. */
  add(listener: MediaListener): () => void {
    this.#listeners.add(listener);
    if (this.#tracks.length > 0) listener.onEpoch(this.#tracks);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  onEpoch(tracks: readonly TimedTrack[]): void {
    this.#tracks = tracks;
    for (const listener of this.#listeners) listener.onEpoch(tracks);
  }

  onUnit(unit: TimedUnit): void {
    for (const listener of this.#listeners) listener.onUnit(unit);
  }

  onRunEnd(): void {
    if (this.#tracks.length === 0) return;
    this.#tracks = [];
    for (const listener of this.#listeners) listener.onRunEnd();
  }
}
