import { ProtocolError } from '../../base/errors.ts';
import { flvDataOffset, flvTagHeaderBytes, previousTagSizeBytes, tagTooLarge } from '../flv/flv-file.ts';
import { noKeyframes } from '../media/keyframe-table.ts';
import { ReadWindow } from '../media/read-window.ts';
import type { KeyframeTable, Reading } from '../media/stored-media.ts';
import type { TrackConfig } from '../media/track.ts';
import { messageType } from '../rtmp/message.ts';
import { type FileMetadata, fileMetadataOf, scriptDataOf } from './file-metadata.ts';
import { fileTimeMs } from './file-time.ts';
import type { FlvIndex, SetupTag } from './flv-index.ts';
import { findTag, maxTagBytes, roleOf, saysLengthOf, type StoredTag, tagAt } from './tag-walk.ts';
import { fileEndMs } from './file-end.ts';
import { TrackState } from './track-state.ts';

const windowBytes = 65_536;
const maxReadBytes = 33_554_432;

/** Once a track is known, the others have shown themselves within this. */
const probe = { elapsedMs: 2_000, tags: 400, bytes: 2_097_152 } as const;
/** Without any track so far. */
const longProbe = { tags: 10_000, bytes: 16_777_216 } as const;

/** Bytes between the header and the first tag that are no tag: more is no FLV file. */
const maxLeadingBytes = 1_048_576;

/** Setting up decoders takes no more than this, parameter sets of all tracks included. */
const maxSetupTags = 128;
const maxSetupBytes = 1_048_576;

/**
 * Reads of an FLV file what has to be known before any of it can be played: the beginning, up to where each track has
 * been set up, and the end where `onMetaData` does not say how long it is (Adobe FLV 10.1 annex E). Throws
 * `ProtocolError` for what is damaged or holds nothing that is carried, `LimitError` for what is beyond our bounds.
 */
export function* readFlvIndex(lengthBytes: number): Reading<FlvIndex> {
  const window = new ReadWindow({
    lengthBytes,
    windowBytes,
    maxBytes: maxReadBytes,
    what: 'looking for the tracks of an FLV file',
  });
  const header = yield* window.at(0, flvTagHeaderBytes - 2);
  if (header.length < flvTagHeaderBytes - 2) {
    throw new ProtocolError('FLV_HEADER', 'the file ends within its header', {
      byteOffset: 0,
      remedy: 'store it again',
    });
  }
  const flags = header[4] ?? 0;
  const bodyAt = flvDataOffset(header) + previousTagSizeBytes;
  const first = (yield* tagAt(window, bodyAt)) ?? (yield* findTag(window, bodyAt, bodyAt + maxLeadingBytes, true));
  if (first === undefined) throw nothingPlayable('there is no tag behind its header', bodyAt);
  const opening = new Opening(window, first, flags);
  yield* opening.read();
  return yield* opening.finish();
}

/** The walk over the first tags. */
class Opening {
  readonly #window: ReadWindow;
  readonly #first: StoredTag;
  readonly #expected: readonly TrackConfig['kind'][];
  readonly #state = new TrackState();
  readonly #setupTags: SetupTag[] = [];
  #setupBytes = 0;
  #metadata: FileMetadata | undefined;
  #baseMs: number | undefined;
  #chained = true;
  #tags = 0;

  constructor(window: ReadWindow, first: StoredTag, flags: number) {
    this.#window = window;
    this.#first = first;
    // What the header says of its tracks is a hint (§E.2): recorders that saw none yet write neither.
    const audio = (flags & 0x04) !== 0;
    const video = (flags & 0x01) !== 0;
    this.#expected = audio === video ? ['video', 'audio'] : [video ? 'video' : 'audio'];
  }

  *read(): Reading<void> {
    let tag: StoredTag | undefined = this.#first;
    while (tag !== undefined && !this.#isEnough(tag)) {
      this.#tags++;
      yield* this.#take(tag);
      this.#chained &&= saysLengthOf(
        yield* this.#window.at(tag.nextAt - previousTagSizeBytes, previousTagSizeBytes),
        tag,
      );
      tag = yield* tagAt(this.#window, tag.nextAt);
    }
  }

