import { ProtocolError } from '../../base/errors.ts';
import { flvTagHeaderBytes, previousTagSizeBytes, tagTooLarge } from '../flv/flv-file.ts';
import { metadataName } from '../media/data-message.ts';
import { ReadWindow } from '../media/read-window.ts';
import type { Reading, StoredCursor, StoredItem } from '../media/stored-media.ts';
import { messageType } from '../rtmp/message.ts';
import { scriptDataOf } from './file-metadata.ts';
import { fileTimeMs } from './file-time.ts';
import type { FlvIndex, SetupTag } from './flv-index.ts';
import { findTag, maxTagBytes, type StoredTag, storedTagOf } from './tag-walk.ts';
import type { TrackState } from './track-state.ts';

/** How much damage is passed over before a file is given up: as much as one tag that was lost can hold. */
const maxDamageBytes = maxTagBytes;
const searchWindowBytes = 65_536;

const noHeader = new Uint8Array(0);

export interface FlvCursorStart {
  readonly at: number;
  readonly startMs: number;
  /** As it is in force there. The cursor goes on with it. */
  readonly state: TrackState;
  /** What comes before the first tag. */
  readonly items: readonly StoredItem[];
}

/** Goes through the tags of a file, from one of them on. Reads each with the header of the next: one request a tag. */
export class FlvCursor implements StoredCursor {
  readonly startMs: number;
  readonly #index: FlvIndex;
  readonly #state: TrackState;
  readonly #onSetup: (tag: SetupTag) => void;
  readonly #items: StoredItem[];
  #at: number;
  /** That of the tag at `#at`, a copy, where it has been read with the one before. */
  #header: Uint8Array = noHeader;

  /** `onSetup` hears of each tag that changes how a decoder is set up. */
  constructor(index: FlvIndex, start: FlvCursorStart, onSetup: (tag: SetupTag) => void) {
    this.#index = index;
    this.#state = start.state;
    this.#at = start.at;
    this.startMs = start.startMs;
    this.#items = [...start.items];
    this.#onSetup = onSetup;
  }

  /**
   * Throws `ProtocolError` where a file is so damaged that no tag is found for a long way, and `LimitError` for a tag
   * beyond our bound. A tag that the end of the file cuts off is left out.
   */
  *next(): Reading<StoredItem | undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) return item;
      const tag = yield* this.#tag();
      if (tag === undefined) return undefined;
      yield* this.#read(tag);
    }
  }

  *#tag(): Reading<StoredTag | undefined> {
    const at = this.#at;
    if (at >= this.#index.lengthBytes) return undefined;
    let header = this.#header;
    if (header.length < flvTagHeaderBytes) {
      header = (yield { from: at, to: Math.min(at + flvTagHeaderBytes, this.#index.lengthBytes) }).slice();
    }
    this.#header = noHeader;
    if (header.length < flvTagHeaderBytes) return undefined;
    return storedTagOf(header, at) ?? (yield* this.#behindDamage(at));
  }

  *#behindDamage(at: number): Reading<StoredTag | undefined> {
    const { lengthBytes, chained } = this.#index;
    const window = new ReadWindow({
      lengthBytes,
      windowBytes: searchWindowBytes,
      maxBytes: 2 * maxDamageBytes,
      what: 'looking for the next tag of a damaged FLV file',
    });
    const to = Math.min(lengthBytes, at + maxDamageBytes);
    const tag = yield* findTag(window, at, to, chained);
    if (tag !== undefined || to === lengthBytes) return tag;
    throw new ProtocolError('FLV_DAMAGED', `no FLV tag begins here, nor in ${to - at} bytes`, {
      byteOffset: at,
      section: 'FLV §E.4.1',
      remedy: 'store the file again',
    });
  }

  *#read(tag: StoredTag): Reading<void> {
    const { at, typeId, timestampMs, bodyAt, bodyBytes, nextAt } = tag;
    const { lengthBytes, baseMs } = this.#index;
    // A tag that is longer than what is left needs no bound: none of it is read.
    const isCut = bodyAt + bodyBytes > lengthBytes;
    if (!isCut && bodyBytes > maxTagBytes) throw tagTooLarge(at, bodyBytes, maxTagBytes);
    this.#at = isCut ? lengthBytes : nextAt;
    if (isCut) return;
    const bytes = yield { from: bodyAt, to: Math.min(nextAt + flvTagHeaderBytes, lengthBytes) };
    if (bytes.length < bodyBytes) {
      this.#at = lengthBytes;
      return;
    }
    this.#header = bytes.slice(bodyBytes + previousTagSizeBytes);
    const body = bytes.subarray(0, bodyBytes);
    const timeMs = fileTimeMs(timestampMs, baseMs);
    if (typeId === messageType.audio || typeId === messageType.video) {
      const items = this.#state.read(typeId, body, timeMs, at);
      if (items.some(({ kind }) => kind === 'config')) this.#onSetup({ at, typeId, body });
      this.#items.push(...items);
      return;
    }
    const data = scriptDataOf(typeId, body);
    // Of the file as a whole: who sends it says that himself.
    if (data === undefined || data.name === metadataName) return;
    this.#items.push({ kind: 'data', message: { name: data.name, values: data.args, timestampMs: timeMs } });
  }
}
