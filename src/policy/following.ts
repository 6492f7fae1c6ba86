import { OwnCopies } from '../base/own-copies.ts';
import type { BoundaryFollower } from './boundary-follower.ts';
import type { TimedUnit } from './timed-unit.ts';

/** Memory for what waits: of sound very little does, of further pictures as much as of a part. */
const waitingMemory = { leastBytes: 16_384, mostKeptBytes: 1_048_576 } as const;

/** A track of this run of time, and what has come of it that the boundaries have not reached yet. */
export interface Following {
  readonly follower: BoundaryFollower;
  waiting: TimedUnit[];
  /** Of their data. */
  readonly copies: OwnCopies;
}

/** Nothing waits yet. */
export function waitingFor(follower: BoundaryFollower): Following {
  return { follower, waiting: [], copies: new OwnCopies(waitingMemory) };
}

/** How far that has come which waits; 0 where nothing does. */
export function newestWaitingSeconds(following: Iterable<Following>): number {
  let newestSeconds = 0;
  for (const { follower, waiting } of following) {
    const newest = waiting.at(-1);
    if (newest !== undefined) newestSeconds = Math.max(newestSeconds, follower.secondsOf(newest));
  }
  return newestSeconds;
}
