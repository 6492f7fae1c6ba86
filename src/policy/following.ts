import { OwnCopies } from '../base/own-copies.ts';
import { type BoundaryFollower, farAheadSeconds, usualLagSeconds } from './boundary-follower.ts';
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
  /** What has come behind them; mostly it need not wait, nor be copied. */
  newest: TimedUnit | undefined;
}

/** Its data are there for the call. */
type TakeUnit = (follower: BoundaryFollower, unit: TimedUnit) => void;

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
        { follower, waiting: [], copies: new OwnCopies(waitingMemory), newest: undefined },
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
    for (const { follower, waiting, newest = waiting.at(-1) } of this.#tracks.values()) {
      if (newest !== undefined) newestSeconds = Math.max(newestSeconds, follower.secondsOf(newest));
    }
    return newestSeconds;
  }

  get isWaiting(): boolean {
    return this.newestWaitingSeconds > 0;
  }

  /** They might go on without the leading track before that has come to it: then it is too late to begin a segment there. */
  isFarAhead(seconds: number): boolean {
    return this.newestWaitingSeconds - seconds > farAheadSeconds;
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

  /** It waits, as soon as `release` has been called, which must be next. */
  push(unit: TimedUnit): void {
    const following = this.#tracks.get(unit.track);
    if (following !== undefined) following.newest = unit;
  }

  /**
   * Gives what waits, as far as the boundaries are known up to `untilSeconds`; of sound, up to `foreseenSeconds` if that is later:
   * were there a boundary before it, sound would begin its segment by so much later.
   */
  release(untilSeconds: number, foreseenSeconds: number, take: TakeUnit): void {
    for (const following of this.#tracks.values()) {
      const { follower, waiting, copies, newest } = following;
      following.newest = undefined;
      const isSound = follower.cutter.track.config.kind === 'audio';
      let latestSeconds = isSound ? Math.max(untilSeconds, foreseenSeconds) : untilSeconds;
      if (follower.waitsForBoundary && untilSeconds < Infinity) latestSeconds = -Infinity;
      const mustWait = (unit: TimedUnit) => follower.latestSecondsOf(unit) >= latestSeconds;
      let released = 0;
      for (const unit of waiting) {
        if (mustWait(unit)) break;
        this.#take(follower, unit, take);
        released++;
      }
      if (released > 0) for (const { data } of waiting.splice(0, released)) copies.drop(data);
      if (newest === undefined) continue;
      if (waiting.length === 0 && !mustWait(newest)) this.#take(follower, newest, take);
      else waiting.push({ ...newest, data: copies.copy(newest.data) });
    }
  }

  #take(follower: BoundaryFollower, unit: TimedUnit, take: TakeUnit): void {
    const lastsSeconds = unit.durationTicks / follower.cutter.timescale;
    this.#longestUnitSeconds = Math.max(this.#longestUnitSeconds, lastsSeconds);
    take(follower, unit);
  }

  /** Nothing of this run follows. */
  letGo(): void {
    for (const following of this.#tracks.values()) {
      following.waiting = [];
      following.newest = undefined;
      following.copies.letGo();
    }
  }
}
