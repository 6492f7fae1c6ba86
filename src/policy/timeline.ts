import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { CmafTrackConfig } from '../formats/cmaf/cmaf-track.ts';
import type { AacTrackConfig, AvcTrackConfig } from '../formats/media/track.ts';
import { type TimedUnit, timescaleOf } from './timed-unit.ts';
import { AudioClock } from './timeline-audio.ts';
import { timestampDistanceMs } from './timeline-unwrap.ts';
import { VideoClock } from './timeline-video.ts';

/** A step of more than this is no longer a matter of frame durations. */
const jumpMs = 3_000;
/** Decode times that go back by more than this have jumped; by less, they jitter. */
const backwardsMs = 500;
/** How near the other track's clock a track must land for its step to be a hole and not a jump. */
const nearMs = 1_000;
/** How far the other track must go on undisturbed before a jump is put down to one track alone. */
const judgeMs = 1_000;
/** How much of the jumping track is kept while waiting for that. */
const suspendedMs = 1_500;
const suspendedUnits = 400;
/** How long the set of tracks stays open after the first access unit. */
const gatherMs = 1_000;
const gatherUnits = 400;
/** A track of sound that lags this far behind the pictures has stopped; silence takes its place. */
const audioLagMs = 3_000;
/** Media time of the first access unit: room for a second track that begins a little earlier. */
const leadMs = 10_000;

/** Who takes what the timeline gives, in decode order within each track. */
export interface TimelineSink {
  /**
   * A run of continuous time begins, with the tracks it has, video first. All but the first are discontinuities.
   * Comes before the first access unit of the run.
   */
  onEpoch(tracks: readonly CmafTrackConfig[]): void;
  onUnit(unit: TimedUnit): void;
  /** A track that was not there when the run began; what it sends is dropped until the next run. */
  onLateTrack(kind: CmafTrackConfig['kind']): void;
}

interface Arrival {
  readonly unit: AccessUnit;
  /** The publisher's clock without its wraps: one zero for all tracks. */
  readonly publisherMs: number;
  readonly wallMs: number;
}

type TrackClock =
  | { readonly kind: 'video'; readonly config: AvcTrackConfig; readonly clock: VideoClock }
  | { readonly kind: 'audio'; readonly config: AacTrackConfig; readonly clock: AudioClock };

interface Track {
  clock: TrackClock;
  /** The last timestamp, as it came and without wraps. */
  timestampMs: number | undefined;
  publisherMs: number;
  /** Added to the publisher's clock while this track alone has jumped; otherwise 0. */
  clampMs: number;
  /** Where the last unit was put, on the publisher's clock; `undefined` before the first one of a run. */
  placedMs: number | undefined;
  /** From the unit before it to that one. */
  stepMs: number;
}

/**
 * Makes one continuous media time out of what publishers send: timestamps that start anywhere, wrap, jitter and jump
 * (docs: rules 1 to 6 of the packager's timestamps). Pure: the wall clock is an argument.
 *
 * Media time and wall clock keep one relation for the stream's life, `wallMsAt`. Where a run of time begins it is set
 * by the wall clock; within a run it follows the publisher's clock, so that drift is corrected only there.
 */
export class Timeline {
  readonly #sink: TimelineSink;
  readonly #configs = new Map<CmafTrackConfig['kind'], CmafTrackConfig>();
  readonly #tracks = new Map<CmafTrackConfig['kind'], Track>();
  #gathered: { readonly unit: AccessUnit; readonly wallMs: number }[] | undefined;
  #suspended:
    | { readonly kind: CmafTrackConfig['kind']; readonly arrivals: Arrival[]; readonly otherMs: number }
    | undefined;
  /** Wall clock at media time 0. */
  #originWallMs: number | undefined;
  /** Media time − publisher's clock, for all tracks. */
  #offsetMs = 0;
  #offsetKnown = false;
  /** Where the longest track ends. */
  #endMs = 0;
  #announced = false;

  constructor(sink: TimelineSink) {
    this.#sink = sink;
  }

