/** What the viewer sees the player do. Stands on the player's root element as `data-state`. */
export type PlayerState =
  /** Loading; no picture yet. */
  | 'starting'
  | 'playing'
  /** The viewer has stopped it. */
  | 'paused'
  /** The picture stands still though the stream goes on. */
  | 'buffering'
  /** The publisher has left and may come back. */
  | 'waiting'
  /** It has played, and the stream is over. */
  | 'ended'
  /** There is no such stream. */
  | 'absent'
  /** Nobody answers. */
  | 'offline'
  /** This browser cannot play it. */
  | 'unsupported';

export type Remedy =
  | 'none'
  /** Begin again from the multivariant playlist. */
  | 'reload'
  /** Take the decoder apart and put it together again. */
  | 'recover-media'
  /** Leave what is missing behind. */
  | 'jump-to-live';

/** What the list of streams says about ours. `unknown`: not asked yet, or there is no list. */
export type DirectoryWord = 'live' | 'waiting' | 'missing' | 'unreachable' | 'unknown';

/** Why loading has stopped for good, as far as the playing library is concerned. */
export type Failure = 'absent' | 'network' | 'media' | 'unsupported';

export interface Observation {
  /** Any monotonic clock. */
  readonly nowMs: number;
  /** The picture has moved on since the last observation. */
  readonly advancing: boolean;
  readonly paused: boolean;
  /** The playlist says that nothing follows (EXT-X-ENDLIST). */
  readonly over: boolean;
  /** How long the playlist has not grown; undefined before it is there. */
  readonly playlistStillMs: number | undefined;
  /** How much further behind the live edge than it should be; undefined where that is not known, or is wanted. */
  readonly lagSeconds: number | undefined;
  readonly failure: Failure | undefined;
  readonly directory: DirectoryWord;
}

export interface Decision {
  readonly state: PlayerState;
  readonly remedy: Remedy;
}

/** A picture that stands still for less than this is not worth a word. */
const noticeAfterMs = 700;
const offlineAfterMs = 2_000;
const playlistSilentMs = 4_000;
const jumpAfterMs = 4_000;
const reloadAfterMs = 10_000;
const mediaRecoverySpacingMs = 5_000;
const mediaRecoveriesAtMost = 2;
/** Having played for this long, earlier trouble is forgotten. */
const soundAfterMs = 5_000;
/** What an interruption may leave behind: less is caught up by playing a little faster. */
const lagAfterInterruptionSeconds = 3;

/** What the list said before the stream ended is its word for so long: it is asked every few seconds. */
const directoryAgeMs = 6_000;

/** Time between one reload and the next: 1, 2, 4, 8, 10, 10 … seconds. */
export function reloadSpacingMs(reloads: number): number {
  return Math.min(10_000, 1_000 * 2 ** Math.max(0, reloads - 1));
}

/**
 * Decides, from what can be observed, what to tell the viewer and what to try next. Holds no timer: it is asked at
 * every observation, a few times a second, and answers each remedy once until it has had its time.
 */
export class Recovery {
  #started = false;
  #playingSinceMs: number | undefined;
  #stillSinceMs: number | undefined;
  #directory: DirectoryWord = 'unknown';
  #directorySinceMs = 0;
  #overSinceMs: number | undefined;
  #reloads = 0;
  #reloadNotBeforeMs = Number.NEGATIVE_INFINITY;
  #mediaRecoveries = 0;
  #mediaRecoveryNotBeforeMs = Number.NEGATIVE_INFINITY;
  #jumped = false;
  #interrupted = false;

  observe(seen: Observation): Decision {
    this.#noteDirectory(seen);
    this.#overSinceMs = seen.over ? (this.#overSinceMs ?? seen.nowMs) : undefined;
    if (seen.failure === 'unsupported') return { state: 'unsupported', remedy: 'none' };
    if (seen.advancing && seen.failure === undefined) return this.#playing(seen);
    this.#playingSinceMs = undefined;
    if (seen.failure === 'media') return this.#mediaFailed(seen);
    if (seen.failure !== undefined || seen.over) return this.#sourceGone(seen);
    if (seen.paused) {
      this.#stillSinceMs = undefined;
      return { state: 'paused', remedy: 'none' };
    }
    return this.#standingStill(seen);
  }

