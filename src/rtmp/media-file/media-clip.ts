import { stat } from 'node:fs/promises';
import { ConfigError } from '../../base/errors.ts';
import { formatDurationMs } from '../../base/units.ts';
import { aacTrackConfig } from '../../formats/aac/audio-specific-config.ts';
import { silentFrame } from '../../formats/aac/silent-frame.ts';
import type { AccessUnit } from '../../formats/media/access-unit.ts';
import type { TrackConfig } from '../../formats/media/track.ts';
import { PassExtent, placedUnit } from './continuous-items.ts';
import type { Demuxer, TimedUnit } from './demuxer.ts';
import { openDemuxer } from './media-file.ts';

/** What a clip may be. */
export interface ClipBounds {
  /** Of the file, and of all access units together. */
  readonly maxBytes: number;
  readonly maxSeconds: number;
  /** From one keyframe to the next, the clip repeated. */
  readonly maxKeyframeSeconds: number;
}

/** A media file with pictures and sound that is held in memory, to be played over and over. */
export interface MediaClip {
  /** In force all the time, video first. */
  readonly trackConfigs: readonly TrackConfig[];
  /** Of one pass. */
  readonly seconds: number;
  /**
   * The access unit with this number, from 0 on without end: decode order, tracks interleaved. `decodeMs` begins at 0
   * and goes on from pass to pass; the timestamp of the unit is the same, cut to 32 bits.
   */
  at(index: number): { readonly decodeMs: number; readonly unit: AccessUnit };
}

/** Shorter, it is a mistake. */
const leastSeconds = 1;
/** More than any clip of the size and length that is let in has; for files that are made to cost something. */
const maxUnits = 500_000;

/**
 * Reads a file that `openMediaFile` opens, once and whole. Where it has no sound, silence is put beside its pictures,
 * so that whoever plays sound does not stop. Throws `ConfigError` in plain words when it is no such file, has no
 * pictures, does not begin with a keyframe, goes back in time, changes its configuration, or is beyond `bounds`.
 */
export async function readMediaClip(path: string, bounds: ClipBounds): Promise<MediaClip> {
  const demuxer = await openDemuxer(path);
  try {
    const { size } = await stat(path);
    if (size > bounds.maxBytes)
      throw unusable(path, `it has ${mebibytes(size)}, at most ${mebibytes(bounds.maxBytes)}`);
    return await readPass(path, demuxer, bounds);
  } finally {
    await demuxer.close();
  }
}

async function readPass(path: string, demuxer: Demuxer, bounds: ClipBounds): Promise<MediaClip> {
  const { trackConfigs } = demuxer;
  if (!trackConfigs.some(({ kind }) => kind === 'video')) throw unusable(path, 'it has no pictures');
  const check = new PassCheck(path, bounds);
  const units: TimedUnit[] = [];
  for await (const item of demuxer.pass()) {
    if (item.kind === 'config') {
      throw unusable(path, `its ${item.config.kind} changes codec or size in the midst: encode it as one piece`);
    }
    check.add(item.unit);
    // A copy: what a demuxer gives may be a view on much more.
    units.push({ ...item.unit, data: Uint8Array.from(item.unit.data) });
  }
  const seconds = check.end();
  const [first] = units;
  if (first === undefined) throw unusable(path, 'it has no pictures');
  const videoOnly = trackConfigs.every(({ kind }) => kind === 'video');
  const silence = videoOnly ? silentTrack(first.decodeSeconds, seconds) : undefined;
  const pass = silence === undefined ? units : interleaved(units, silence.units);
  const startSeconds = first.decodeSeconds;
  return {
    trackConfigs: [...trackConfigs, ...(silence === undefined ? [] : [silence.config])].sort((a, b) =>
      b.kind.localeCompare(a.kind),
    ),
    seconds,
    at: (index) => {
      const unit = pass[index % pass.length] ?? first;
      return placedUnit(unit, Math.floor(index / pass.length) * seconds - startSeconds);
    },
  };
}

/** Looks at each unit of a pass. */
class PassCheck {
  readonly #path: string;
  readonly #bounds: ClipBounds;
  readonly #extent = new PassExtent();
  readonly #lastSeconds = new Map<TimedUnit['kind'], number>();
  #units = 0;
  #bytes = 0;
  #firstKeyframeSeconds: number | undefined;
  #keyframeSeconds = 0;
  #longestSeconds = 0;