  /** The wall clock, in ms, at an instant of media time, in seconds. Before the first access unit: as if at 0. */
  wallMsAt(mediaSeconds: number): number {
    return (this.#originWallMs ?? 0) + mediaSeconds * 1_000;
  }

  /** A publisher begins: new timestamps, new configurations, and a new set of tracks. */
  startPublication(): void {
    this.stopPublication();
    this.#gathered = [];
  }

  /**
   * Before the first access unit: what there is. Later: the decoder must be set up anew, so a discontinuity, in
   * which time goes on as it was.
   */
  setTrackConfig(config: CmafTrackConfig): void {
    this.#configs.set(config.kind, config);
    if (this.#gathered !== undefined) return;
    const track = this.#tracks.get(config.kind);
    if (track === undefined) {
      this.#sink.onLateTrack(config.kind);
      return;
    }
    this.#judgeSuspended();
    this.#flushClocks();
    track.clock = this.#makeClock(config);
    this.#announced = false;
  }

  push(unit: AccessUnit, wallMs: number): void {
    const gathered = this.#gathered;
    if (gathered !== undefined) {
      gathered.push({ unit, wallMs });
      if (this.#setOfTracksIsKnown(gathered)) this.#beginRun(gathered);
      return;
    }
    const track = this.#tracks.get(unit.kind);
    if (track !== undefined) this.#receive(track, { unit, wallMs, publisherMs: this.#unwrap(track, unit) });
  }

  /** The publisher has left: everything held goes out. */
  stopPublication(): void {
    if (this.#gathered !== undefined && this.#gathered.length > 0) this.#beginRun(this.#gathered);
    this.#judgeSuspended();
    this.#suspended = undefined;
    this.#flushClocks();
    this.#gathered = undefined;
    this.#tracks.clear();
    this.#configs.clear();
  }

  #setOfTracksIsKnown(gathered: readonly { readonly unit: AccessUnit }[]): boolean {
    const first = gathered[0];
    const last = gathered.at(-1);
    if (first === undefined || last === undefined) return false;
    return (
      gathered.some(({ unit }) => unit.kind !== first.unit.kind) ||
      gathered.length >= gatherUnits ||
      Math.abs(timestampDistanceMs(first.unit.timestampMs, last.unit.timestampMs)) >= gatherMs
    );
  }

  /** A publication's first run: its tracks are those that have sent something. */
  #beginRun(gathered: readonly { readonly unit: AccessUnit; readonly wallMs: number }[]): void {
    this.#gathered = undefined;
    for (const kind of ['video', 'audio'] as const) {
      const config = this.#configs.get(kind);
      if (config === undefined) continue;
      if (!gathered.some(({ unit }) => unit.kind === kind)) {
        this.#sink.onLateTrack(kind);
        continue;
      }
      this.#tracks.set(kind, {
        clock: this.#makeClock(config),
        timestampMs: undefined,
        publisherMs: 0,
        clampMs: 0,
        placedMs: undefined,
        stepMs: 0,
      });
    }
    this.#announced = false;
    this.#offsetKnown = false;
    for (const { unit, wallMs } of gathered) this.push(unit, wallMs);
  }