  /** A stream that has come back is tried at once, whatever the tries before. */
  #noteDirectory({ directory, nowMs }: Observation): void {
    if (directory === this.#directory) return;
    this.#directory = directory;
    this.#directorySinceMs = nowMs;
    if (directory !== 'live') return;
    this.#reloads = 0;
    this.#reloadNotBeforeMs = nowMs;
  }

  #playing({ nowMs, lagSeconds }: Observation): Decision {
    const late = this.#interrupted && (lagSeconds ?? 0) > lagAfterInterruptionSeconds;
    this.#interrupted = false;
    this.#started = true;
    this.#stillSinceMs = undefined;
    this.#jumped = false;
    this.#playingSinceMs ??= nowMs;
    if (nowMs - this.#playingSinceMs >= soundAfterMs) {
      this.#reloads = 0;
      this.#mediaRecoveries = 0;
    }
    return { state: 'playing', remedy: late ? 'jump-to-live' : 'none' };
  }

  #mediaFailed({ nowMs }: Observation): Decision {
    const state = this.#working();
    if (nowMs < this.#mediaRecoveryNotBeforeMs) return { state, remedy: 'none' };
    this.#mediaRecoveryNotBeforeMs = nowMs + mediaRecoverySpacingMs;
    if (this.#mediaRecoveries >= mediaRecoveriesAtMost) return { state, remedy: this.#reload(nowMs) };
    this.#mediaRecoveries += 1;
    return { state, remedy: 'recover-media' };
  }

  #sourceGone(seen: Observation): Decision {
    switch (seen.directory) {
      case 'live':
        return { state: this.#working(), remedy: this.#wasLive(seen) ? 'none' : this.#reload(seen.nowMs) };
      case 'waiting':
        return { state: 'waiting', remedy: seen.over ? 'none' : this.#reload(seen.nowMs) };
      case 'unreachable':
        return { state: 'offline', remedy: 'none' };
      case 'missing':
        return { state: this.#started ? 'ended' : 'absent', remedy: 'none' };
      case 'unknown': {
        const remedy = this.#reload(seen.nowMs);
        if (seen.failure === 'network') return { state: 'offline', remedy };
        return { state: this.#started ? 'ended' : 'absent', remedy };
      }
    }
  }

  /** A slate is live up to the end: who began again then would see the last minute again, from its beginning. */
  #wasLive({ nowMs }: Observation): boolean {
    const overSinceMs = this.#overSinceMs;
    if (overSinceMs === undefined || this.#directorySinceMs > overSinceMs) return false;
    return nowMs - overSinceMs < directoryAgeMs;
  }

  #standingStill(seen: Observation): Decision {
    this.#stillSinceMs ??= seen.nowMs;
    const stillMs = seen.nowMs - this.#stillSinceMs;
    const quiet = (seen.playlistStillMs ?? 0) > playlistSilentMs;
    if (this.#started && stillMs < noticeAfterMs) return { state: 'playing', remedy: 'none' };
    this.#interrupted = true;
    if (seen.directory === 'waiting') return { state: 'waiting', remedy: 'none' };
    if (seen.directory === 'missing') return { state: this.#started ? 'ended' : 'absent', remedy: 'none' };
    if (seen.directory === 'unreachable') {
      return { state: stillMs < offlineAfterMs ? this.#working() : 'offline', remedy: 'none' };
    }
    if (seen.directory === 'unknown' && quiet) return { state: 'waiting', remedy: this.#urge(seen) };
    return { state: this.#working(), remedy: this.#urge(seen) };
  }

  /** The stream goes on and we do not: first over the gap, then from the beginning. */
  #urge({ nowMs }: Observation): Remedy {
    const sinceMs = nowMs - Math.max(this.#stillSinceMs ?? nowMs, this.#directorySinceMs);
    if (sinceMs >= reloadAfterMs) {
      const remedy = this.#reload(nowMs);
      if (remedy === 'reload') this.#stillSinceMs = nowMs;
      return remedy;
    }
    if (sinceMs < jumpAfterMs || this.#jumped || !this.#started) return 'none';
    this.#jumped = true;
    return 'jump-to-live';
  }

  #reload(nowMs: number): Remedy {
    if (nowMs < this.#reloadNotBeforeMs) return 'none';
    this.#reloads += 1;
    this.#reloadNotBeforeMs = nowMs + reloadSpacingMs(this.#reloads);
    this.#jumped = false;
    return 'reload';
  }

  #working(): PlayerState {
    return this.#started ? 'buffering' : 'starting';
  }
}
