import { lastAtOrBefore, noKeyframes } from '../media/keyframe-table.ts';
import { ReadWindow } from '../media/read-window.ts';
import type { KeyframeTable, Reading, StoredCursor, StoredMedia } from '../media/stored-media.ts';
import type { TrackConfig } from '../media/track.ts';
import { fileTimeMs } from './file-time.ts';
import { FlvCursor } from './flv-cursor.ts';
import { decodeFlvIndex, encodeFlvIndex, type FlvIndex, type SetupTag } from './flv-index.ts';
import { readFlvIndex } from './flv-opening.ts';
import { findKeyframe, findKeyframeAt, type FoundKeyframe, videoTrackIdOf } from './keyframe-search.ts';
import { roleOf, tagAt } from './tag-walk.ts';
import { TrackState } from './track-state.ts';

const searchWindowBytes = 65_536;
/** One group of pictures is found and walked through within this. */
const maxSearchBytes = 67_108_864;

/** Where a table of keyframes says the time of one, its tag may say a little else: both are rounded. */
const tableToleranceMs = 1_000;

/** Tags that were seen to set up decoders anew, anywhere in a file. */
const maxLaterSetups = 256;
const maxLaterSetupBytes = 1_048_576;

/** A place in the file from which its bytes can be played, behind what sets up decoders. */
export interface FlvStart {
  readonly at: number;
  /** Of the tag there, as it stands there. */
  readonly timestampMs: number;
  /** In force there. */
  readonly trackConfigs: readonly TrackConfig[];
}

/** Opens an FLV file: what it reads, and what it throws, says `readFlvIndex`. */
export function* openFlv(lengthBytes: number): Reading<FlvMedia> {
  return new FlvMedia(yield* readFlvIndex(lengthBytes));
}

/** What `FlvMedia.encode` has written. Throws `ProtocolError` for what is damaged or of another version. */
export function decodeFlv(bytes: Uint8Array): FlvMedia {
  return new FlvMedia(decodeFlvIndex(bytes));
}

/**
 * An FLV file that can be played from any point. A seek goes by the file's own table of keyframes as long as keyframes
 * stand where it says, and otherwise by `findKeyframe`. In force at the place that it finds is what the beginning of the
 * file has set up, then what it passed on the way and what any cursor has met so far: a file that changes its
 * configuration once in the middle and is entered far behind that shows the pictures of the first one, until they are
 * set up again. A frame does not say which configuration it belongs to, and only a look at all of the file would.
 */
export class FlvMedia implements StoredMedia {
  readonly container = 'flv';
  readonly #index: FlvIndex;
  #distrusted = false;
  /** Behind the beginning, by their places. */
  #laterSetups: readonly SetupTag[] = [];

  constructor(index: FlvIndex) {
    this.#index = index;
  }

  get durationMs(): number {
    return this.#index.durationMs;
  }

  get lengthBytes(): number {
    return this.#index.lengthBytes;
  }

  get trackConfigs(): readonly TrackConfig[] {
    return this.#index.trackConfigs;
  }

  get framesPerSecond(): number | undefined {
    return this.#index.framesPerSecond;
  }

  get keyframes(): KeyframeTable {
    return this.#distrusted ? noKeyframes : this.#index.keyframes;
  }

  *cursorAt(timeMs: number): Reading<StoredCursor> {
    const wantedMs = Math.max(0, Number.isNaN(timeMs) ? 0 : timeMs);
    const window = this.#searchWindow(`the keyframe at or before ${Math.round(wantedMs)} ms`);
    const found = wantedMs === 0 ? undefined : yield* this.#find(window, wantedMs);
    if (found === undefined) return this.#cursor({ at: this.#index.firstTagAt, timeMs: 0, setupTags: [] });
    return this.#cursor(found);
  }

