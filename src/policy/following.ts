import { OwnCopies } from '../base/own-copies.ts';
import { type BoundaryFollower, usualLagSeconds } from './boundary-follower.ts';
import type { TimedUnit } from './timed-unit.ts';

/** With slow pictures other tracks may run further ahead of the leading one before they stop waiting for it. */
const longestLagSeconds = 3;

/** Memory for what waits: of sound very little does, of further pictures as much as of a part. */
const waitingMemory = { leastBytes: 16_384, mostKeptBytes: 1_048_576 } as const;

/** A track of this run of time, and what has come of it that the boundaries have not reached yet. */
interface Following {
  readonly follower: BoundaryFollower;
  waiting: TimedUnit[];
  /** Of their data. */
  readonly copies: OwnCopies;
}

/** The tracks of a run of time that go by the boundaries which the leading one makes, and therefore wait for it. */
export class FollowingTracks {
  /** By number. */
  #tracks = new Map<number, Following>();
  #followers: readonly BoundaryFollower[] = [];
  /** The longest that a unit of theirs has lasted. */
  #longestUnitSeconds = 0;

  /** Nothing waits yet. */
  startRun(followers: readonly BoundaryFollower[]): void {
    this.#longestUnitSeconds = 0;
    this.#followers = followers;
    this.#tracks = new Map(
      followers.map((follower) => [
        follower.cutter.track.track,
        { follower, waiting: [], copies: new OwnCopies(waitingMemory) },
      ]),
    );
  }

  has(track: number): boolean {
    return this.#tracks.has(track);
  }

  get followers(): readonly BoundaryFollower[] {
    return this.#followers;
  }

  get longestUnitSeconds(): number {
    return this.#longestUnitSeconds;
  }

  /** How far that has come which waits; 0 where nothing does. */
  get newestWaitingSeconds(): number {
    let newestSeconds = 0;
    for (const { follower, waiting } of this.#tracks.values()) {
      const newest = waiting.at(-1);
      if (newest !== undefined) newestSeconds = Math.max(newestSeconds, follower.secondsOf(newest));
    }
    return newestSeconds;
  }

  /** What is before this does not wait any longer; `unitSeconds`: how long the units of the leading track last. */
  lagSeconds(unitSeconds: number): number {
    return this.newestWaitingSeconds - Math.min(longestLagSeconds, Math.max(usualLagSeconds, 1.5 * unitSeconds));
  }

  /** How far they have gone out. */
  get cutSeconds(): number {
    let cutSeconds = 0;
    for (const { cutter } of this.#followers) cutSeconds = Math.max(cutSeconds, cutter.endSeconds);
    return cutSeconds;
  }

  /** Where segment `msn` ends in the one of them that has given its last part; `Infinity` where none has. */
  endedSeconds(msn: number): number {
    let endedSeconds = Infinity;
    for (const { cutter } of this.#followers) {
      if (cutter.isComplete && cutter.msn === msn) endedSeconds = Math.min(endedSeconds, cutter.endSeconds);
    }
    return endedSeconds;
  }

  /** It waits. */
  push(unit: TimedUnit): void {
    const following = this.#tracks.get(unit.track);
    following?.waiting.push({ ...unit, data: following.copies.copy(unit.data) });
  }

  /**
   * Gives what waits, as far as the boundaries are known up to `untilSeconds`; of sound, up to `foreseenSeconds` if that is later:
   * were there a boundary before it, sound would begin its segment by so much later.
   */
  release(
    untilSeconds: number,
    foreseenSeconds: number,
    take: (follower: BoundaryFollower, unit: TimedUnit) => void,
  ): void {
    for (const { follower, waiting, copies } of this.#tracks.values()) {
      if (follower.waitsForBoundary && untilSeconds < Infinity) continue;
      const isSound = follower.cutter.track.config.kind === 'audio';
      const latestSeconds = isSound ? Math.max(untilSeconds, foreseenSeconds) : untilSeconds;
      let released = 0;
      for (const unit of waiting) {
        if (follower.latestSecondsOf(unit) >= latestSeconds) break;
        const lastsSeconds = unit.durationTicks / follower.cutter.timescale;
        this.#longestUnitSeconds = Math.max(this.#longestUnitSeconds, lastsSeconds);
        take(follower, unit);
        released++;
      }
      if (released > 0) for (const { data } of waiting.splice(0, released)) copies.drop(data);
    }
  }

  /** Nothing of this run follows. */
  letGo(): void {
    for (const following of this.#tracks.values()) {
      following.waiting = [];
      following.copies.letGo();
    }
  }
}
