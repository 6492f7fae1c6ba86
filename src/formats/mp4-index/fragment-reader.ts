import { LimitError } from '../../base/errors.ts';
import { ReadWindow } from '../media/read-window.ts';
import type { Reading } from '../media/stored-media.ts';
import { type FragmentTable, type FragmentTrack, readFragment } from './fragment.ts';
import { maxFragmentHeaderBytes } from './limits.ts';
import { topLevelBox } from './top-level-boxes.ts';

/** A `moof` with samples of tracks that are played. */
export interface Fragment {
  readonly offset: number;
  readonly tables: readonly FragmentTable[];
}

export interface FragmentReaderOptions {
  readonly lengthBytes: number;
  readonly tracks: readonly FragmentTrack[];
  /** How much may be read, and how many boxes looked at, in all. */
  readonly maxBytes: number;
  readonly maxBoxes: number;
}

/** As many encoders write fragments of a picture each, it is not more: their boxes have some hundred bytes. */
const windowBytes = 2 * 1024;

/**
 * Goes from fragment to fragment of a file. A last one of which something is missing is as if it were not there: so ends
 * a recording whose program was ended, and all before it can be played.
 */
export class FragmentReader {
  readonly #options: FragmentReaderOptions;
  readonly #window: ReadWindow;
  readonly #endTicks: number[];
  #at: number;
  #boxes = 0;

  /** `startTicks`: where tracks go on whose fragments do not say it. */
  constructor(options: FragmentReaderOptions, offset: number, startTicks: readonly number[]) {
    const { lengthBytes, maxBytes } = options;
    this.#options = options;
    this.#window = new ReadWindow({
      lengthBytes,
      windowBytes,
      maxBytes,
      what: 'a look at the fragments of an MP4 file',
    });
    this.#at = offset;
    this.#endTicks = [...startTicks];
  }

  /** `undefined` at the end. Throws `ProtocolError` for what is damaged, `LimitError` beyond the bounds. */
  *next(): Reading<Fragment | undefined> {
    const { lengthBytes, tracks, maxBoxes } = this.#options;
    while (this.#at < lengthBytes) {
      const offset = this.#at;
      if (++this.#boxes > maxBoxes) {
        throw new LimitError('MP4_TOO_MANY_BOXES', `boxes before byte ${offset}`, {
          limit: maxBoxes,
          value: this.#boxes,
        });
      }
      const box = yield* topLevelBox(this.#window, offset);
      if (box === undefined) break;
      const { type, bodyOffset, end } = box;
      this.#at = end;
      if (type !== 'moof') continue;
      if (end > lengthBytes) break;
      if (end - offset > maxFragmentHeaderBytes) {
        throw new LimitError('MP4_HEADER_TOO_LARGE', `bytes of moof at byte ${offset}`, {
          limit: maxFragmentHeaderBytes,
          value: end - offset,
        });
      }
      const body = yield* this.#window.at(bodyOffset, end - bodyOffset);
      const moof = { type: 'moof', path: 'moof', bodyOffset, body };
      const tables = readFragment(moof, offset, tracks, (track) => this.#endTicks[track] ?? 0);
      if (tables.some(({ table }) => table.endOffset > lengthBytes)) break;
      for (const { track, table } of tables) this.#endTicks[track] = table.endTicks;
      if (tables.length > 0) return { offset, tables };
    }
    this.#at = lengthBytes;
    return undefined;
  }
}
