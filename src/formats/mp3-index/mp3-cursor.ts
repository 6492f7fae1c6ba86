import { ProtocolError } from '../../base/errors.ts';
import { mp3TrackConfig } from '../mp3/frame-header.ts';
import { type Mp3FrameShape, mp3FrameHeaderBytes, mp3FrameShape } from '../mp3/frame-shape.ts';
import { ReadWindow } from '../media/read-window.ts';
import type { Reading, StoredCursor, StoredItem } from '../media/stored-media.ts';
import { type Mp3TrackConfig, sameTrackConfig } from '../media/track.ts';
import { id3Bytes } from './file-tags.ts';
import { findFrame } from './frame-walk.ts';
import type { Mp3Index } from './mp3-index.ts';

/** How much that is no frame is passed over before a file is given up. */
const maxGarbageBytes = 1_048_576;
const searchWindowBytes = 16_384;

/** A frame header, or that of an ID3 tag, as stands between files that were put together. */
const peekedBytes = 10;
const nothing = new Uint8Array(0);

/** Goes through the frames of a file, from one of them on. Times are counted in samples, so that nothing adds up. */
export class Mp3Cursor implements StoredCursor {
  readonly startMs: number;
  readonly #index: Mp3Index;
  #at: number;
  /** What stands at `#at`, a copy, where it has been read with the frame before. */
  #peeked: Uint8Array = nothing;
  #config: Mp3TrackConfig;
  /** Samples at the present rate since `#sinceMs`. */
  #samples = 0;
  #sinceMs: number;
  #waiting: StoredItem | undefined;

  constructor(index: Mp3Index, at: number, startMs: number) {
    this.#index = index;
    this.#at = at;
    this.#config = index.config;
    this.#sinceMs = startMs;
    this.startMs = Math.round(startMs);
  }

  /** Throws `ProtocolError` where no frame is found for a long way. A frame that the end of the file cuts off is left out. */
  *next(): Reading<StoredItem | undefined> {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) return waiting;
    const shape = yield* this.#frame();
    if (shape === undefined) return undefined;
    const { soundEnd, lengthBytes } = this.#index;
    const at = this.#at;
    const nextAt = at + shape.frameBytes;
    if (nextAt > soundEnd) return undefined;
    const bytes = yield { from: at, to: Math.min(nextAt + peekedBytes, lengthBytes) };
    if (bytes.length < shape.frameBytes) return undefined;
    this.#at = nextAt;
    this.#peeked = bytes.slice(shape.frameBytes);
    const data = bytes.subarray(0, shape.frameBytes);
    const config = this.#changedConfig(data, shape);
    const timestampMs = Math.round(this.#sinceMs + (this.#samples * 1_000) / shape.sampleRate);
    this.#samples += shape.samplesPerFrame;
    const unit: StoredItem = { kind: 'unit', unit: { kind: 'audio', trackId: 0, timestampMs, data } };
    if (config === undefined) return unit;
    this.#waiting = unit;
    return { kind: 'config', config };
  }

  /** Files that were put together may go on in another format. */
  #changedConfig(frame: Uint8Array, { sampleRate, channels }: Mp3FrameShape): Mp3TrackConfig | undefined {
    const before = this.#config;
    if (sampleRate === before.sampleRate && channels === before.channels) return undefined;
    const config = mp3TrackConfig(frame);
    if (sameTrackConfig(before, config)) return undefined;
    this.#sinceMs += (this.#samples * 1_000) / before.sampleRate;
    this.#samples = 0;
    this.#config = config;
    return config;
  }

  *#frame(): Reading<Mp3FrameShape | undefined> {
    const { soundEnd, lengthBytes } = this.#index;
    while (this.#at + mp3FrameHeaderBytes <= soundEnd) {
      let peeked = this.#peeked;
      if (peeked.length < mp3FrameHeaderBytes) {
        peeked = (yield { from: this.#at, to: Math.min(this.#at + peekedBytes, lengthBytes) }).slice();
      }
      this.#peeked = nothing;
      const shape = mp3FrameShape(peeked);
      if (shape !== undefined && shape !== 'free') return shape;
      const tagBytes = id3Bytes(peeked);
      if (tagBytes !== undefined && tagBytes <= soundEnd - this.#at) this.#at += tagBytes;
      else return yield* this.#behindGarbage();
    }
    return undefined;
  }

  *#behindGarbage(): Reading<Mp3FrameShape | undefined> {
    const { soundEnd, lengthBytes } = this.#index;
    const window = new ReadWindow({
      lengthBytes,
      windowBytes: searchWindowBytes,
      maxBytes: 4 * maxGarbageBytes,
      what: 'looking for the next frame of a damaged MP3 file',
    });
    const to = Math.min(soundEnd, this.#at + maxGarbageBytes);
    const frame = yield* findFrame(window, this.#at, to);
    if (frame !== undefined) {
      this.#at = frame.at;
      return frame.shape;
    }
    if (to === soundEnd) {
      this.#at = soundEnd;
      return undefined;
    }
    throw new ProtocolError('MP3_DAMAGED', `no MP3 frame begins here, nor in ${to - this.#at} bytes`, {
      byteOffset: this.#at,
      section: 'ISO/IEC 11172-3 §2.4.1.3',
      remedy: 'store the file again',
    });
  }
}
