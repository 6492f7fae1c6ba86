import { ProtocolError } from '../../base/errors.ts';
import type { KeyframeTable, Reading, StoredCursor, StoredItem, StoredMedia } from '../media/stored-media.ts';
import type { TrackConfig } from '../media/track.ts';
import { configOfKeyframe } from './in-band-configuration.ts';
import { FragmentSamples } from './fragment-samples.ts';
import { decodeMp4Index, encodeMp4Index } from './index-record.ts';
import type { Mp4Limits } from './limits.ts';
import type { Mp4Index, Mp4Track } from './mp4-index.ts';
import { decodeMs, timingOf, type TimedSample } from './presentation.ts';
import { readMp4Index } from './read-index.ts';
import type { SampleSource } from './sample-source.ts';
import { TableSamples } from './table-samples.ts';

/** Opens an MP4 or MOV file: asks for what must be read of it to play it from anywhere. Throws as `readMp4Index`. */
export function* openMp4(lengthBytes: number, limits?: Mp4Limits): Reading<Mp4Media> {
  return new Mp4Media(yield* readMp4Index(lengthBytes, limits));
}

/** What `Mp4Media.encode` has written, of which it holds views. Throws `ProtocolError` for what is damaged or of another version. */
export function decodeMp4(bytes: Uint8Array): Mp4Media {
  return new Mp4Media(decodeMp4Index(bytes));
}

/** More are of no use to a player, and would make `onMetaData` as long as the index. */
const mostKeyframes = 65_536;

/**
 * The file as it is played. A cursor tells a configuration where it is another than that of `trackConfigs`, or than the
 * one before it. It throws `ProtocolError` where the file ends before a sample does.
 */
export class Mp4Media implements StoredMedia {
  readonly container = 'mp4';
  readonly durationMs: number;
  readonly lengthBytes: number;
  readonly trackConfigs: readonly TrackConfig[];
  readonly index: Mp4Index;
  #keyframes: KeyframeTable | undefined;

  constructor(index: Mp4Index) {
    this.index = index;
    this.durationMs = index.durationMs;
    this.lengthBytes = index.lengthBytes;
    this.trackConfigs = index.tracks.map((track) => firstConfig(track));
  }

  get keyframes(): KeyframeTable {
    this.#keyframes ??= keyframesOf(this.index);
    return this.#keyframes;
  }

  encode(): Uint8Array<ArrayBuffer> {
    return encodeMp4Index(this.index);
  }

  /** Samples of all tracks in the order in which they are sent, without their data: from the keyframe at or before a time. */
  samplesAt(timeMs: number): SampleSource {
    const { tracks, shiftMs, fragments } = this.index;
    if (fragments !== undefined) return new FragmentSamples(this.index, fragments, timeMs);
    return new TableSamples(tracks, shiftMs, timeMs);
  }

  *cursorAt(timeMs: number): Reading<StoredCursor> {
    const source = this.samplesAt(timeMs);
    const reading = source.reading();
    if (reading !== undefined) yield* reading;
    const startMs = source.first?.decodeMs ?? 0;
    return new Mp4Cursor(source, startMs, new Map(this.index.tracks.map((track) => [track, firstConfig(track)])));
  }
}

/** That of the first sample which can be played. */
function firstConfig({ descriptions, initialDescription }: Mp4Track): TrackConfig {
  const description = descriptions[initialDescription];
  if (description === undefined) throw new TypeError('a track without a configuration');
  return description.config;
}

function keyframesOf({ tracks: [track], shiftMs, fragments, durationMs }: Mp4Index): KeyframeTable {
  const timesMs: number[] = [];
  const offsets: number[] = [];
  const apartMs = durationMs / mostKeyframes;
  let lastMs = Number.NEGATIVE_INFINITY;
  const add = (timeMs: number, offset: number) => {
    if (timeMs - lastMs < apartMs) return;
    lastMs = timeMs;
    timesMs.push(timeMs);
    offsets.push(offset);
  };
  if (track === undefined || track.kind !== 'video')
    return { timesMs: new Float64Array(0), offsets: new Float64Array(0) };
  for (const span of track.spans) {
    const timing = timingOf(track, span, shiftMs);
    for (let index = span.firstSample; index < span.endSample; index++) {
      if (track.table.columns.syncs.at(index) === 0) continue;
      const { decodeTicks, offset } = track.table.sample(index);
      add(decodeMs(timing, decodeTicks), offset);
    }
  }
  fragments?.timesMs.forEach((timeMs, index) => add(timeMs, fragments.offsets[index] ?? 0));
  return { timesMs: Float64Array.from(timesMs), offsets: Float64Array.from(offsets) };
}

class Mp4Cursor implements StoredCursor {
  readonly startMs: number;
  readonly #source: SampleSource;
  readonly #configs: Map<Mp4Track, TrackConfig>;
  /** Described already: its configuration came before it. */
  #pending: StoredItem | undefined;

  constructor(source: SampleSource, startMs: number, configs: Map<Mp4Track, TrackConfig>) {
    this.startMs = startMs;
    this.#source = source;
    this.#configs = configs;
  }

  *next(): Reading<StoredItem | undefined> {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending !== undefined) return pending;
    for (;;) {
      const reading = this.#source.reading();
      if (reading !== undefined) yield* reading;
      const sample = this.#source.next();
      if (sample === undefined) return undefined;
      const item = sample.sizeBytes > 0 ? yield* this.#item(sample) : undefined;
      if (item !== undefined) return item;
    }
  }

  /** `undefined` for a sample of a codec that we do not carry, among others of the track. */
  *#item(sample: TimedSample): Reading<StoredItem | undefined> {
    const { track, offset, sizeBytes, description } = sample;
    const described = track.descriptions[description];
    if (described === undefined) return undefined;
    const data = yield { from: offset, to: offset + sizeBytes };
    if (data.length < sizeBytes) {
      const sentence = `a sample of ${sizeBytes} bytes of which ${data.length} are there: the file was cut off, copy it again`;
      throw new ProtocolError('MP4_TRUNCATED', sentence, { byteOffset: offset });
    }
    const inForce = this.#configs.get(track);
    // What a keyframe has brought holds until another description does.
    const isSame = this.#descriptions.get(track) === description;
    const known = isSame && inForce !== undefined ? inForce : described.config;
    const config = described.inBand && sample.sync ? configOfKeyframe(known, data) : known;
    this.#descriptions.set(track, description);
    const unit: StoredItem = { kind: 'unit', unit: accessUnit(sample, config, data) };
    if (inForce === config) return unit;
    this.#configs.set(track, config);
    this.#pending = unit;
    return { kind: 'config', config };
  }

  readonly #descriptions = new Map<Mp4Track, number>();
}

function accessUnit(sample: TimedSample, { trackId }: TrackConfig, data: Uint8Array) {
  const { decodeMs: timestampMs, compositionOffsetMs, sync, track } = sample;
  return track.kind === 'video'
    ? ({ kind: 'video', trackId, timestampMs, keyframe: sync, compositionOffsetMs, data } as const)
    : ({ kind: 'audio', trackId, timestampMs, data } as const);
}
