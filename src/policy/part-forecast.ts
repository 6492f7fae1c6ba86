import { type TimedTrack, type TimedUnit, timescaleOf } from './timed-unit.ts';

/** A unit that is to come: its decode time. */
export interface ExpectedUnit {
  readonly track: number;
  readonly atSeconds: number;
}

/** The next part of a track goes out when all of these have come, if nothing unexpected does. */
export type ExpectedPart = readonly ExpectedUnit[];

/** Over one to two times this long the soonest arrival is looked for: the way from the encoder may become longer. */
const rememberedMs = 2_000;

/** How far behind its decode time the units of a track come, at the soonest: those that waited unread say nothing. */
interface Delay {
  readonly timescale: number;
  sinceMs: number;
  soonestMs: number;
  soonestBeforeMs: number;
}

/** Says when the units will have come that the next parts wait for. `nowMs` is any clock that does not jump. */
export class PartForecast {
  readonly #delays = new Map<number, Delay>();

  /** A run of time begins: nothing is known of when its units come. */
  onEpoch(tracks: readonly TimedTrack[]): void {
    this.#delays.clear();
    for (const { track, config } of tracks) {
      const timescale = timescaleOf(config);
      this.#delays.set(track, { timescale, sinceMs: -Infinity, soonestMs: Infinity, soonestBeforeMs: Infinity });
    }
  }

  /** A unit has been read; it may have come before. */
  onUnit({ track, dtsTicks }: TimedUnit, nowMs: number): void {
    const delay = this.#delays.get(track);
    if (delay === undefined) return;
    if (nowMs - delay.sinceMs >= rememberedMs) {
      delay.sinceMs = nowMs;
      delay.soonestBeforeMs = delay.soonestMs;
      delay.soonestMs = Infinity;
    }
    delay.soonestMs = Math.min(delay.soonestMs, nowMs - (dtsTicks * 1_000) / delay.timescale);
  }

  /** For so long none of these parts will be whole; 0 if one may be at any moment, or if that is not known. */
  untilNextMs(parts: readonly ExpectedPart[], nowMs: number): number {
    let untilMs = Infinity;
    for (const part of parts) {
      let partMs = -Infinity;
      for (const { track, atSeconds } of part) {
        const delay = this.#delays.get(track);
        if (delay === undefined) return 0;
        const delayMs = Math.min(delay.soonestMs, delay.soonestBeforeMs);
        partMs = Math.max(partMs, atSeconds * 1_000 + delayMs - nowMs);
      }
      untilMs = Math.min(untilMs, partMs);
    }
    return Number.isFinite(untilMs) ? Math.max(0, untilMs) : 0;
  }
}
