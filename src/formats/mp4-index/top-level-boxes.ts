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

/** The head of the box at this place; `undefined` at the end of the file. */
export function* topLevelBox(window: ReadWindow, offset: number): Reading<TopLevelBox | undefined> {
  const head = readBoxHead(yield* window.at(offset, longestBoxHeadBytes), 0, offset, '');
  if (head === undefined) return undefined;
  const end = head.sizeBytes === undefined ? window.lengthBytes : offset + head.sizeBytes;
  return { type: head.type, offset, bodyOffset: offset + head.headBytes, end };
}

/**
 * Finds `moov` and reads it. Throws `ProtocolError` where there is none or where the file was cut off, `LimitError`
 * beyond the limits.
 */
export function* findMovie(window: ReadWindow, limits: Mp4Limits): Reading<Box> {
  let at = 0;
  for (let boxes = 1; ; boxes++) {
    checkBoxes(boxes, at, limits);
    const box = yield* topLevelBox(window, at);
    if (box === undefined) break;
    if (box.end > window.lengthBytes) throw cutOff(box, window.lengthBytes);
    if (box.type === 'moov') return yield* wholeBox(window, box, limits.maxHeaderBytes);
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
      segmentIndexes.push(yield* wholeBox(window, box, limits.maxHeaderBytes));
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

function* wholeBox(window: ReadWindow, box: TopLevelBox, maxBytes: number): Reading<Box> {
  const { type, offset, bodyOffset, end } = box;
  if (end - bodyOffset > maxBytes) {
    throw new LimitError('MP4_HEADER_TOO_LARGE', `bytes of ${type} at byte ${offset}`, {
      limit: maxBytes,
      value: end - bodyOffset,
    });
  }
  const body = new Uint8Array(end - bodyOffset);
  for (let at = bodyOffset; at < end; at += pieceBytes) {
    const piece = body.subarray(at - bodyOffset, at - bodyOffset + pieceBytes);
    const filled = yield* window.fill(piece, at);
    // Shorter than it says it is: what was asked for could not be had.
    if (filled < piece.length) throw cutOff(box, at + filled);
  }
  return { type, path: type, bodyOffset, body };
}

function cutOff({ type, offset, end }: TopLevelBox, fileBytes: number): ProtocolError {
  const sentence = `the file has ${fileBytes} bytes and ends within the box ${type} of ${end - offset}, which begins`;
  return new ProtocolError('MP4_TRUNCATED', sentence, { byteOffset: offset, remedy: 'it was cut off, copy it again' });
}
