import { LimitError } from '../base/errors.ts';
import type { FeedPosition, OutletFeed, Restart, WireOutlet } from './wire-outlet.ts';

/** The connection to a player, as far as a feed needs it. */
export interface PlayerConnection {
  /** Written, but not taken by the player yet. */
  readonly queuedBytes: number;
  /**
   * Never blocks. The bytes are shared with other players and must not be changed; they are there for as long as any wait
   * in `queuedBytes`. Returns false when more than a little
   * waits: only then need `queuedBytes` be looked at.
   */
  write(bytes: Uint8Array): boolean;
  /** What `action` writes leaves in one piece. */
  together(action: () => void): void;
}

/** Whoever plays a stream. */
export interface Player {
  readonly connection: PlayerConnection;
  /** The stream is over: nothing follows. */
  onStreamEnd(): void;
  /** It does not take what it gets: to be disconnected. Called once. */
  onStalled(error: LimitError): void;
}

/** What all feeds of a role count together. */
export interface FeedCounters {
  /** How often a player fell behind and lost what came up to a keyframe. */
  drops: number;
  droppedBytes: number;
  /** Players disconnected because they took nothing. */
  stalled: number;
}

export interface FeedLimits {
  readonly maxQueueBytes: number;
  /** The setting that says `maxQueueBytes`, for the error. */
  readonly maxQueueSetting: string;
  /** How long a player may take nothing of what waits for it, or stay behind. */
  readonly stallTimeoutMs: number;
}

export interface PlayerFeedOptions {
  readonly player: Player;
  readonly outlet: WireOutlet;
  readonly limits: FeedLimits;
  readonly counters: FeedCounters;
  /** Called once. */
  readonly onEnd: () => void;
  readonly nowMs: number;
}

type State =
  /** For the next place where a decoder can start. */
  | 'waiting'
  | 'flowing'
  /** The queue is full: what comes is left out up to a keyframe that comes after it has drained. */
  | 'dropping'
  | 'paused'
  | 'over';

/** What one player gets of a stream. Never holds anything back from the publisher or another player. */
export class PlayerFeed implements OutletFeed {
  // First what each write reads: with many players the way to their memory is what a write costs beside the system call.
  #state: State = 'waiting';
  /** What the last write said. Asking the connection each time would cost as much as some writes do. */
  #drained = true;
  readonly #connection: PlayerConnection;
  #writtenBytes = 0;
  readonly player: Player;
  readonly #outlet: WireOutlet;
  readonly #limits: FeedLimits;
  readonly #counters: FeedCounters;
  readonly #onEnd: () => void;
  #pausedAt: FeedPosition | undefined;
  #opened = false;
  #droppedBytes = 0;
  /** Never a whole number: with the first player that falls behind, the engine would have to widen the field of all. */
  #droppingSinceMs = Number.NaN;
  /** What of `#writtenBytes` had been taken when that last changed, and when. */
  #takenBytes = 0;
  #takenAtMs: number;

  constructor(options: PlayerFeedOptions) {
    this.player = options.player;
    this.#connection = options.player.connection;
    this.#outlet = options.outlet;
    this.#limits = options.limits;
    this.#counters = options.counters;
    this.#onEnd = options.onEnd;
    this.#takenAtMs = options.nowMs;
  }

  /** Bytes given to the connection, and bytes left out because it was behind. */
  get totals(): { readonly writtenBytes: number; readonly droppedBytes: number } {
    return { writtenBytes: this.#writtenBytes, droppedBytes: this.#droppedBytes };
  }

  /** Asks the connection. */
  get isDrained(): boolean {
    return this.#connection.queuedBytes === 0;
  }

  /**
   * Called by the outlet with what has come. `restart`: from where in it a decoder can start, if it can. Returns at once;
   * what does not fit is left out.
   */
  take(bytes: Uint8Array, restart: Restart | undefined, nowMs: number): void {
    const connection = this.#connection;
    switch (this.#state) {
      case 'flowing':
        if (this.#drained || connection.queuedBytes + bytes.length <= this.#limits.maxQueueBytes) {
          this.#writtenBytes += bytes.length;
          this.#drained = connection.write(bytes);
          return;
        }
        this.#state = 'dropping';
        this.#droppingSinceMs = nowMs;
        this.#counters.drops++;
        this.#leaveOut(bytes.length);
        return;
      case 'dropping':
        if (restart !== undefined && this.#hasDrained()) {
          this.#leaveOut(bytes.length - restart.media.length);
          this.start(restart.media, restart.startMs);
        } else this.#leaveOut(bytes.length);
        return;
      case 'waiting':
        if (restart !== undefined) this.start(restart.media, restart.startMs);
        return;
      case 'paused':
      case 'over':
    }
  }

  /** Called by the outlet: begins with what a decoder can start with, or goes on where the player has paused. */
  start(media: Uint8Array, startMs: number): void {
    this.#state = 'flowing';
    this.#connection.together(() => {
      this.#write(this.#outlet.headers(!this.#opened, startMs));
      this.#opened = true;
      this.#write(media);
    });
  }

  /** The player wants nothing for now. */
  pause(): void {
    if (this.#state === 'over' || this.#state === 'paused') return;
    const position = this.#outlet.leave(this);
    this.#pausedAt = this.#state === 'flowing' ? position : undefined;
    this.#state = 'paused';
  }

  /** On from where it was, if that is still there, else from the last keyframe or the next. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'waiting';
    this.#outlet.join(this, this.#pausedAt);
  }

  /** The player has left. */
  end(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#outlet.leave(this);
    this.#onEnd();
  }

  /** Looked at every second: ends a player that has not taken anything for too long. */
  sweep(nowMs: number): void {
    if (this.#state === 'over') return;
    const queuedBytes = this.#connection.queuedBytes;
    const takenBytes = this.#writtenBytes - queuedBytes;
    if (queuedBytes === 0 || takenBytes > this.#takenBytes) {
      this.#takenBytes = takenBytes;
      this.#takenAtMs = nowMs;
    }
    const { stallTimeoutMs, maxQueueBytes, maxQueueSetting } = this.#limits;
    const behind = this.#state === 'dropping' && !this.#hasDrained() && nowMs - this.#droppingSinceMs >= stallTimeoutMs;
    if (!behind && nowMs - this.#takenAtMs < stallTimeoutMs) return;
    this.#counters.stalled++;
    this.end();
    this.player.onStalled(
      new LimitError('PLAYER_TOO_SLOW', `bytes wait for a player that does not keep up for ${stallTimeoutMs} ms`, {
        limit: maxQueueBytes,
        value: queuedBytes,
        setting: maxQueueSetting,
      }),
    );
  }

  #write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#writtenBytes += bytes.length;
    this.#drained = this.#connection.write(bytes);
  }

  #leaveOut(bytes: number): void {
    this.#droppedBytes += bytes;
    this.#counters.droppedBytes += bytes;
  }

  /** Half, so that a player which is back does not fall behind with the first keyframe. */
  #hasDrained(): boolean {
    return this.#connection.queuedBytes <= this.#limits.maxQueueBytes / 2;
  }
}