  /**
   * Where to begin for whoever asks for the file from a byte on: at the keyframe at or before it. `undefined` where that
   * is the beginning of the file.
   */
  *startAt(byte: number): Reading<FlvStart | undefined> {
    const window = this.#searchWindow(`the keyframe at or before byte ${byte}`);
    const found = yield* findKeyframeAt(window, this.#index, byte);
    if (found === undefined) return undefined;
    const { at, timestampMs } = (yield* tagAt(window, found.at)) ?? { at: found.at, timestampMs: 0 };
    const { state } = this.#stateAt(found);
    return { at, timestampMs, trackConfigs: state.configs };
  }

  encode(): Uint8Array<ArrayBuffer> {
    return encodeFlvIndex({ ...this.#index, keyframes: this.keyframes });
  }

  #searchWindow(wanted: string): ReadWindow {
    return new ReadWindow({
      lengthBytes: this.#index.lengthBytes,
      windowBytes: searchWindowBytes,
      maxBytes: maxSearchBytes,
      what: `a search for ${wanted} (an FLV file needs one every few seconds)`,
    });
  }

  *#find(window: ReadWindow, wantedMs: number): Reading<FoundKeyframe | undefined> {
    const inTable = yield* this.#inTable(window, wantedMs);
    return inTable ?? (yield* findKeyframe(window, this.#index, wantedMs));
  }

  /** What the table says, if a keyframe of about that time stands there; else the table is not asked again. */
  *#inTable(window: ReadWindow, wantedMs: number): Reading<FoundKeyframe | undefined> {
    const { timesMs, offsets } = this.keyframes;
    const place = lastAtOrBefore(timesMs, wantedMs);
    const [at, saidMs] = [offsets[place], timesMs[place]];
    if (at === undefined || saidMs === undefined) return undefined;
    const tag = yield* tagAt(window, at);
    if (tag !== undefined) {
      const timeMs = fileTimeMs(tag.timestampMs, this.#index.baseMs);
      const role = yield* roleOf(window, tag, videoTrackIdOf(this.#index) ?? 0);
      // Writers count the sequence header at the beginning among the keyframes.
      const isRight = role === 'keyframe' || role === 'setup';
      if (isRight && timeMs <= wantedMs && Math.abs(timeMs - saidMs) <= tableToleranceMs) {
        return { at, timeMs, setupTags: [] };
      }
    }
    this.#distrusted = true;
    return undefined;
  }

  #cursor(found: FoundKeyframe): FlvCursor {
    const { state, initial } = this.#stateAt(found);
    const items = state.configs
      .filter((config) => !initial.includes(config))
      .map((config) => ({ kind: 'config' as const, config }));
    const { at, timeMs: startMs } = found;
    return new FlvCursor(this.#index, { at, startMs, state, items }, (tag) => this.#learn(tag));
  }

  /** `initial`: in force at the beginning of the file. */
  #stateAt({ at, setupTags }: FoundKeyframe): { readonly state: TrackState; readonly initial: readonly TrackConfig[] } {
    for (const tag of setupTags) this.#learn(tag);
    const state = new TrackState();
    state.assume(this.#index.trackConfigs);
    for (const tag of this.#index.setupTags) state.read(tag.typeId, tag.body, 0, tag.at);
    const initial = state.configs;
    for (const tag of this.#laterSetups) if (tag.at < at) state.read(tag.typeId, tag.body, 0, tag.at);
    return { state, initial };
  }

  #learn(tag: SetupTag): void {
    const known = this.#laterSetups;
    const isBeginning = this.#index.setupTags.some(({ at }) => at >= tag.at);
    if (isBeginning || known.some(({ at }) => at === tag.at) || known.length >= maxLaterSetups) return;
    const bytes = known.reduce((sum, { body }) => sum + body.length, tag.body.length);
    if (bytes > maxLaterSetupBytes) return;
    this.#laterSetups = [...known, { ...tag, body: tag.body.slice() }].sort((a, b) => a.at - b.at);
  }
}
