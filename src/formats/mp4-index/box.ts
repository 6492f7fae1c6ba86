import { ProtocolError } from '../../base/errors.ts';

/** A box that has been read (ISO/IEC 14496-12 §4.2), and where it stands. */
export interface Box {
  /** Four characters, those beyond ASCII as Latin-1. */
  readonly type: string;
  /** `moov/trak[2]/mdia`: of boxes that may stand more than once, which one it is. */
  readonly path: string;
  /** In the file, of the first byte of the body. */
  readonly bodyOffset: number;
  /** A view. */
  readonly body: Uint8Array;
}

/** What the first bytes of a box say. */
export interface BoxHead {
  readonly type: string;
  readonly headBytes: number;
  /** With the head; `undefined` for a box that reaches to the end of the file. */
  readonly sizeBytes: number | undefined;
}

/** A size of 64 bits, and a type of 128 (`uuid`), which counts as part of the body. */
export const longestBoxHeadBytes = 16;
const boxHeadBytes = 8;

/**
 * Reads the head of a box; `undefined` where `bytes` has too few from `at` on. Throws `ProtocolError` for a size that is
 * less than the head or beyond 2^53. `fileOffset` is that of `at`.
 */
export function readBoxHead(bytes: Uint8Array, at: number, fileOffset: number, path: string): BoxHead | undefined {
  if (bytes.length - at < boxHeadBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const type = String.fromCharCode(view.getUint8(4), view.getUint8(5), view.getUint8(6), view.getUint8(7));
  const size = view.getUint32(0);
  if (size === 0) return { type, headBytes: boxHeadBytes, sizeBytes: undefined };
  if (size !== 1) {
    if (size < boxHeadBytes) throw sizeError(path, type, `${size} bytes, less than its own head`, fileOffset);
    return { type, headBytes: boxHeadBytes, sizeBytes: size };
  }
  if (bytes.length - at < longestBoxHeadBytes) return undefined;
  const sizeBytes = view.getUint32(8) * 2 ** 32 + view.getUint32(12);
  if (sizeBytes < longestBoxHeadBytes)
    throw sizeError(path, type, `${sizeBytes} bytes, less than its own head`, fileOffset);
  if (!Number.isSafeInteger(sizeBytes)) throw sizeError(path, type, `${sizeBytes} bytes, beyond 2^53`, fileOffset);
  return { type, headBytes: longestBoxHeadBytes, sizeBytes };
}

const damaged = 'the file is damaged, write or copy it again';

function sizeError(path: string, type: string, sentence: string, byteOffset: number): ProtocolError {
  return new ProtocolError(
    'MP4_BOX_SIZE',
    `the box ${[path, type].filter(Boolean).join('/')} says it has ${sentence}`,
    {
      byteOffset,
      section: 'ISO/IEC 14496-12 §4.2',
      remedy: damaged,
    },
  );
}

/** Boxes that may stand more than once in theirs, of which a path says which it is. */
const repeated = new Set(['trak', 'traf', 'trun', 'trex']);

/**
 * The boxes in `parent`, whose own fields take its first `fieldBytes`. Throws `ProtocolError` for a box that does not
 * fit into it. Less than a head at the end, and a size of 0, end the list: QuickTime writes four zeros there.
 */
export function* childBoxes(parent: Box, fieldBytes = 0): Generator<Box, void> {
  const { body, bodyOffset, path } = parent;
  const counts = new Map<string, number>();
  let at = fieldBytes;
  while (at < body.length) {
    const head = readBoxHead(body, at, bodyOffset + at, path);
    if (head?.sizeBytes === undefined) return;
    const { type, headBytes, sizeBytes } = head;
    if (sizeBytes > body.length - at) {
      const room = `${sizeBytes} bytes, but ${body.length - at} are left in ${path}`;
      throw sizeError(path, type, room, bodyOffset + at);
    }
    const place = (counts.get(type) ?? 0) + 1;
    if (repeated.has(type)) counts.set(type, place);
    yield {
      type,
      path: `${path}/${type}${repeated.has(type) ? `[${place}]` : ''}`,
      bodyOffset: bodyOffset + at + headBytes,
      body: body.subarray(at + headBytes, at + sizeBytes),
    };
    at += sizeBytes;
  }
}

/** The first box of this type in `parent`. Throws as `childBoxes`. */
export function childBox(parent: Box, type: string, fieldBytes = 0): Box | undefined {
  for (const child of childBoxes(parent, fieldBytes)) if (child.type === type) return child;
  return undefined;
}

/** The same for a box without which nothing can be played. */
export function requiredChild(parent: Box, type: string): Box {
  const child = childBox(parent, type);
  if (child === undefined) throw boxError(parent, `holds no ${type}`);
  return child;
}

/** `offset` counts from the beginning of the body. */
export function boxError(box: Box, sentence: string, offset = 0): ProtocolError {
  return new ProtocolError('MP4_BOX', `${box.path} ${sentence}`, {
    byteOffset: box.bodyOffset + offset,
    remedy: damaged,
  });
}

/** A table of entries of one width in a box, of which the announced number has been found to be there. */
export interface BoxTable {
  readonly count: number;
  /** Unsigned number `field` of an entry, of 32 bits. */
  readonly uint32: (entry: number, field: number) => number;
  /** Of the entry's first byte. */
  readonly view: DataView;
}

/**
 * The table that begins at `offset` of the body with a count of 32 bits. Throws `ProtocolError` where fewer entries are
 * there than are announced: nothing is allocated before that is known.
 */
export function boxTable(box: Box, offset: number, entryBytes: number): BoxTable {
  const count = boxField(box, offset);
  const from = offset + 4;
  const room = Math.floor((box.body.length - from) / entryBytes);
  if (count > room) throw boxError(box, `announces ${count} entries and has bytes for ${Math.max(room, 0)}`, offset);
  const view = new DataView(box.body.buffer, box.body.byteOffset + from, count * entryBytes);
  return { count, view, uint32: (entry, field) => view.getUint32(entry * entryBytes + field * 4) };
}

/** An unsigned number of 32 bits of the body. Throws `ProtocolError` where it ends before. */
export function boxField(box: Box, offset: number): number {
  const { body } = box;
  if (offset + 4 > body.length) throw boxError(box, `ends after ${body.length} bytes`, offset);
  return new DataView(body.buffer, body.byteOffset + offset).getUint32(0);
}
