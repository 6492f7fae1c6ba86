import { OwnCopies } from '../base/own-copies.ts';
import type { VideoAccessUnit } from '../formats/media/access-unit.ts';
import type { CmafVideoTrackConfig } from '../formats/cmaf/cmaf-track.ts';
import { hevcNalLengthBytes } from '../formats/hevc/decoder-configuration.ts';
import { isSkippedLeadingPicture } from '../formats/hevc/leading-picture.ts';
import { trackNumber } from '../formats/media/track.ts';
import { type TimedUnit, videoTimescale } from './timed-unit.ts';

const ticksPerMs = videoTimescale / 1_000;
/** For a track of a single picture whose rate nobody knows. */
const unknownDurationTicks = videoTimescale / 30;
/**
 * A rate is constant when so many pictures have come as far apart as each other, give or take. FLV counts in
 * milliseconds, so that 33, 33 and 34 follow each other at 30 pictures a second: of 24, 25, 30, 50 and 60 a second twelve
 * are a whole number of milliseconds, and what follows is what was twelve before.
 */
const regularSteps = 12;
const jitterTicks = 3 * ticksPerMs;

/** Takes pictures that have found their place in time. */
export interface PictureSink {
  onUnit(unit: TimedUnit): void;
  /** What `onUnit` will be given next, with the duration that it has if the rate stays what it is. */
  onExpectedUnit(unit: TimedUnit): void;
}

/**
 * Gives pictures their decode times. Holds one, so that its duration is known exactly when it goes out: it lasts
 * until the next one begins. Where the rate is constant it is told of at once, with what its duration will be if nothing
 * happens: a part that it fills need not wait for another.
 *
 * Pictures of HEVC that refer to what was before the first keyframe are left out: nobody has
 * that. Later ones stay, for whoever plays on; who begins at a later keyframe has a decoder that leaves them out itself.
 */
export class VideoClock {
  readonly #track: number;
  readonly #sink: PictureSink;
  /** Of the one that is held. */
  readonly #copies = new OwnCopies({ leastBytes: 16_384, mostKeptBytes: 1_048_576 });
  #held: { readonly unit: VideoAccessUnit; readonly dtsTicks: number } | undefined;
  #durationTicks: number;
  /** Where the last one ends that has gone out. */
  #endTicks: number;
  /** The latest durations, the oldest first. */
  readonly #steps: number[] = [];
  /** Of HEVC. */
  readonly #nalLengthBytes: 1 | 2 | 4 | undefined;
  #keyframes = 0;

  /** No picture begins before `fromMs`. */
  constructor(config: CmafVideoTrackConfig, sink: PictureSink, fromMs = 0) {
    this.#endTicks = Math.round(fromMs * ticksPerMs);
    this.#track = trackNumber(config);
    this.#sink = sink;
    this.#nalLengthBytes = config.codec === 'hevc' ? hevcNalLengthBytes(config.description) : undefined;
    const fps = config.framesPerSecond;
    this.#durationTicks = fps === undefined ? unknownDurationTicks : Math.round(videoTimescale / fps);
  }

  /** `mediaMs` is its decode time. Decode times increase strictly, by a tick at least, whatever was sent. */
  push(unit: VideoAccessUnit, mediaMs: number): void {
    if (unit.keyframe) this.#keyframes++;
    if (this.#refersToNothing(unit)) return;
    const wanted = Math.round(mediaMs * ticksPerMs);
    const dtsTicks = Math.max(wanted, this.#held === undefined ? this.#endTicks : this.#held.dtsTicks + 1);
    this.#releaseUntil(dtsTicks);
    this.#copies.dropAll();
    this.#held = { unit: { ...unit, data: this.#copies.copy(unit.data) }, dtsTicks };
    const expectedTicks = this.#regularDurationTicks();
    if (expectedTicks !== undefined) this.#sink.onExpectedUnit(this.#timed(unit, dtsTicks, expectedTicks));
  }

  /** `undefined` while the rate is not constant. */
  #regularDurationTicks(): number | undefined {
    const steps = this.#steps;
    if (steps.length < regularSteps || Math.max(...steps) - Math.min(...steps) > jitterTicks) return undefined;
    return steps[0];
  }

  #refersToNothing({ data }: VideoAccessUnit): boolean {
    if (this.#keyframes > 1 || this.#nalLengthBytes === undefined) return false;
    return isSkippedLeadingPicture(data, this.#nalLengthBytes);
  }

  /** Where the track ends so far, once it is flushed. */
  get endMs(): number {
    return this.#endTicks / ticksPerMs;
  }

  /** A run of time begins, of which nothing begins before `fromMs`. Only once the track is flushed. */
  goOnFrom(fromMs: number): void {
    this.#endTicks = Math.max(this.#endTicks, Math.round(fromMs * ticksPerMs));
  }

  /** Pictures were missing, and what follows is not known yet: the last one lasts until `mediaMs`. */
  lastUntil(mediaMs: number): void {
    this.#releaseUntil(Math.round(mediaMs * ticksPerMs));
  }

  /**
   * Nothing follows for now: the last picture lasts as long as the one before it, and what comes then begins behind it. There
   * may have been a hole: it lasts until a second after `othersMs` at most, where the other tracks are.
   */
  flush(othersMs: number): void {
    const { dtsTicks = 0 } = this.#held ?? {};
    const latestTicks = Math.max(Math.round(othersMs * ticksPerMs), dtsTicks) + videoTimescale;
    this.#releaseUntil(Math.min(dtsTicks + this.#durationTicks, latestTicks));
    // What comes then may be of another run of time, which must have begun before anything of it is told.
    this.#steps.length = 0;
    this.#copies.letGo();
  }

  #releaseUntil(ticks: number): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#durationTicks = Math.max(1, ticks - held.dtsTicks);
    this.#endTicks = held.dtsTicks + this.#durationTicks;
    this.#steps.push(this.#durationTicks);
    if (this.#steps.length > regularSteps) this.#steps.shift();
    this.#sink.onUnit(this.#timed(held.unit, held.dtsTicks, this.#durationTicks));
  }

  #timed(unit: VideoAccessUnit, dtsTicks: number, durationTicks: number): TimedUnit {
    return {
      track: this.#track,
      dtsTicks,
      durationTicks,
      compositionOffsetTicks: unit.compositionOffsetMs * ticksPerMs,
      keyframe: unit.keyframe,
      data: unit.data,
    };
  }
}
