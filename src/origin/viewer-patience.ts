import type { Clock } from '../base/clock.ts';
import { PartForecast } from '../policy/part-forecast.ts';
import type { SegmentCutter } from '../policy/segment-cutter.ts';
import type { ExpectingSink } from '../policy/target-learner.ts';

/** Who watches asks again within this time, however long segments are and however long a request is held. */
const watchedMs = 60_000;
/** So much before what fills a part is to come, what comes is read at once: timers are late, encoders sometimes early. */
const readyMs = 5;
/** Forecasts fail: then no part is later than by this. Parts of pictures and of sound come at about the same time. */
const longestMs = 300;
/** What there is is no staler than this for who does not wait for parts. */
const stalestMs = 100;
/** Who waits for a part waits for the next one within this time, however long it takes him to show it. */
const awaitedMs = 10_000;

/**
 * How long those who watch a stream over HTTP can wait for what the publisher sends next: what is in the midst of a part
 * can wait, what makes one whole cannot. As long as nobody waits for what is yet to come, all of it can until somebody asks.
 */
export class ViewerPatience {
  readonly #clock: Clock;
  readonly #forecast = new PartForecast();
  #cutter: SegmentCutter | undefined;
  #watchedUntilMs = -Infinity;
  #awaitedUntilMs = -Infinity;
  /** When somebody last wanted what there was. */
  #wantedAtMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isWatched(): boolean {
    return this.#clock.monotonicMs() < this.#watchedUntilMs;
  }

  get isAwaited(): boolean {
    return this.#clock.monotonicMs() < this.#awaitedUntilMs;
  }

  /** Somebody has asked for something of the stream. Returns whether nobody had lately. */
  watched(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const isNew = nowMs >= this.#watchedUntilMs;
    this.#watchedUntilMs = nowMs + watchedMs;
    return isNew;
  }

  /** Somebody waits for what is yet to come. Returns whether nobody had lately: then all that was left unread is to be read. */
  awaited(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const isNew = nowMs >= this.#awaitedUntilMs;
    this.#awaitedUntilMs = nowMs + awaitedMs;
    if (isNew) this.#wantedAtMs = nowMs;
    return isNew;
  }

  /** Somebody asks for what there is. Returns whether all that was left unread is to be read for it. */
  wanted(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#awaitedUntilMs || nowMs < this.#wantedAtMs + stalestMs) return false;
    this.#wantedAtMs = nowMs;
    return true;
  }

  /** Takes what is for the cutter, which makes the parts that are waited for, and hands it on. */
  before(cutter: SegmentCutter): ExpectingSink {
    this.#cutter = cutter;
    return {
      onEpoch: (tracks) => {
        this.#forecast.onEpoch(tracks);
        cutter.onEpoch(tracks);
      },
      onUnit: (unit) => {
        this.#forecast.onUnit(unit, this.#clock.monotonicMs());
        cutter.onUnit(unit);
      },
      onExpectedUnit: (unit) => {
        this.#forecast.onUnit(unit, this.#clock.monotonicMs());
        cutter.onExpectedUnit(unit);
      },
    };
  }

  /** `Infinity` while nobody waits for parts; 0 or less while a part may be whole at any moment. */
  leftMs(): number {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#awaitedUntilMs) return Infinity;
    return Math.min(longestMs, this.#forecast.untilNextMs(this.#cutter?.expectedParts ?? [], nowMs) - readyMs);
  }
}
