import { OwnCopies } from '../base/own-copies.ts';
import { audioFrameSamples, type FillerFrame, silenceAfter } from '../formats/media/audio-frame.ts';
import { type AudioTrackConfig, trackNumber } from '../formats/media/track.ts';
import type { TimedUnit } from './timed-unit.ts';

/** Below this the difference to the publisher's clock is left alone: FLV's milliseconds jitter. */
const slewFromMs = 10;
const slewUntilMs = 2;
/** A frame is stretched or shrunk by one part in this many: 2 samples of 1,024, 2,000 ppm; by a sample at least. */
const slewDivisor = 512;
const insertOrDropFromMs = 100;
const resyncFromMs = 500;
/** Weight of the newest difference; a single late timestamp moves nothing. */
const smoothing = 1 / 16;
/** Sound that is this far behind the other tracks has stopped. */
const stoppedAfterMs = 3_000;
/** How far behind them silence stays then: what is sent late when the sound is back is not lost for it. */
const silenceLagMs = 250;
/** Most silence that one gap may be filled with, whatever the timestamps say. */
const maxFillMs = 10_000;

/**
 * Clocks audio by counted samples: each frame begins where the one before it ended. The publisher's timestamps only
 * steer: a small difference is slewed, one over 100 ms is made good by inserting or dropping a frame, one over 500 ms
 * at once. Gaps are filled with silence, so that the track has no holes; where the codec has no silence that is known
 * (`silenceAfter`), with the last frame again. How long a frame is it says itself, in those codecs that let it.
 */
export class AudioClock {
  readonly #config: AudioTrackConfig;
  readonly #track: number;
  readonly #emit: (unit: TimedUnit) => void;
  #fromMs: number;
  #nextDtsTicks: number | undefined;
  #differenceMs = 0;
  #slewing = false;
  #dropping = false;
  /** The sound has stopped. */
  #isSilent = false;
  /** Of the last frame. */
  readonly #copies = new OwnCopies({ leastBytes: 1_024, mostKeptBytes: 65_536 });
  #last: FillerFrame | undefined;

  /** Nothing of it begins before `fromMs`. */
  constructor(config: AudioTrackConfig, emit: (unit: TimedUnit) => void, fromMs = 0) {
    this.#fromMs = fromMs;
    this.#config = config;
    this.#track = trackNumber(config);
    this.#emit = emit;
  }

  /** Where the track ends so far; `undefined` before its first frame. */
  get endMs(): number | undefined {
    return this.#nextDtsTicks === undefined ? undefined : (this.#nextDtsTicks * 1_000) / this.#config.sampleRate;
  }

  /** A run of time begins, of which nothing begins before `fromMs`. */
  goOnFrom(fromMs: number): void {
    this.#fromMs = Math.max(this.#fromMs, fromMs);
    if (this.endMs === undefined || this.endMs >= fromMs) return;
    this.#nextDtsTicks = Math.round((fromMs * this.#config.sampleRate) / 1_000);
    this.#differenceMs = 0;
  }

  /** `mediaMs` is where the publisher puts the frame. What is no frame of the codec is left out. */
  push(data: Uint8Array, mediaMs: number): void {
    const samples = audioFrameSamples(this.#config, data);
    if (samples === undefined) return;
    const frameMs = this.#msOf(samples);
    // Sound that is back begins where it belongs; nothing of it is there yet that a step could be heard in.
    const toleratedMs = this.#isSilent ? frameMs / 2 : resyncFromMs;
    // Also by a frame that comes too late to be heard: silence that went on beside it would drown out all that follow.
    this.#isSilent = false;
    this.#nextDtsTicks ??= Math.round((Math.max(mediaMs, this.#fromMs) * this.#config.sampleRate) / 1_000);
    const differenceMs = mediaMs - (this.endMs ?? mediaMs);
    if (differenceMs > toleratedMs) {
      this.fillUntil(mediaMs);
    } else if (differenceMs < -toleratedMs) {
      this.#dropping = true;
    }
    if (this.#dropping) {
      if (differenceMs < -frameMs / 2) return;
      this.#dropping = false;
      this.#differenceMs = 0;
    }
    this.#differenceMs += (mediaMs - (this.endMs ?? mediaMs) - this.#differenceMs) * smoothing;
    if (this.#differenceMs < -insertOrDropFromMs) {
      this.#differenceMs += frameMs;
      return;
    }
    if (this.#differenceMs > insertOrDropFromMs) {
      const filler = silenceAfter(this.#config, data) ?? { data, samples };
      this.#differenceMs -= this.#msOf(filler.samples);
      this.#release(filler.data, filler.samples);
    }
    this.#copies.dropAll();
    this.#last = { data: this.#copies.copy(data), samples };
    this.#release(data, samples + this.#slewTicks(samples));
  }

  /** Another track has come to `mediaMs`: silence beside it, once the sound has stopped. */
  accompany(mediaMs: number): void {
    const { endMs } = this;
    if (endMs === undefined) return;
    this.#isSilent ||= mediaMs - endMs > stoppedAfterMs;
    if (this.#isSilent) this.fillUntil(mediaMs - silenceLagMs);
  }

  /** Silence up to `mediaMs`, in whole frames: nothing that would reach beyond it by more than half a frame. */
  fillUntil(mediaMs: number): void {
    const { endMs } = this;
    const last = this.#last;
    if (endMs === undefined || last === undefined) return;
    const filler = silenceAfter(this.#config, last.data) ?? last;
    const frames = Math.round(Math.min(mediaMs - endMs, maxFillMs) / this.#msOf(filler.samples));
    for (let i = 0; i < frames; i++) this.#release(filler.data, filler.samples);
    this.#differenceMs = 0;
  }

  #msOf(samples: number): number {
    return (samples * 1_000) / this.#config.sampleRate;
  }

  #slewTicks(samples: number): number {
    const distance = Math.abs(this.#differenceMs);
    if (distance > slewFromMs) this.#slewing = true;
    else if (distance < slewUntilMs) this.#slewing = false;
    if (!this.#slewing) return 0;
    return Math.sign(this.#differenceMs) * Math.max(1, Math.floor(samples / slewDivisor));
  }

  #release(data: Uint8Array, durationTicks: number): void {
    const dtsTicks = this.#nextDtsTicks ?? 0;
    this.#nextDtsTicks = dtsTicks + durationTicks;
    this.#emit({ track: this.#track, dtsTicks, durationTicks, compositionOffsetTicks: 0, keyframe: true, data });
  }
}
