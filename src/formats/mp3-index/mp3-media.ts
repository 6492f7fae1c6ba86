import { noKeyframes } from '../media/keyframe-table.ts';
import { ReadWindow } from '../media/read-window.ts';
import type { Reading, StoredCursor, StoredMedia } from '../media/stored-media.ts';
import type { TrackConfig } from '../media/track.ts';
import { findFrame, type FoundFrame, frameAt } from './frame-walk.ts';
import { Mp3Cursor } from './mp3-cursor.ts';
import { decodeMp3Index, encodeMp3Index, frameOfOffset, type Mp3Index, offsetOfFrame } from './mp3-index.ts';
import { readMp3Index } from './mp3-opening.ts';

const searchWindowBytes = 16_384;
/** Behind the place that was expected: more garbage than this is not passed over to begin. */
const maxSearchBytes = 1_048_576;

/** A few frames, however long they are. */
const lastFramesBytes = 8_192;

/** Padding moves frames by a byte at a time: where one is expected it may have begun already. */
const earlyBytes = 2;

/** Opens an MP3 file: what it reads, and what it throws, says `readMp3Index`. */
export function* openMp3(lengthBytes: number): Reading<Mp3Media> {
  return new Mp3Media(yield* readMp3Index(lengthBytes));
}

/** What `Mp3Media.encode` has written. Throws `ProtocolError` for what is damaged or of another version. */
export function decodeMp3(bytes: Uint8Array): Mp3Media {
  return new Mp3Media(decodeMp3Index(bytes));
}

/**
 * An MP3 file that can be played from any point. With a constant bit rate that is the frame itself; otherwise it is as
 * exact as the file's own table of a hundred points, or the average of its bit rates, and timestamps count on from the
 * time that this place is taken to have.
 */
export class Mp3Media implements StoredMedia {
  readonly container = 'mp3';
  /** A decoder can start at every frame, and where each is would take a look at all of them. */
  readonly keyframes = noKeyframes;
  readonly framesPerSecond = undefined;
  readonly #index: Mp3Index;

  constructor(index: Mp3Index) {
    this.#index = index;
  }

  get durationMs(): number {
    return this.#index.durationMs;
  }

  get lengthBytes(): number {
    return this.#index.lengthBytes;
  }

  get trackConfigs(): readonly TrackConfig[] {
    return [this.#index.config];
  }

  *cursorAt(timeMs: number): Reading<StoredCursor> {
    const { lengthBytes, soundAt, soundEnd, config, places } = this.#index;
    const frameMs = (config.samplesPerFrame * 1_000) / config.sampleRate;
    const lastFrame = Math.max(0, Math.ceil(frameOfOffset(places, soundEnd)) - 1);
    const wanted = Math.min(lastFrame, Math.floor(Math.max(0, Number.isNaN(timeMs) ? 0 : timeMs) / frameMs));
    const expectedAt = Math.floor(offsetOfFrame(places, wanted)) - earlyBytes;
    if (wanted === 0 || expectedAt <= soundAt) return new Mp3Cursor(this.#index, soundAt, 0);
    const window = new ReadWindow({
      lengthBytes,
      windowBytes: searchWindowBytes,
      maxBytes: 4 * maxSearchBytes,
      what: 'looking for a frame of an MP3 file',
    });
    const to = Math.min(soundEnd, expectedAt + maxSearchBytes);
    const found = (yield* findFrame(window, expectedAt, to, config)) ?? (yield* this.#lastFrame(window));
    const at = found?.at ?? soundEnd;
    const frame = Math.min(wanted, Math.max(0, Math.round(frameOfOffset(places, at))));
    return new Mp3Cursor(this.#index, at, frame * frameMs);
  }

  /** Where fewer frames are left than were expected. */
  *#lastFrame(window: ReadWindow): Reading<FoundFrame | undefined> {
    const { soundAt, soundEnd, config } = this.#index;
    const from = Math.max(soundAt, soundEnd - lastFramesBytes);
    let last = yield* findFrame(window, from, soundEnd, config);
    for (let next = last; next !== undefined && next.at + next.shape.frameBytes <= soundEnd; ) {
      last = next;
      next = yield* frameAt(window, next.at + next.shape.frameBytes, config);
    }
    return last;
  }

  encode(): Uint8Array<ArrayBuffer> {
    return encodeMp3Index(this.#index);
  }
}
