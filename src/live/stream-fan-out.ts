import type { Clock, Timer } from '../base/clock.ts';
import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { ColorInfo } from '../formats/media/color-info.ts';
import type { DataMessage } from '../formats/media/data-message.ts';
import { type TrackConfig, trackNumber } from '../formats/media/track.ts';
import { PlayTimeline } from '../policy/play-timeline.ts';
import type { LiveStream, StreamSubscriber } from './live-stream.ts';
import { type FeedCounters, type FeedLimits, type Player, PlayerFeed } from './player-feed.ts';
import type { WireForm } from './wire-form.ts';
import { WireOutlet } from './wire-outlet.ts';

export interface StreamFanOutOptions {
  readonly clock: Clock;
  readonly mergeWindowMs: () => number;
  readonly limits: FeedLimits;
  readonly counters: FeedCounters;
  /** The last player has left, or the stream is over. */
  readonly onEmpty: () => void;
}

const longWindowMs = 200;
/** What a publisher sends is left unread for so long at most, and how much longer that may take. */
const longestUnreadMs = 50;
const lateMs = 2;

interface ScheduledOutlet {
  readonly outlet: WireOutlet;
  /** Those that have paused among them. */
  players: number;
  /** What has been gathered will be written. */
  flush: Timer | undefined;
}

/** One stream for all who play it: on one timeline, in as many wire forms as there are kinds of players. */
export class StreamFanOut implements StreamSubscriber {
  readonly #stream: LiveStream;
  readonly #options: StreamFanOutOptions;
  /** By the name of the form. */
  readonly #outlets = new Map<string, ScheduledOutlet>();
  readonly #feeds = new Set<PlayerFeed>();
  readonly #timeline = new PlayTimeline();
  /** Of the stream's running GOP, on the timeline of the players: for a wire form that nobody has asked for yet. */
  readonly #gopTimestampsMs: number[] = [];
  readonly #unsubscribe: () => void;

  constructor(stream: LiveStream, options: StreamFanOutOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#unsubscribe = stream.subscribe(this);
    for (const unit of stream.runningGop) this.#gopTimestampsMs.push(this.#advance(unit));
  }

  /** `onEnd` is called once. */
  join(form: WireForm, player: Player, onEnd: () => void): PlayerFeed {
    const { limits, counters, clock } = this.#options;
    const scheduled = this.#outlets.get(form.name) ?? this.#open(form);
    scheduled.players++;
    const { outlet } = scheduled;
    const feed = new PlayerFeed({
      player,
      outlet,
      limits,
      counters,
      nowMs: clock.monotonicMs(),
      onEnd: () => {
        onEnd();
        this.#feeds.delete(feed);
        scheduled.players--;
        if (scheduled.players === 0) this.#close(form.name, scheduled);
      },
    });
    this.#feeds.add(feed);
    outlet.join(feed, undefined);
    return feed;
  }

  onPublisherStart(): void {
    this.#timeline.restart();
    for (const { outlet } of this.#outlets.values()) outlet.restart();
  }

  onTrackConfig(config: TrackConfig): void {
    for (const { outlet } of this.#outlets.values()) outlet.config(config, this.#timeline.latestMs);
  }

  onColorInfo(trackId: number, colorInfo: ColorInfo | undefined): void {
    for (const { outlet } of this.#outlets.values()) outlet.colorInfo(trackId, colorInfo, this.#timeline.latestMs);
  }

  onAccessUnit(unit: AccessUnit): void {
    const timestampMs = this.#advance(unit);
    // The unit is the last one of the GOP, if there is one.
    const { length } = this.#stream.runningGop;
    this.#gopTimestampsMs.length = Math.max(0, length - 1);
    if (length > 0) this.#gopTimestampsMs.push(timestampMs);
    for (const { outlet } of this.#outlets.values()) outlet.unit(unit, timestampMs);
  }

  onData(message: DataMessage): void {
    const timestampMs = this.#timeline.at(message.timestampMs);
    for (const { outlet } of this.#outlets.values()) outlet.data(message, timestampMs);
  }

  /** Players wait for it to come back. */
  onPublisherStop(): void {
    for (const { outlet } of this.#outlets.values()) outlet.flush();
  }

  onEnd(): void {
    for (const feed of this.#feeds) {
      feed.end();
      feed.player.onStreamEnd();
    }
  }

  /**
   * A part of a long merge window: what came first was left unread for that long, and the rest of the window is still
   * to come. The last of its parts shall have been read when it ends, also when each takes a little longer: what is
   * read right after it would begin the next one early. In a shorter window too little comes for it to be worth it.
   */
  patienceMs(): number {
    const windowMs = this.#options.mergeWindowMs();
    return windowMs < longWindowMs ? 0 : windowMs / Math.ceil(windowMs / longestUnreadMs) - lateMs;
  }

  #open(form: WireForm): ScheduledOutlet {
    const scheduled: ScheduledOutlet = {
      outlet: new WireOutlet({
        stream: this.#stream,
        form,
        maxBurstBytes: this.#options.limits.maxQueueBytes,
        nowMs: () => this.#options.clock.monotonicMs(),
        scheduleFlush: () => this.#scheduleFlush(scheduled),
      }),
      players: 0,
      flush: undefined,
    };
    this.#outlets.set(form.name, scheduled);
    const { outlet } = scheduled;
    for (const config of this.#stream.trackConfigs) outlet.config(config, this.#timeline.latestMs);
    for (const [index, unit] of this.#stream.runningGop.entries()) {
      outlet.unit(unit, this.#gopTimestampsMs[index] ?? this.#timeline.latestMs);
    }
    outlet.flush();
    return scheduled;
  }

  #advance(unit: AccessUnit): number {
    return this.#timeline.advance(trackNumber(unit), unit.timestampMs);
  }

  #close(formName: string, scheduled: ScheduledOutlet): void {
    scheduled.flush?.cancel();
    this.#outlets.delete(formName);
    if (this.#outlets.size > 0) return;
    this.#unsubscribe();
    this.#options.onEmpty();
  }

  /** At once means when all that came in one piece has been gathered. */
  #scheduleFlush(scheduled: ScheduledOutlet): void {
    if (scheduled.flush !== undefined) return;
    const flush = (): void => {
      scheduled.flush = undefined;
      scheduled.outlet.flush();
    };
    const windowMs = this.#options.mergeWindowMs() - this.#stream.leftUnreadMs;
    if (windowMs > 0) {
      scheduled.flush = this.#options.clock.after(windowMs, flush);
      return;
    }
    scheduled.flush = atOnce;
    queueMicrotask(flush);
  }
}

/** Stands for a flush that comes so soon that nothing can take it back. */
const atOnce: Timer = { cancel: () => {} };