  constructor(path: string, bounds: ClipBounds) {
    this.#path = path;
    this.#bounds = bounds;
  }

  add(unit: TimedUnit): void {
    const { maxBytes, maxSeconds } = this.#bounds;
    this.#bytes += unit.data.length;
    if (this.#bytes > maxBytes || ++this.#units > maxUnits) {
      throw unusable(this.#path, `it holds more than ${mebibytes(maxBytes)} or ${maxUnits} frames`);
    }
    const last = this.#lastSeconds.get(unit.kind);
    if (last !== undefined && unit.decodeSeconds < last) {
      throw unusable(this.#path, `the time of its ${unit.kind} goes back at ${shownSeconds(last)}`);
    }
    this.#lastSeconds.set(unit.kind, unit.decodeSeconds);
    this.#extent.add(unit);
    if (this.#extent.seconds > maxSeconds) {
      throw unusable(this.#path, `it is longer than ${formatDurationMs(maxSeconds * 1_000)}`);
    }
    if (unit.kind === 'video') this.#addPicture(unit);
  }

  /** How long the pass lasts. */
  end(): number {
    const { seconds } = this.#extent;
    if (this.#firstKeyframeSeconds === undefined) throw unusable(this.#path, 'it has no pictures');
    if (seconds < leastSeconds) {
      throw unusable(this.#path, `it lasts ${shownSeconds(seconds)}, at least ${leastSeconds} s is needed`);
    }
    this.#noteInterval(this.#firstKeyframeSeconds + seconds);
    const { maxKeyframeSeconds } = this.#bounds;
    if (this.#longestSeconds > maxKeyframeSeconds) {
      throw unusable(
        this.#path,
        `its keyframes are up to ${shownSeconds(this.#longestSeconds)} apart, at most ${maxKeyframeSeconds} s with this ` +
          'origin.live.segment: convert it with ffmpeg -i FILE -c:v libx264 -c:a aac ' +
          `-force_key_frames 'expr:gte(t,n_forced*${Math.max(1, Math.floor(maxKeyframeSeconds))})' OUT.mp4`,
      );
    }
    return seconds;
  }

  #addPicture({ keyframe, decodeSeconds }: TimedUnit): void {
    if (!keyframe) {
      if (this.#firstKeyframeSeconds === undefined) throw unusable(this.#path, 'it does not begin with a keyframe');
      return;
    }
    if (this.#firstKeyframeSeconds === undefined) this.#firstKeyframeSeconds = decodeSeconds;
    else this.#noteInterval(decodeSeconds);
    this.#keyframeSeconds = decodeSeconds;
  }

  #noteInterval(untilSeconds: number): void {
    this.#longestSeconds = Math.max(this.#longestSeconds, untilSeconds - this.#keyframeSeconds);
  }
}

/** AAC-LC, 48 kHz, two channels (ISO/IEC 14496-3 §1.6.2.1). */
const silentDescription = Uint8Array.of(0x11, 0x90);

function silentTrack(fromSeconds: number, seconds: number): { config: TrackConfig; units: TimedUnit[] } {
  const config = aacTrackConfig(silentDescription);
  const data = silentFrame(config) ?? new Uint8Array(0);
  const durationSeconds = config.samplesPerFrame / config.sampleRate;
  const units = Array.from({ length: Math.floor(seconds / durationSeconds) }, (_, index): TimedUnit => {
    const atSeconds = fromSeconds + index * durationSeconds;
    return {
      kind: 'audio',
      decodeSeconds: atSeconds,
      presentationSeconds: atSeconds,
      durationSeconds,
      keyframe: true,
      data,
    };
  });
  return { config, units };
}

/** By decode time; of equal ones the pictures first. */
function interleaved(pictures: readonly TimedUnit[], sound: readonly TimedUnit[]): TimedUnit[] {
  return [...pictures, ...sound].sort((a, b) => a.decodeSeconds - b.decodeSeconds);
}

function unusable(path: string, reason: string): ConfigError {
  return new ConfigError(`${path} cannot be played:`, [reason]);
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_048_576)} MiB`;
}

function shownSeconds(seconds: number): string {
  return `${Number(seconds.toFixed(2))} s`;
}
