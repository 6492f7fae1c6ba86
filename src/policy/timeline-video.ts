import type { VideoAccessUnit } from '../formats/media/access-unit.ts';
import type { CmafVideoTrackConfig } from '../formats/cmaf/cmaf-track.ts';
import { trackNumber } from '../formats/media/track.ts';
import { type TimedUnit, videoTimescale } from './timed-unit.ts';

const ticksPerMs = videoTimescale / 1_000;
/** For a track of a single picture whose rate nobody knows. */
const unknownDurationTicks = videoTimescale / 30;

/**
 * Gives pictures their decode times. Holds one, so that its duration is known exactly when it goes out: it lasts
 * until the next one begins.
 */
export class VideoClock {
  readonly #track: number;
  readonly #emit: (unit: TimedUnit) => void;
  #held: { readonly unit: VideoAccessUnit; readonly dtsTicks: number } | undefined;
  #durationTicks: number;

  constructor(config: CmafVideoTrackConfig, emit: (unit: TimedUnit) => void) {
    this.#track = trackNumber(config);
    this.#emit = emit;
    const fps = config.framesPerSecond;
    this.#durationTicks = fps === undefined ? unknownDurationTicks : Math.round(videoTimescale / fps);
  }

  /** `mediaMs` is its decode time. Decode times increase strictly, by a tick at least, whatever was sent. */
  push(unit: VideoAccessUnit, mediaMs: number): void {
    const wanted = Math.round(mediaMs * ticksPerMs);
    const held = this.#held;
    const dtsTicks = held === undefined ? wanted : Math.max(wanted, held.dtsTicks + 1);
    if (held !== undefined) {
      this.#durationTicks = dtsTicks - held.dtsTicks;
      this.#release(held.unit, held.dtsTicks, this.#durationTicks);
    }
    this.#held = { unit, dtsTicks };
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