  #makeClock(config: CmafTrackConfig): TrackClock {
    const timescale = timescaleOf(config);
    const emit = (unit: TimedUnit) => {
      if (!this.#announced) {
        this.#announced = true;
        this.#sink.onEpoch([...this.#tracks.values()].map((track) => track.clock.config));
      }
      this.#endMs = Math.max(this.#endMs, ((unit.dtsTicks + unit.durationTicks) * 1_000) / timescale);
      this.#sink.onUnit(unit);
    };
    return config.kind === 'video'
      ? { kind: 'video', config, clock: new VideoClock(config, emit) }
      : { kind: 'audio', config, clock: new AudioClock(config, emit) };
  }

  #flushClocks(): void {
    for (const { clock } of this.#tracks.values()) clock.clock.flush();
  }

  #otherTrack(track: Track): Track | undefined {
    return [...this.#tracks.values()].find((other) => other !== track);
  }

  /** Rule 1. A track's first timestamp is measured from the other track's last. */
  #unwrap(track: Track, unit: AccessUnit): number {
    const from = track.timestampMs === undefined ? this.#otherTrack(track) : track;
    track.publisherMs =
      from?.timestampMs === undefined
        ? unit.timestampMs
        : from.publisherMs + timestampDistanceMs(from.timestampMs, unit.timestampMs);
    track.timestampMs = unit.timestampMs;
    return track.publisherMs;
  }

  /** Rule 3: what has jumped is held until the other track has shown whether it jumps too. */
  #receive(track: Track, arrival: Arrival): void {
    const suspended = this.#suspended;
    if (suspended?.kind === arrival.unit.kind) {
      if (!this.#hasJumped(track, arrival)) {
        // It was a slip: the track goes on from where it was.
        this.#clampSuspended(track, suspended.arrivals);
        this.#receive(track, arrival);
        return;
      }
      suspended.arrivals.push(arrival);
      const span = arrival.publisherMs - (suspended.arrivals[0]?.publisherMs ?? 0);
      if (Math.abs(span) > suspendedMs || suspended.arrivals.length >= suspendedUnits) this.#judgeSuspended();
      return;
    }
    if (suspended !== undefined) {
      if (this.#hasJumped(track, arrival)) {
        this.#restart([...suspended.arrivals, arrival]);
        return;
      }
      this.#place(track, arrival);
      if ((track.placedMs ?? 0) - suspended.otherMs > judgeMs) this.#judgeSuspended();
      return;
    }
    if (!this.#hasJumped(track, arrival)) {
      this.#place(track, arrival);
      return;
    }
    const other = this.#otherTrack(track);
    if (other?.placedMs === undefined) this.#restart([arrival]);
    else this.#suspended = { kind: arrival.unit.kind, arrivals: [arrival], otherMs: other.placedMs };
  }

  #hasJumped(track: Track, { publisherMs }: Arrival): boolean {
    const { placedMs } = track;
    if (placedMs === undefined) return false;
    // A clamped track that is back where it belongs.
    if (track.clampMs !== 0 && Math.abs(publisherMs - placedMs - track.stepMs) <= backwardsMs) track.clampMs = 0;
    const step = publisherMs + track.clampMs - placedMs;
    if (step >= -backwardsMs && step <= jumpMs) return false;
    // The track was away while the other went on, and is back: a hole, not a jump.
    const other = this.#otherTrack(track);
    const isHole =
      step > jumpMs &&
      track.clampMs === 0 &&
      other?.clampMs === 0 &&
      other.placedMs !== undefined &&
      Math.abs(publisherMs - other.placedMs) <= nearMs;
    return !isHole;
  }

  /** The other track has gone on: clamp. It is silent as well: nothing is left to be in step with, so begin anew. */
  #judgeSuspended(): void {
    const suspended = this.#suspended;
    const track = suspended && this.#tracks.get(suspended.kind);
    if (suspended === undefined || track === undefined) return;
    const otherMs = this.#otherTrack(track)?.placedMs ?? suspended.otherMs;
    if (otherMs - suspended.otherMs < suspendedMs / 5) {
      this.#restart(suspended.arrivals);
      return;
    }
    this.#clampSuspended(track, suspended.arrivals);
  }

  /** What has jumped goes on where the track was, as if it had not. */
  #clampSuspended(track: Track, arrivals: readonly Arrival[]): void {
    this.#suspended = undefined;
    const first = arrivals[0];
    if (first === undefined) return;
    track.clampMs = (track.placedMs ?? first.publisherMs) + track.stepMs - first.publisherMs;
    for (const arrival of arrivals) this.#receive(track, arrival);
  }

  /** Both tracks have jumped (or the only one): a new run of time, set by the wall clock. */
  #restart(arrivals: readonly Arrival[]): void {
    this.#suspended = undefined;
    this.#flushClocks();
    for (const track of this.#tracks.values()) {
      track.clock = this.#makeClock(track.clock.config);
      track.placedMs = undefined;
      track.clampMs = 0;
    }
    this.#announced = false;
    this.#offsetKnown = false;
    for (const arrival of arrivals) {
      const track = this.#tracks.get(arrival.unit.kind);
      if (track !== undefined) this.#receive(track, arrival);
    }
  }

  #place(track: Track, { unit, publisherMs, wallMs }: Arrival): void {
    if (!this.#offsetKnown) {
      this.#offsetKnown = true;
      this.#originWallMs ??= wallMs - leadMs;
      // Rule 6; never back, not even when a publisher has sent faster than time goes by.
      this.#offsetMs = Math.max(wallMs - this.#originWallMs, this.#endMs) - publisherMs;
    }
    const other = this.#otherTrack(track);
    if (track.placedMs === undefined) {
      // Two tracks whose clocks have nothing to do with each other: the second is laid beside the first.
      const apart = other?.placedMs === undefined ? 0 : publisherMs - other.placedMs;
      track.clampMs = Math.abs(apart) > jumpMs ? -apart : 0;
    } else {
      track.stepMs = Math.max(0, Math.min(publisherMs + track.clampMs - track.placedMs, jumpMs));
    }
    track.placedMs = publisherMs + track.clampMs;
    const mediaMs = track.placedMs + this.#offsetMs;
    const { clock } = track;
    if (clock.kind === 'audio') {
      clock.clock.push(unit.data, mediaMs);
      return;
    }
    if (unit.kind === 'video') clock.clock.push(unit, mediaMs);
    if (other?.clock.kind === 'audio') {
      const { clock: audio } = other.clock;
      if (audio.endMs !== undefined && mediaMs - audio.endMs > audioLagMs)
        audio.fillUntil(mediaMs - audioLagMs + 1_000);
    }
  }
}
