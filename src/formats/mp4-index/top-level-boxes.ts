import { LimitError, ProtocolError } from '../../base/errors.ts';
import type { ReadWindow } from '../media/read-window.ts';
import type { Reading } from '../media/stored-media.ts';
import { type Box, longestBoxHeadBytes, readBoxHead } from './box.ts';
import type { Mp4Limits } from './limits.ts';

/** A box of the file itself. */
interface TopLevelBox {
  readonly type: string;
  readonly offset: number;
  readonly bodyOffset: number;
  /** Of a box that reaches to the end of the file, that end; may lie beyond it where the file was cut off. */
  readonly end: number;
}

/** The head of the box at this place; `undefined` at the end of the file. `until`: to there it is wanted next. */
export function* topLevelBox(window: ReadWindow, offset: number, until?: number): Reading<TopLevelBox | undefined> {
  const head = readBoxHead(yield* window.at(offset, longestBoxHeadBytes, until), 0, offset, '');
  if (head === undefined) return undefined;
  const end = head.sizeBytes === undefined ? window.lengthBytes : offset + head.sizeBytes;
  return { type: head.type, offset, bodyOffset: offset + head.headBytes, end };
}

/** What stands so near to the end of a file, behind its media, is `moov`: it need not be known first how long that is. */
const longestTailBytes = 16 * 1024 * 1024;

/**
 * Finds `moov`, to be read. Throws `ProtocolError` where there is none or where the file was cut off, `LimitError` beyond
 * the limits.
 */
export function* findMovie(window: ReadWindow, limits: Mp4Limits): Reading<ComingBox> {
  let at = 0;
  for (let boxes = 1; ; boxes++) {
    checkBoxes(boxes, at, limits);
    const leftBytes = window.lengthBytes - at;
    const isTail = leftBytes < at && leftBytes <= longestTailBytes;
    const box = yield* topLevelBox(window, at, isTail ? window.lengthBytes : undefined);
    if (box === undefined) break;
    if (box.end > window.lengthBytes) throw cutOff(box, window.lengthBytes);
    if (box.type === 'moov') return new ComingBox(window, box, limits.maxHeaderBytes);
    at = box.end;
  }
  const remedy = 'its recording was never finished, or it was cut off; record or copy it again';
  const where = { byteOffset: at, section: 'ISO/IEC 14496-12 §8.2.1', remedy };
  throw new ProtocolError('MP4_NO_MOOV', 'the file ends without a moov', where);
}

/** The first fragment of a file, and what stands before it of segment indexes (`sidx`); `undefined` where none follows. */
export function* findFragments(
  window: ReadWindow,
  limits: Mp4Limits,
  moov: Box,
): Reading<{ readonly firstFragment: number; readonly segmentIndexes: readonly Box[] } | undefined> {
  const segmentIndexes: Box[] = [];
  let at = moov.bodyOffset + moov.body.length;
  for (let boxes = 1; ; boxes++) {
    checkBoxes(boxes, at, limits);
    const box = yield* topLevelBox(window, at);
    if (box === undefined) return undefined;
    if (box.type === 'moof') return { firstFragment: at, segmentIndexes };
    if (box.end > window.lengthBytes) return undefined;
    if (box.type === 'sidx' && segmentIndexes.length < maxSegmentIndexes) {
      const index = new ComingBox(window, box, limits.maxHeaderBytes);
      yield* index.need(index.body.length);
      segmentIndexes.push(index);
    }
    at = box.end;
  }
}

/** One for each track; a DASH file has them all before its first fragment. */
const maxSegmentIndexes = 16;

function checkBoxes(boxes: number, offset: number, { maxBoxes }: Mp4Limits): void {
  if (boxes > maxBoxes) {
    throw new LimitError('MP4_TOO_MANY_BOXES', `boxes before byte ${offset}`, { limit: maxBoxes, value: boxes });
  }
}

/** As much is asked for at once: no longer than the slices in which files are kept. */
const pieceBytes = 1024 * 1024;

/** A box whose bytes are read as they are needed, from its beginning on. */
export class ComingBox implements Box {
  readonly type: string;
  readonly path: string;
  readonly bodyOffset: number;
  /** Good as far as was said to be needed. */
  readonly body: Uint8Array;
  readonly #window: ReadWindow;
  readonly #box: TopLevelBox;
  #filled = 0;

  /** Throws `LimitError` where it is too long. */
  constructor(window: ReadWindow, box: TopLevelBox, maxBytes: number) {
    const { type, offset, bodyOffset, end } = box;
    const lengthBytes = end - bodyOffset;
    if (lengthBytes > maxBytes) {
      const sentence = `bytes of ${type} at byte ${offset}`;
      throw new LimitError('MP4_HEADER_TOO_LARGE', sentence, { limit: maxBytes, value: lengthBytes });
    }
    this.type = type;
    this.path = type;
    this.bodyOffset = bodyOffset;
    this.body = new Uint8Array(lengthBytes);
    this.#window = window;
    this.#box = box;
  }

  /** The first so many bytes of its body, or all of it. Throws `ProtocolError` where the file ends before. */
  *need(lengthBytes: number): Reading<void> {
    const needed = Math.min(lengthBytes, this.body.length);
    while (this.#filled < needed) {
      const at = this.bodyOffset + this.#filled;
      const piece = this.body.subarray(this.#filled, this.#filled + pieceBytes);
      const filled = yield* this.#window.fill(piece, at, this.#box.end);
      // Shorter than it says it is: what was asked for could not be had.
      if (filled < piece.length) throw cutOff(this.#box, at + filled);
      this.#filled += filled;
    }
  }
}

function cutOff({ type, offset, end }: TopLevelBox, fileBytes: number): ProtocolError {
  const sentence = `the file has ${fileBytes} bytes and ends within the box ${type} of ${end - offset}, which begins`;
  return new ProtocolError('MP4_TRUNCATED', sentence, { byteOffset: offset, remedy: 'it was cut off, copy it again' });
}
