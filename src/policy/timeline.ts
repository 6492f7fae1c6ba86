import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { CmafTrackConfig } from '../formats/cmaf/cmaf-track.ts';
import { trackNumber } from '../formats/media/track.ts';
import { type TimedUnit, timescaleOf } from './timed-unit.ts';
import { AudioClock } from './timeline-audio.ts';
import type { TimelineSink } from './timeline-sink.ts';
import {
  type Arrival,
  hasNotJumped,
  hasTimestamp,
  newTrack,
  othersPlacedMs,
  otherTrack,
  placedMsAt,
  type Track,
  type TrackClock,
} from './timeline-track.ts';
import { goesOnAtMs, inStepMs, isStepBack, jumpMs } from './timeline-step.ts';
import { SuspendedArrivals, suspendedMs } from './timeline-suspended.ts';
import { TrackGathering } from './timeline-gathering.ts';
import { LateTracks } from './timeline-late-tracks.ts';
import { timestampDistanceMs } from './timeline-unwrap.ts';
import { VideoClock } from './timeline-video.ts';

/** Decode times that go back by more than this have jumped; by less, they jitter. */
const backwardsMs = 500;
/** How far another track must go on undisturbed before a jump is put down to one track alone. */
const judgeMs = 1_000;
/**
 * How far a run of time in which time goes on as it was may go back behind the longest track of the run before: what tracks
 * that are interleaved lag behind each other.
 */
const goesBackMs = 250;
/** Media time of the first access unit: room for another track that begins a little earlier. */
const leadMs = 10_000;

/**
 * Makes one continuous media time out of what publishers send: timestamps that start anywhere, wrap, jitter and jump
 * (docs: rules 1 to 6 of the packager's timestamps). Pure: the wall clock is an argument.
 *
 * Media time and wall clock keep one relation for the stream's life, `wallMsAt`. Where a run of time begins it is set
 * by the wall clock; within a run it follows the publisher's clock, so that drift is corrected only there.
 */
export class Timeline {
  readonly #sink: TimelineSink;
  /** By `trackNumber`, as are the tracks. */
  readonly #configs = new Map<number, CmafTrackConfig>();
  readonly #tracks = new Map<number, Track>();
  readonly #late = new LateTracks();
  #gathering: TrackGathering | undefined;
  readonly #suspended = new SuspendedArrivals();
  /** Wall clock at media time 0. */
  #originWallMs: number | undefined;
  /** Media time − publisher's clock, for all tracks. */
  #offsetMs = 0;
  #offsetKnown = false;
  /** Where the longest track ends. */
  #endMs = 0;
  /** Where the run of time before this one has ended. */
  #floorMs = 0;
  #announced = false;

  constructor(sink: TimelineSink) {
    this.#sink = sink;
  }

