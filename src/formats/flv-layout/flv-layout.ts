import { joined } from '../../base/byte-pieces.ts';
import { LimitError } from '../../base/errors.ts';
import { encodeAmf0 } from '../amf0/encode.ts';
import type { FlvDialect } from '../flv/client-capabilities.ts';
import { type FileDescription, fileMetadata } from '../flv/file-metadata.ts';
import { encodeFlvHeader, encodeFlvTag, flvTagHeaderBytes, previousTagSizeBytes } from '../flv/flv-file.ts';
import { accessUnitTagHeader, encodeTrackConfigTag } from '../flv/track-tag.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import { metadataName } from '../media/data-message.ts';
import { lastAtOrBefore, noKeyframes } from '../media/keyframe-table.ts';
import type { KeyframeTable, StoredMedia } from '../media/stored-media.ts';
import type { TrackConfig } from '../media/track.ts';
import type { Mp4Media } from '../mp4-index/mp4-media.ts';
import type { Mp4Track } from '../mp4-index/mp4-index.ts';
import type { TimedSample } from '../mp4-index/presentation.ts';
import { TableSamples } from '../mp4-index/table-samples.ts';
import { largestMessageBytes, messageType } from '../rtmp/message.ts';

/** The FLV file that a stored media would be (Adobe FLV 10.1 annex E), known without a look at the media. */
export interface FlvLayout {
  readonly lengthBytes: number;
  /** All that stands before the first frame. */
  readonly beginning: Uint8Array;
  /** Where one can begin, in the FLV file: keyframes, or of sound alone a frame each second. */
  readonly keyframes: KeyframeTable;
}

/** What tells layouts of one media apart. */
export interface FlvSelection {
  /** Tracks that the player gets: the first of the media, and perhaps others. */
  readonly trackConfigs: readonly TrackConfig[];
  readonly dialect: FlvDialect;
}

/** Of more keyframes every other one is left out, again and again. */
const maxKeyframes = 16_384;
const soundStepMs = 1_000;

/** So many samples are gone through at once. */
const samplesAtOnce = 8_192;

const nothing = new Uint8Array(0);

/**
 * Lays out an MP4 file as FLV. Pauses now and then, so that others get a turn: two hours are half a million samples.
 * Returns `undefined` where the index alone does not say it: in fragments, with configurations that change or that stand
 * in the samples. Throws `LimitError` for a frame that is longer than an FLV tag can be.
 */
export function* layOutFlv(media: Mp4Media, selection: FlvSelection): Generator<void, FlvLayout | undefined, void> {
  const { index } = media;
  const sizes = tagSizes(media, selection);
  if (index.fragments !== undefined || sizes === undefined) return undefined;
  const samples = new TableSamples([...sizes.keys()], index.shiftMs, 0);
  const places = new KeyframePlaces();
  const [leading] = sizes.keys();
  let bytes = 0;
  let count = 0;
  for (let sample = samples.next(); sample !== undefined; sample = samples.next()) {
    if (++count % samplesAtOnce === 0) yield;
    if (sample.sizeBytes === 0) continue;
    const overheadBytes = sizes.get(sample.track);
    if (overheadBytes === undefined || sample.description !== sample.track.initialDescription) return undefined;
    if (sample.track === leading) places.add(sample, bytes);
    bytes += overheadBytes + sample.sizeBytes;
    if (overheadBytes + sample.sizeBytes > largestMessageBytes) throw frameTooLarge(sample);
  }
  const relative = places.table();
  const { durationMs, framesPerSecond } = media;
  const facts = { durationMs, framesPerSecond, trackConfigs: selection.trackConfigs };
  // Numbers have the same length whatever they are: where the frames begin is known when it has been written once.
  const framesAt = flvBeginning({ ...facts, lengthBytes: 0, keyframes: relative }, selection).length;
  const keyframes = { timesMs: relative.timesMs, offsets: relative.offsets.map((offset) => framesAt + offset) };
  const lengthBytes = framesAt + bytes;
  return { lengthBytes, beginning: flvBeginning({ ...facts, lengthBytes, keyframes }, selection), keyframes };
}