  *finish(): Reading<FlvIndex> {
    const { lengthBytes } = this.#window;
    const trackConfigs = this.#state.configs;
    this.#refuseUnsupported(trackConfigs);
    if (trackConfigs.length === 0) {
      throw nothingPlayable('its first tags set up no decoder', this.#first.at);
    }
    const index = {
      lengthBytes,
      durationMs: this.#metadata?.durationMs ?? 0,
      baseMs: this.#baseMs ?? 0,
      firstTagAt: this.#first.at,
      chained: this.#chained,
      setupTags: this.#setupTags,
      trackConfigs,
      framesPerSecond: this.#metadata?.framesPerSecond,
      keyframes: this.#keyframes(),
    };
    // A file that says its own length has been finished by its writer, and then it says how long it is.
    if (index.durationMs > 0 && this.#metadata?.filesizeBytes === lengthBytes) return index;
    return { ...index, durationMs: (yield* fileEndMs(index)) ?? index.durationMs };
  }

  #isEnough(tag: StoredTag): boolean {
    const { at, timestampMs, typeId } = tag;
    const bytes = at - this.#first.at;
    if (this.#state.configs.length === 0) return this.#tags >= longProbe.tags || bytes >= longProbe.bytes;
    if (this.#baseMs !== undefined && this.#expected.every((kind) => this.#state.has(kind))) return true;
    const isMedia = typeId === messageType.audio || typeId === messageType.video;
    const elapsedMs = isMedia && this.#baseMs !== undefined ? fileTimeMs(timestampMs, this.#baseMs) : 0;
    return this.#tags >= probe.tags || bytes >= probe.bytes || elapsedMs >= probe.elapsedMs;
  }

  *#take(tag: StoredTag): Reading<void> {
    const { at, typeId, bodyAt, bodyBytes, timestampMs } = tag;
    if (typeId === messageType.audio || typeId === messageType.video) {
      const role = yield* roleOf(this.#window, tag, 0);
      if (role === 'frame' || role === 'keyframe') this.#begin(timestampMs);
      // Frames of tracks that are set up say nothing new. A codec may tell by its first frame only what it is.
      const kind = typeId === messageType.audio ? 'audio' : 'video';
      const isFrame = role === 'frame' || role === 'keyframe';
      if (isFrame && this.#state.configs.some((config) => config.kind === kind)) return;
      if (bodyBytes > maxTagBytes) throw tagTooLarge(at, bodyBytes, maxTagBytes);
      const body = (yield* this.#window.at(bodyAt, bodyBytes)).slice();
      this.#state.read(typeId, body, 0, at);
      if (role === 'setup') this.#keep({ at, typeId, body });
    } else if (this.#metadata === undefined && bodyBytes <= maxTagBytes) {
      const data = scriptDataOf(typeId, yield* this.#window.at(bodyAt, bodyBytes));
      this.#metadata = data && fileMetadataOf(data, this.#window.lengthBytes);
    }
  }

  /** The earliest of what comes first: tracks need not begin in step. */
  #begin(timestampMs: number): void {
    const isEarlier = this.#baseMs === undefined || ((timestampMs - this.#baseMs) | 0) < 0;
    if (isEarlier) this.#baseMs = timestampMs;
  }

  #keep(setupTag: SetupTag): void {
    this.#setupBytes += setupTag.body.length;
    if (this.#setupTags.length >= maxSetupTags || this.#setupBytes > maxSetupBytes) {
      throw nothingPlayable('it sets up decoders without end', setupTag.at);
    }
    this.#setupTags.push(setupTag);
  }

  #keyframes(): KeyframeTable {
    const keyframes = this.#metadata?.keyframes ?? noKeyframes;
    const baseMs = this.#baseMs ?? 0;
    return { offsets: keyframes.offsets, timesMs: keyframes.timesMs.map((timeMs) => fileTimeMs(timeMs, baseMs)) };
  }

  /** Sound of a codec of old beside good pictures is left out; pictures are what a video is about. */
  #refuseUnsupported(trackConfigs: readonly TrackConfig[]): void {
    const { unsupported } = this.#state;
    const missing =
      unsupported.find(({ media, trackId }) => media === 'video' && trackId === 0) ??
      (trackConfigs.length === 0 ? unsupported[0] : undefined);
    if (missing === undefined) return;
    const sentence = `the FLV file holds ${missing.media} of ${missing.codec}, which is not carried: convert it to H.264 and AAC`;
    throw new ProtocolError('FLV_CODEC', sentence);
  }
}

function nothingPlayable(reason: string, byteOffset: number): ProtocolError {
  return new ProtocolError('FLV_EMPTY', `nothing of the FLV file can be played, ${reason}`, {
    byteOffset,
    remedy: 'store it again',
  });
}
