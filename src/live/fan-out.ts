import type { Clock, Timer } from '../base/clock.ts';
import { mergeWindowMs } from '../policy/merge-window.ts';
import type { FanOutSettings } from './fan-out-settings.ts';
import type { LiveStream } from './live-stream.ts';
import type { FeedCounters, Player, PlayerFeed } from './player-feed.ts';
import { StreamFanOut } from './stream-fan-out.ts';
import type { WireForm } from './wire-form.ts';

export interface FanOutOptions {
  readonly settings: FanOutSettings;
  /** Where the settings stand, for errors: `origin.fanOut`. */
  readonly settingsPath: string;
  readonly clock: Clock;
}

export interface FanOutStats extends Readonly<FeedCounters> {
  /** Now. */
  readonly players: number;
  /** Since the start. */
  readonly joined: number;
  /** The one in force, in milliseconds. */
  readonly mergeWindowMs: number;
}

/** A player that takes nothing, or does not catch up, for this long is disconnected. */
const stallTimeoutMs = 10_000;

const sweepIntervalMs = 1_000;

/** Gives the live streams of a role to those who play them. */
export class FanOut {
  readonly #options: FanOutOptions;
  readonly #streams = new Map<LiveStream, StreamFanOut>();
  readonly #feeds = new Set<PlayerFeed>();
  readonly #counters: FeedCounters = { drops: 0, droppedBytes: 0, stalled: 0 };
  #joined = 0;
  #sweepTimer: Timer | undefined;

  constructor(options: FanOutOptions) {
    this.#options = options;
  }

  /** That may wait for one player. */
  get maxQueueBytes(): number {
    return this.#options.settings.maxQueueBytes;
  }

  /**
   * `player` gets `stream` from the last keyframe on, at once if there is one. Ends by `end()` of what is returned, or
   * when the player is told so.
   */
  join(stream: LiveStream, form: WireForm, player: Player): PlayerFeed {
    const { settings, settingsPath, clock } = this.#options;
    let fanOut = this.#streams.get(stream);
    if (fanOut === undefined) {
      fanOut = new StreamFanOut(stream, {
        clock,
        mergeWindowMs: () => this.#mergeWindowMs(),
        limits: {
          maxQueueBytes: settings.maxQueueBytes,
          maxQueueSetting: `${settingsPath}.maxQueue`,
          stallTimeoutMs,
        },
        counters: this.#counters,
        onEmpty: () => this.#streams.delete(stream),
      });
      this.#streams.set(stream, fanOut);
    }
    this.#joined++;
    const feed = fanOut.join(form, player, () => this.#feeds.delete(feed));
    this.#feeds.add(feed);
    this.#armSweep();
    return feed;
  }

  stats(): FanOutStats {
    return {
      players: this.#feeds.size,
      joined: this.#joined,
      mergeWindowMs: this.#mergeWindowMs(),
      ...this.#counters,
    };
  }

  #mergeWindowMs(): number {
    return mergeWindowMs(this.#options.settings.mergeWindow, this.#feeds.size);
  }

  #armSweep(): void {
    if (this.#sweepTimer !== undefined || this.#feeds.size === 0) return;
    const { clock } = this.#options;
    this.#sweepTimer = clock.after(sweepIntervalMs, () => {
      this.#sweepTimer = undefined;
      const nowMs = clock.monotonicMs();
      for (const feed of this.#feeds) feed.sweep(nowMs);
      this.#armSweep();
    });
  }
}