/** What stands around a frame of each track; `undefined` where the index does not know what a frame holds. */
function tagSizes(media: Mp4Media, { trackConfigs }: FlvSelection): ReadonlyMap<Mp4Track, number> | undefined {
  const sizes = new Map<Mp4Track, number>();
  for (const track of media.index.tracks) {
    const description = track.descriptions[track.initialDescription];
    if (description === undefined || !trackConfigs.includes(description.config)) continue;
    if (description.inBand) return undefined;
    const header = accessUnitTagHeader(description.config, emptyUnit(description.config));
    sizes.set(track, flvTagHeaderBytes + header.length + previousTagSizeBytes);
  }
  return sizes.size === 0 ? undefined : sizes;
}

function emptyUnit({ kind, trackId }: TrackConfig): AccessUnit {
  const unit = { trackId, timestampMs: 0, data: nothing };
  return kind === 'video' ? { kind, ...unit, keyframe: true, compositionOffsetMs: 0 } : { kind, ...unit };
}

/** The places where one can begin, evenly thinned out. */
class KeyframePlaces {
  #timesMs: number[] = [];
  #offsets: number[] = [];
  #step = 1;
  #seen = 0;

  add({ track, sync, decodeMs }: TimedSample, offset: number): void {
    const lastMs = this.#timesMs.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (!sync || (track.kind === 'audio' && decodeMs < lastMs + soundStepMs)) return;
    if (decodeMs === lastMs) {
      // Who seeks to this time gets the later one.
      this.#offsets[this.#offsets.length - 1] = offset;
      return;
    }
    if (this.#seen++ % this.#step !== 0) return;
    this.#timesMs.push(decodeMs);
    this.#offsets.push(offset);
    if (this.#timesMs.length < maxKeyframes) return;
    this.#step *= 2;
    this.#timesMs = this.#timesMs.filter((_, index) => index % 2 === 0);
    this.#offsets = this.#offsets.filter((_, index) => index % 2 === 0);
  }

  table(): KeyframeTable {
    return { timesMs: Float64Array.from(this.#timesMs), offsets: Float64Array.from(this.#offsets) };
  }
}

function frameTooLarge({ sizeBytes, offset }: TimedSample): LimitError {
  return new LimitError('FLV_TAG_TOO_LARGE', `a frame at byte ${offset} is longer than an FLV tag can be`, {
    limit: largestMessageBytes,
    value: sizeBytes,
  });
}

/** Header, `onMetaData`, and what sets up decoders. */
function flvBeginning(facts: FileDescription, { dialect }: FlvSelection): Uint8Array {
  const metadata = encodeAmf0([metadataName, fileMetadata(facts)]);
  return joined([
    headerOf(facts.trackConfigs),
    encodeFlvTag({ typeId: messageType.dataAmf0, timestampMs: 0, payload: metadata }),
    ...setupTags(facts.trackConfigs, 0, dialect),
  ]);
}

/** What stands before the frames of an FLV file whose length nobody knows before it has been sent. */
export function flvBeginningWithoutLayout(media: StoredMedia, selection: FlvSelection): Uint8Array {
  const { durationMs, framesPerSecond } = media;
  const { trackConfigs } = selection;
  const facts = { durationMs, framesPerSecond, lengthBytes: undefined, trackConfigs, keyframes: noKeyframes };
  return flvBeginning(facts, selection);
}

/** What stands before the frames of an FLV file that is given from a place in it on. */
export function flvRestart(trackConfigs: readonly TrackConfig[], timestampMs: number, dialect: FlvDialect): Uint8Array {
  return joined([headerOf(trackConfigs), ...setupTags(trackConfigs, timestampMs, dialect)]);
}

function headerOf(trackConfigs: readonly TrackConfig[]): Uint8Array {
  const has = (wanted: TrackConfig['kind']) => trackConfigs.some(({ kind }) => kind === wanted);
  return encodeFlvHeader({ audio: has('audio'), video: has('video') });
}

function setupTags(trackConfigs: readonly TrackConfig[], timestampMs: number, dialect: FlvDialect): Uint8Array[] {
  return trackConfigs.flatMap((config) => {
    const payload = encodeTrackConfigTag(config, dialect);
    return payload === undefined ? [] : encodeFlvTag({ typeId: messageType[config.kind], timestampMs, payload });
  });
}

/** The keyframe at or before a byte of the FLV file; `undefined` where that is before the first. */
export function keyframeAt({ keyframes }: FlvLayout, byte: number): { timeMs: number; offset: number } | undefined {
  const { timesMs, offsets } = keyframes;
  const place = lastAtOrBefore(offsets, byte);
  const [timeMs, offset] = [timesMs[place], offsets[place]];
  return timeMs === undefined || offset === undefined ? undefined : { timeMs, offset };
}
