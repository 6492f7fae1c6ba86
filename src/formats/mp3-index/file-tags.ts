import { ProtocolError } from '../../base/errors.ts';
import type { ReadWindow } from '../media/read-window.ts';
import type { Reading } from '../media/stored-media.ts';

/** Tags behind each other at either end: more is no honest file. */
const maxTags = 16;

const id3HeaderBytes = 10;
const id3FooterFlag = 0x10;
const apeFooterBytes = 32;
const apeHeaderFlag = 0x8000_0000;
const id3v1Bytes = 128;
const extendedId3v1Bytes = 227;
const lyricsEndBytes = 15;

/** Where sound begins: behind ID3v2 tags (ID3v2.4 structure §3) and APE tags. Throws `ProtocolError` for a size that cannot be. */
export function* behindLeadingTags(window: ReadWindow): Reading<number> {
  let at = 0;
  for (let count = 0; count < maxTags; count++) {
    const head = yield* window.at(at, apeFooterBytes);
    const bytes = id3Bytes(head) ?? apeBytes(head, 'header');
    if (bytes === undefined) return at;
    if (bytes > window.lengthBytes - at) {
      throw new ProtocolError('MP3_TAG', `a tag of ${bytes} bytes, longer than the file,`, {
        byteOffset: at,
        section: 'ID3v2.4 §3',
        remedy: 'take the tags off, or store it again',
      });
    }
    at += bytes;
  }
  return at;
}

/**
 * The length of the ID3v2 tag that begins here; `undefined` where none does. Each of the four bytes of its size has
 * seven bits: where one has more, it only looks like a tag.
 */
export function id3Bytes(head: Uint8Array): number | undefined {
  if (head.length < id3HeaderBytes || textOf(head, 0, 3) !== 'ID3') return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = head.subarray(6, id3HeaderBytes);
  if ((a | b | c | d) > 0x7f) return undefined;
  const footerBytes = ((head[5] ?? 0) & id3FooterFlag) === 0 ? 0 : id3HeaderBytes;
  return id3HeaderBytes + (a * 2 ** 21 + (b << 14) + (c << 7) + d) + footerBytes;
}

/** Of an APE tag (version 2) by its header or its footer: with both. */
function apeBytes(block: Uint8Array, end: 'header' | 'footer'): number | undefined {
  if (block.length < apeFooterBytes || textOf(block, 0, 8) !== 'APETAGEX') return undefined;
  const view = new DataView(block.buffer, block.byteOffset, apeFooterBytes);
  const bytes = view.getUint32(12, true);
  const hasHeader = end === 'header' || (view.getUint32(20, true) & apeHeaderFlag) !== 0;
  return bytes + (hasHeader ? apeFooterBytes : 0);
}

/** Where sound ends: before ID3v1, APE and Lyrics3 tags. Not before `from`: what says so is taken for sound. */
export function* beforeTrailingTags(window: ReadWindow, from: number): Reading<number> {
  let to = window.lengthBytes;
  for (let count = 0; count < maxTags; count++) {
    const bytes = yield* trailingTagBytes(window, to);
    if (bytes === 0 || bytes > to - from) return to;
    to -= bytes;
  }
  return to;
}

function* trailingTagBytes(window: ReadWindow, to: number): Reading<number> {
  const blockAt = Math.max(0, to - extendedId3v1Bytes - id3v1Bytes);
  const block = yield* window.at(blockAt, to - blockAt);
  const before = (bytes: number): Uint8Array => block.subarray(Math.max(0, block.length - bytes));
  if (textOf(before(id3v1Bytes), 0, 3) === 'TAG' && block.length >= id3v1Bytes) {
    const extended = before(id3v1Bytes + extendedId3v1Bytes);
    const isExtended = extended.length === id3v1Bytes + extendedId3v1Bytes && textOf(extended, 0, 4) === 'TAG+';
    return isExtended ? extended.length : id3v1Bytes;
  }
  const ape = apeBytes(before(apeFooterBytes), 'footer');
  if (ape !== undefined) return ape;
  const lyrics = textOf(before(lyricsEndBytes), 0, lyricsEndBytes);
  return /^\d{6}LYRICS200$/.test(lyrics) ? Number(lyrics.slice(0, 6)) + lyricsEndBytes : 0;
}

function textOf(bytes: Uint8Array, from: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(from, from + length));
}