  /** The wall clock, in ms, at an instant of media time, in seconds. Before the first access unit: as if at 0. */
  wallMsAt(mediaSeconds: number): number {
    return (this.#originWallMs ?? 0) + mediaSeconds * 1_000;
  }

  /** The relation to the wall clock; `undefined` before the first access unit. */
  get originWallMs(): number | undefined {
    return this.#originWallMs;
  }

  /** Where a timestamp of the publisher lies in media time, in seconds; `undefined` while nothing is placed. */
  mediaSecondsAt(timestampMs: number): number | undefined {
    const placedMs = placedMsAt(this.#tracks.values(), timestampMs);
    return placedMs === undefined ? undefined : (placedMs + this.#offsetMs) / 1_000;
  }

  /** Goes on after a restart with the media time that there was, of which `endSeconds` are used. */
  resume(originWallMs: number, endSeconds: number): void {
    this.#originWallMs = originWallMs;
    this.#endMs = endSeconds * 1_000;
  }

  /** A publisher begins: new timestamps, new configurations, and a new set of tracks. */
  startPublication(): void {
    this.stopPublication();
    this.#gathering = new TrackGathering();
  }

  /**
   * Before the first access unit: what there is. Later: the decoder must be set up anew, so a discontinuity, in
   * which time goes on as it was.
   */
  setTrackConfig(config: CmafTrackConfig): void {
    const number = trackNumber(config);
    this.#configs.set(number, config);
    if (this.#gathering !== undefined) return;
    const track = this.#tracks.get(number);
    if (track === undefined) {
      this.#sink.onLateTrack(config);
      return;
    }
    this.#release();
    track.clock = this.#makeClock(config, track.clock.clock.endMs);
  }

  push(unit: AccessUnit, wallMs: number): void {
    const gathering = this.#gathering;
    if (gathering !== undefined) {
      gathering.add(unit, wallMs);
      if (gathering.isComplete(this.#configs.keys())) this.#beginRun(gathering);
      return;
    }
    this.#joinLateTracks(unit, wallMs);
    const track = this.#tracks.get(trackNumber(unit));
    if (track === undefined) return;
    track.heardWallMs = wallMs;
    const publisherMs = this.#unwrap(track, unit);
    this.#receive({ track, unit, wallMs, publisherMs, besideMs: othersPlacedMs(this.#tracks.values(), track) });
  }

  /** The publisher has left: everything held goes out. */
  stopPublication(): void {
    if (this.#gathering !== undefined && this.#gathering.units.length > 0) this.#beginRun(this.#gathering);
    this.#judgeAllSuspended();
    this.#suspended.takeAll();
    this.#flushClocks();
    this.#gathering = undefined;
    this.#tracks.clear();
    this.#configs.clear();
    this.#late.clear();
  }

  /** A publication's first run: its tracks are those that have sent something. */
  #beginRun({ units, sent }: TrackGathering): void {
    this.#gathering = undefined;
    for (const [number, config] of this.#configs) {
      if (sent.has(number)) this.#tracks.set(number, newTrack(this.#makeClock(config)));
      else this.#sink.onLateTrack(config);
    }
    this.#announced = false;
    this.#offsetKnown = false;
    for (const { unit, wallMs } of units) this.push(unit, wallMs);
  }

  /** Those that have begun since the run did. */
  #joinLateTracks(unit: AccessUnit, wallMs: number): void {
    const number = trackNumber(unit);
    if (!this.#tracks.has(number) && this.#configs.has(number)) this.#late.note(number, wallMs);
    const joining = this.#late.joiningWith(unit, this.#tracks.keys(), wallMs);
    if (joining.length > 0) this.#release();
    for (const joins of joining) {
      const config = this.#configs.get(joins);
      if (config !== undefined) this.#tracks.set(joins, newTrack(this.#makeClock(config)));
    }
  }

  /** All that is held goes out; what follows belongs to another run, in which time goes on as it was. */
  #release(): void {
    this.#judgeAllSuspended();
    this.#flushClocks();
    this.#announced = false;
    for (const { clock } of this.#tracks.values()) clock.clock.goOnFrom(this.#endMs - goesBackMs);
  }

  #makeClock(config: CmafTrackConfig, endMs = 0): TrackClock {
    const fromMs = Math.max(endMs, this.#endMs - goesBackMs);
    const timescale = timescaleOf(config);
    const emit = (unit: TimedUnit) => {
      if (!this.#announced) {
        this.#announced = true;
        const tracks = [...this.#tracks].map(([track, { clock }]) => ({ track, config: clock.config }));
        this.#sink.onEpoch(tracks.sort((a, b) => a.track - b.track));
      }
      this.#endMs = Math.max(this.#endMs, ((unit.dtsTicks + unit.durationTicks) * 1_000) / timescale);
      this.#sink.onUnit(unit);
    };
    const pictures = { onUnit: emit, onExpectedUnit: (unit: TimedUnit) => this.#sink.onExpectedUnit(unit) };
    return config.kind === 'video'
      ? { kind: 'video', config, clock: new VideoClock(config, pictures, fromMs) }
      : { kind: 'audio', config, clock: new AudioClock(config, emit, fromMs) };
  }

  #flushClocks(): void {
    for (const track of this.#tracks.values()) {
      if (track.clock.kind === 'audio') continue;
      track.clock.clock.flush(
        (othersPlacedMs(this.#tracks.values(), track) ?? Number.POSITIVE_INFINITY) + this.#offsetMs,
      );
    }
  }

  /** Rule 1. A track's first timestamp is measured from another track's last. */
  #unwrap(track: Track, unit: AccessUnit): number {
    const from = track.timestampMs === undefined ? otherTrack(this.#tracks.values(), track, hasTimestamp) : track;
    track.publisherMs =
      from?.timestampMs === undefined
        ? unit.timestampMs
        : from.publisherMs + timestampDistanceMs(from.timestampMs, unit.timestampMs);
    track.timestampMs = unit.timestampMs;
    return track.publisherMs;
  }

  /** Rule 3: what has jumped is held until the other tracks have shown whether they jump too. */
  #receive(arrival: Arrival): void {
    const { track } = arrival;
    const hasJumped = this.#hasJumped(arrival);
    if (track.othersMs !== undefined) {
      if (hasJumped) {
        this.#suspended.add(arrival);
        this.#judgeWhenFull(arrival);
        return;
      }
      this.#keepInStep(arrival);
      this.#placeSlipped(track, arrival.publisherMs + track.clampMs);
      this.#receive(arrival);
      return;
    }
    if (!hasJumped) {
      this.#keepInStep(arrival);
      this.#place(arrival);
      if (!this.#suspended.isEmpty) this.#clampWhatIsLeftBehind(track.placedMs ?? 0);
      return;
    }
    this.#suspended.add(arrival);
    const othersMs = othersPlacedMs(this.#tracks.values(), track, hasNotJumped);
    this.#closeHole(arrival);
    // All have jumped that were there. Back by little they may jitter: would a run of time begin each time, it would begin where
    // the farthest has come by jitter, and media time would leave the wall clock behind.
    if (othersMs === undefined && !isStepBack(arrival)) this.#restart();
    else {
      const besideMs = arrival.besideMs ?? track.placedMs ?? arrival.publisherMs;
      track.othersMs = Math.min(othersMs ?? besideMs, besideMs);
    }
  }

  #hasJumped({ track, publisherMs }: Arrival): boolean {
    const { placedMs } = track;
    if (placedMs === undefined) return false;
    // A clamped track that is back where it belongs.
    if (track.clampMs !== 0 && Math.abs(publisherMs - placedMs - track.stepMs) <= backwardsMs) track.clampMs = 0;
    const step = publisherMs + track.clampMs - placedMs;
    if (step >= -backwardsMs && step <= jumpMs) return false;
    // By its own clock, or as it was clamped.
    if (this.#isHole(track, publisherMs)) {
      track.clampMs = 0;
      return false;
    }
    return !this.#isHole(track, publisherMs + track.clampMs);
  }

  /** Not a jump: the track was away while another went on, and is back beside it. */
  #isHole(track: Track, atMs: number): boolean {
    const isBeside = ({ placedMs }: Track) => placedMs !== undefined && Math.abs(atMs - placedMs) <= jumpMs;
    return atMs - (track.placedMs ?? atMs) > jumpMs && otherTrack(this.#tracks.values(), track, isBeside) !== undefined;
  }

  /** Whatever is judged of what has come after a hole: it is as long as the others have gone on. */
  #closeHole(arrival: Arrival): void {
    const { clock, placedMs, stepMs } = arrival.track;
    const untilMs = goesOnAtMs(arrival);
    if (clock.kind === 'video' && placedMs !== undefined && untilMs - placedMs > stepMs)
      clock.clock.lastUntil(untilMs + this.#offsetMs);
  }

  /** Tracks that come apart bit by bit are clamped too. */
  #keepInStep(arrival: Arrival): void {
    const { track, publisherMs } = arrival;
    if (track.placedMs === undefined) return;
    const wantedMs = publisherMs + track.clampMs;
    const ms = inStepMs(arrival, wantedMs, this.#tracks.values(), this.#offsetMs + (this.#originWallMs ?? 0));
    if (ms !== wantedMs) track.clampMs = Math.max(track.placedMs, ms) - publisherMs;
  }

  #judgeWhenFull({ track, wallMs }: Arrival): void {
    const allHaveJumped = othersPlacedMs(this.#tracks.values(), track, hasNotJumped) === undefined;
    if (this.#suspended.isFull(track, wallMs) || (allHaveJumped && this.#suspended.isInOrder(track)))
      this.#judgeSuspended(track);
  }

  /** A track that has not jumped has come to `placedMs`: those that were held too long by then have jumped alone. */
  #clampWhatIsLeftBehind(placedMs: number): void {
    for (const track of this.#tracks.values()) {
      if (track.othersMs === undefined || placedMs - track.othersMs <= judgeMs) continue;
      if (!this.#suspended.mayJitter(track)) this.#clampSuspended(track);
    }
  }

  #judgeAllSuspended(): void {
    for (const track of this.#tracks.values()) {
      if (this.#suspended.mayJitter(track)) this.#placeSlipped(track, track.placedMs ?? 0);
      else this.#judgeSuspended(track);
    }
  }

  /** Another track has gone on: clamp. All are silent as well: nothing is left to be in step with, so begin anew. */
  #judgeSuspended(track: Track): void {
    const { othersMs } = track;
    if (othersMs === undefined) return;
    if ((othersPlacedMs(this.#tracks.values(), track, hasNotJumped) ?? othersMs) - othersMs < suspendedMs / 5)
      this.#restart();
    else this.#clampSuspended(track);
  }

  /** What has jumped, only to be back, goes between where the track was and where it goes on. */
  #placeSlipped(track: Track, untilMs: number): void {
    const { clampMs, placedMs } = track;
    const arrivals = this.#takeSuspended(track);
    const fromMs = placedMs ?? untilMs;
    const stepMs = Math.max(0, untilMs - fromMs) / (arrivals.length + 1);
    arrivals.forEach((arrival, index) => {
      track.clampMs = fromMs + stepMs * (index + 1) - arrival.publisherMs;
      this.#place(arrival);
    });
    track.clampMs = clampMs;
  }

  #takeSuspended(track: Track): Arrival[] {
    track.othersMs = undefined;
    return this.#suspended.take(track);
  }

  /** What has jumped goes on where the track was, as if it had not. */
  #clampSuspended(track: Track): void {
    const [first, ...rest] = this.#takeSuspended(track);
    if (first === undefined) return;
    track.clampMs = goesOnAtMs(first) - first.publisherMs;
    this.#keepInStep(first);
    this.#place(first);
    for (const arrival of rest) this.#receive(arrival);
  }

  /** All tracks have jumped: a new run of time, set by the wall clock. */
  #restart(): void {
    const arrivals = this.#suspended.takeAll();
    this.#flushClocks();
    for (const track of this.#tracks.values()) {
      track.clock = this.#makeClock(track.clock.config);
      track.placedMs = undefined;
      track.besideMs = undefined;
      track.clampMs = 0;
      track.othersMs = undefined;
    }
    this.#announced = false;
    this.#offsetKnown = false;
    for (const arrival of arrivals) this.#receive({ ...arrival, besideMs: undefined });
  }

  #place({ track, unit, publisherMs, wallMs, besideMs }: Arrival): void {
    if (!this.#offsetKnown) {
      this.#offsetKnown = true;
      this.#originWallMs ??= wallMs - leadMs;
      // Rule 6; never back, not even when a publisher has sent faster than time goes by.
      this.#offsetMs = Math.max(wallMs - this.#originWallMs, this.#endMs) - publisherMs;
      this.#floorMs = this.#endMs;
    }
    if (track.placedMs === undefined) {
      // Tracks whose clocks have nothing to do with each other: the later is laid beside the others.
      const apartMs = publisherMs - (othersPlacedMs(this.#tracks.values(), track) ?? publisherMs);
      track.clampMs = Math.abs(apartMs) > jumpMs ? -apartMs : 0;
    } else {
      track.stepMs = Math.max(0, Math.min(publisherMs + track.clampMs - track.placedMs, jumpMs));
    }
    track.placedMs = publisherMs + track.clampMs;
    track.placedWallMs = wallMs;
    track.besideMs = besideMs ?? othersPlacedMs(this.#tracks.values(), track) ?? track.placedMs;
    const mediaMs = track.placedMs + this.#offsetMs;
    // Another track begins earlier than the first, where the run before has not ended yet.
    if (mediaMs < this.#floorMs) return;
    const { clock } = track;
    if (clock.kind === 'audio') clock.clock.push(unit.data, mediaMs);
    else if (unit.kind === 'video') clock.clock.push(unit, mediaMs);
    for (const other of this.#tracks.values()) {
      if (other !== track && other.clock.kind === 'audio') other.clock.clock.accompany(mediaMs);
    }
  }
}
