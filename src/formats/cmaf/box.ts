import { setPieces, totalLength } from '../../base/byte-pieces.ts';

/** A piece of a box's body: a number of the stated width, big-endian, or bytes. */
export type BoxField = Uint8Array;

const textEncoder = new TextEncoder();

/** A box: 32-bit size, fourcc, body (ISO/IEC 14496-12 §4.2). */
export function box(fourcc: string, ...body: readonly BoxField[]): Uint8Array {
  const size = 8 + totalLength(body);
  const bytes = new Uint8Array(size);
  bytes.set(uint32(size), 0);
  bytes.set(text(fourcc), 4);
  setPieces(bytes, 8, body);
  return bytes;
}

/** A box that begins with a version and 24 bits of flags (ISO/IEC 14496-12 §4.2.2). */
export function fullBox(fourcc: string, version: number, flags: number, ...body: readonly BoxField[]): Uint8Array {
  return box(fourcc, uint32(((version << 24) | flags) >>> 0), ...body);
}

export function uint8(...values: readonly number[]): BoxField {
  return Uint8Array.from(values);
}

export function uint16(...values: readonly number[]): BoxField {
  const bytes = new Uint8Array(values.length * 2);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => view.setUint16(index * 2, value));
  return bytes;
}

export function uint32(...values: readonly number[]): BoxField {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => view.setUint32(index * 4, value));
  return bytes;
}

/** The bytes of a string of ASCII characters, without terminator. */
export function text(value: string): BoxField {
  return textEncoder.encode(value);
}

export function zeros(count: number): BoxField {
  return new Uint8Array(count);
}
