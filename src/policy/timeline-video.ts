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
 * Gives pictures their decode times. Holds one, so that its duration is known exactly when it goes out: it lasts
 * until the next one begins. Pictures of HEVC that refer to what was before the first keyframe are left out: nobody has
 * that. Later ones stay, for whoever plays on; who begins at a later keyframe has a decoder that leaves them out itself.
 */
export class VideoClock {
  readonly #track: number;
  readonly #emit: (unit: TimedUnit) => void;
  #held: { readonly unit: VideoAccessUnit; readonly dtsTicks: number } | undefined;
  #durationTicks: number;
  /** Of HEVC. */
  readonly #nalLengthBytes: 1 | 2 | 4 | undefined;
  #keyframes = 0;

  constructor(config: CmafVideoTrackConfig, emit: (unit: TimedUnit) => void) {
    this.#track = trackNumber(config);
    this.#emit = emit;
    this.#nalLengthBytes = config.codec === 'hevc' ? hevcNalLengthBytes(config.description) : undefined;
    const fps = config.framesPerSecond;
    this.#durationTicks = fps === undefined ? unknownDurationTicks : Math.round(videoTimescale / fps);
  }

  /** `mediaMs` is its decode time. Decode times increase strictly, by a tick at least, whatever was sent. */
  push(unit: VideoAccessUnit, mediaMs: number): void {
    if (unit.keyframe) this.#keyframes++;
    if (this.#refersToNothing(unit)) return;
    const wanted = Math.round(mediaMs * ticksPerMs);
    const held = this.#held;
    const dtsTicks = held === undefined ? wanted : Math.max(wanted, held.dtsTicks + 1);
    if (held !== undefined) {
      this.#durationTicks = dtsTicks - held.dtsTicks;
      this.#release(held.unit, held.dtsTicks, this.#durationTicks);
    }
    this.#held = { unit, dtsTicks };
  }

  #refersToNothing({ data }: VideoAccessUnit): boolean {
    if (this.#keyframes > 1 || this.#nalLengthBytes === undefined) return false;
    return isSkippedLeadingPicture(data, this.#nalLengthBytes);
  }

  /** Nothing follows: the last picture lasts as long as the one before it. */
  flush(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#release(held.unit, held.dtsTicks, this.#durationTicks);
  }

  #release(unit: VideoAccessUnit, dtsTicks: number, durationTicks: number): void {
    this.#emit({
      track: this.#track,
      dtsTicks,
      durationTicks,
      compositionOffsetTicks: unit.compositionOffsetMs * ticksPerMs,
      keyframe: unit.keyframe,
      data: unit.data,
    });
  }
}
