import { ProtocolError } from '../../base/errors.ts';
import { encryptedTag, flvTagHeaderBytes, parseFlvTagHeader, previousTagSizeBytes } from '../flv/flv-file.ts';
import { parseAudioTags } from '../flv/audio-tag.ts';
import { parseVideoTags } from '../flv/video-tag.ts';
import type { ReadWindow } from '../media/read-window.ts';
import type { Reading } from '../media/stored-media.ts';
import { messageType } from '../rtmp/message.ts';

/** A tag of a file, without its body. */
export interface StoredTag {
  /** Of its header, in the file. */
  readonly at: number;
  readonly typeId: number;
  /** As it stands there: unsigned, 32 bits. */
  readonly timestampMs: number;
  readonly bodyAt: number;
  readonly bodyBytes: number;
  /** Where the next tag begins. */
  readonly nextAt: number;
}

/** A tag is put together in memory before it goes out. The same bound as that of a message that is published. */
export const maxTagBytes = 8_388_608;

/** Enough of a body to see which packet of which codec it is, and whether a decoder can start there. */
const prefixBytes = 48;

/** So many tags behind each other, each where the one before says, are no accident. */
const chainTags = 3;
/** Where the file does not write `PreviousTagSize` as it should be: less is checked of each, so of more. */
const longChainTags = 6;

const reservedBits = 0xc0;

/**
 * What stands in these eleven bytes, if it can be a tag: audio, video or script data on stream 0. `undefined` for what
 * cannot. Throws `ProtocolError` for an encrypted one.
 */
export function storedTagOf(header: Uint8Array, at: number): StoredTag | undefined {
  if (header.length < flvTagHeaderBytes || ((header[0] ?? 0) & reservedBits) !== 0) return undefined;
  const { typeId, encrypted, streamId, bodyBytes, timestampMs } = parseFlvTagHeader(header);
  if (streamId !== 0 || !isKnownType(typeId)) return undefined;
  if (encrypted) throw encryptedTag(at);
  const bodyAt = at + flvTagHeaderBytes;
  return { at, typeId, timestampMs, bodyAt, bodyBytes, nextAt: bodyAt + bodyBytes + previousTagSizeBytes };
}

function isKnownType(typeId: number): boolean {
  return (
    typeId === messageType.audio ||
    typeId === messageType.video ||
    typeId === messageType.dataAmf0 ||
    typeId === messageType.dataAmf3
  );
}

/** The tag at this place; `undefined` where none begins or the file ends within it. */
export function* tagAt(window: ReadWindow, at: number): Reading<StoredTag | undefined> {
  const tag = storedTagOf(yield* window.at(at, flvTagHeaderBytes), at);
  return tag !== undefined && isWhole(tag, window) ? tag : undefined;
}

/** The last length of a file may be missing. */
function isWhole({ bodyAt, bodyBytes }: StoredTag, window: ReadWindow): boolean {
  return bodyAt + bodyBytes <= window.lengthBytes;
}

/**
 * Finds from any byte on where a tag begins, but not at `to` or behind it. A place counts when it looks like a tag and
 * is followed by others; with `chained` each has to have its own length behind it, as the format says and not every
 * writer does.
 */
export function* findTag(
  window: ReadWindow,
  from: number,
  to: number,
  chained: boolean,
): Reading<StoredTag | undefined> {
  let at = from;
  while (at < to) {
    const bytes = yield* window.from(at, flvTagHeaderBytes);
    if (bytes.length < flvTagHeaderBytes) return undefined;
    const end = Math.min(bytes.length - flvTagHeaderBytes + 1, to - at);
    let index = 0;
    while (index < end && !mayBeTag(bytes, index)) index++;
    at += index;
    if (index === end) continue;
    const tag = storedTagOf(bytes.subarray(index, index + flvTagHeaderBytes), at);
    if (tag !== undefined && (yield* isFollowed(window, tag, chained))) return tag;
    at++;
  }
  return undefined;
}

/** At a glance, since each byte is asked. An encrypted tag is none here: it is an error only where one has to be. */
function mayBeTag(bytes: Uint8Array, index: number): boolean {
  return isKnownType(bytes[index] ?? 0) && bytes[index + 8] === 0 && bytes[index + 9] === 0 && bytes[index + 10] === 0;
}

function* isFollowed(window: ReadWindow, first: StoredTag, chained: boolean): Reading<boolean> {
  let tag = first;
  for (let count = 1; count < (chained ? chainTags : longChainTags); count++) {
    if (!isWhole(tag, window)) return false;
    const behindAt = tag.nextAt - previousTagSizeBytes;
    const behind = yield* window.aside(behindAt, previousTagSizeBytes + flvTagHeaderBytes);
    if (chained && !saysLengthOf(behind, tag) && behind.length >= previousTagSizeBytes) return false;
    // The end of the file is as good as another tag.
    if (behind.length <= previousTagSizeBytes) return true;
    const header = behind.subarray(previousTagSizeBytes);
    const next = mayBeTag(header, 0) ? storedTagOf(header, tag.nextAt) : undefined;
    // The last one may have been cut off.
    if (next === undefined) return header.length < flvTagHeaderBytes && count > 1;
    tag = next;
  }
  return true;
}

/** Whether what stands behind a tag is its length. */
export function saysLengthOf(behind: Uint8Array, { bodyBytes }: StoredTag): boolean {
  if (behind.length < previousTagSizeBytes) return false;
  return new DataView(behind.buffer, behind.byteOffset).getUint32(0) === flvTagHeaderBytes + bodyBytes;
}

/** What the body of a tag is, as far as it matters for finding one's way. */
export type TagRole =
  /** A frame: of video with whether a decoder can start there, of the track that is asked for. */
  | 'keyframe'
  | 'frame'
  /** Something that may set up a decoder, or change how it is set up. */
  | 'setup'
  | 'other';

/** `trackId`: of video tracks that whose keyframes count. */
export function* roleOf(window: ReadWindow, tag: StoredTag, trackId: number): Reading<TagRole> {
  if (tag.typeId !== messageType.audio && tag.typeId !== messageType.video) return 'other';
  const prefix = yield* window.at(tag.bodyAt, Math.min(prefixBytes, tag.bodyBytes));
  const role = roleOfBody(tag.typeId, prefix, trackId);
  if (role !== undefined) return role;
  if (tag.bodyBytes > maxTagBytes) return 'other';
  return roleOfBody(tag.typeId, yield* window.aside(tag.bodyAt, tag.bodyBytes), trackId) ?? 'other';
}

/** `undefined` where it ends too early to say: several tracks in one tag. */
function roleOfBody(typeId: number, body: Uint8Array, trackId: number): TagRole | undefined {
  try {
    if (typeId === messageType.audio) {
      const tags = parseAudioTags(body);
      if (tags.some(({ kind }) => kind === 'sequence-header')) return 'setup';
      return tags.some(({ kind }) => kind === 'frame') ? 'frame' : 'other';
    }
    const tags = parseVideoTags(body);
    if (tags.some(({ kind }) => kind === 'sequence-header' || kind === 'color-info')) return 'setup';
    if (tags.some((tag) => tag.kind === 'frame' && tag.keyframe && tag.trackId === trackId)) return 'keyframe';
    return tags.some(({ kind }) => kind === 'frame') ? 'frame' : 'other';
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
