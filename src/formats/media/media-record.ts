import { setPieces } from '../../base/byte-pieces.ts';
import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';

/** Four letters that say what it is a record of, and the number of its form. */
export interface MediaRecordForm {
  readonly letters: string;
  readonly version: number;
}

/** Letters, version, checksum of what follows, length of the JSON. */
const headBytes = 16;
const checkedFrom = 12;

/**
 * What was found out about a file, as bytes that can be kept: letters, version, checksum of the rest; then numbers,
 * texts and tracks as JSON, and behind it the bytes that it names. Only for what is ours: nobody else reads or writes it.
 */
export function encodeMediaRecord({ letters, version }: MediaRecordForm, content: unknown): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let partBytes = 0;
  const json = new TextEncoder().encode(
    JSON.stringify(content, (_name: string, value: unknown) => {
      if (!(value instanceof Uint8Array || value instanceof Float64Array)) return value;
      const part = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      parts.push(part);
      partBytes += part.length;
      return { [value instanceof Uint8Array ? bytesName : numbersName]: [partBytes - part.length, part.length] };
    }),
  );
  const bytes = new Uint8Array(headBytes + json.length + partBytes);
  bytes.set(new TextEncoder().encode(letters));
  bytes.set(json, headBytes);
  setPieces(bytes, headBytes + json.length, parts);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, version);
  view.setUint32(12, json.length);
  view.setUint32(8, checksumOf(bytes));
  return bytes;
}

/**
 * What comes out is what went in; bytes in it are views of `bytes`. Throws `ProtocolError` for what is damaged or of
 * another form.
 */
export function decodeMediaRecord({ letters, version }: MediaRecordForm, bytes: Uint8Array): unknown {
  const reader = new ByteReader(bytes, `record of ${letters}`);
  const found = new TextDecoder().decode(reader.bytes(4));
  const foundVersion = reader.uint32();
  if (found !== letters || foundVersion !== version) {
    throw new ProtocolError('MEDIA_RECORD', `not ${letters} ${version}: read the file again`, { byteOffset: 0 });
  }
  const checksum = reader.uint32();
  if (checksumOf(bytes) !== checksum) {
    throw new ProtocolError('MEDIA_RECORD', 'its checksum is another: read the file again', { byteOffset: 8 });
  }
  const json = reader.bytes(reader.uint32());
  const parts = reader.rest();
  return JSON.parse(new TextDecoder().decode(json), (_name: string, value: unknown) => revived(value, parts));
}

const spread = 0x9e37_79b1;

/**
 * Of all from `checkedFrom` on. What is kept of a film is megabytes, which somebody waits for: four numbers of 32 bits at a
 * time, each in a sum of its own that goes into all bits of what comes behind it (as FNV-1a, with a constant that
 * spreads more). In the order of bytes that the machine has: nobody else reads it.
 */
function checksumOf(bytes: Uint8Array): number {
  const from = bytes.byteOffset + checkedFrom;
  const checked = from % 4 === 0 ? bytes.subarray(checkedFrom) : bytes.slice(checkedFrom);
  const words = new Int32Array(checked.buffer, checked.byteOffset, checked.length >> 2);
  const end = words.length - (words.length % 4);
  let [a, b, c, d] = [bytes.length, 1, 2, 3];
  for (let at = 0; at < end; at += 4) {
    a = Math.imul(a ^ (words[at] ?? 0), spread);
    b = Math.imul(b ^ (words[at + 1] ?? 0), spread);
    c = Math.imul(c ^ (words[at + 2] ?? 0), spread);
    d = Math.imul(d ^ (words[at + 3] ?? 0), spread);
    a ^= a >>> 15;
    b ^= b >>> 15;
    c ^= c >>> 15;
    d ^= d >>> 15;
  }
  let value = 0;
  for (const sum of [a, b, c, d]) value = Math.imul(value ^ sum, spread) ^ (value >>> 15);
  for (let at = end * 4; at < checked.length; at++) value = Math.imul(value ^ (checked[at] ?? 0), spread);
  return (value ^ (value >>> 13)) >>> 0;
}

/** The one property of an object that stands for bytes, or numbers: where they begin and how many bytes they take. */
const bytesName = '$bytes';
const numbersName = '$numbers';

function revived(value: unknown, parts: Uint8Array): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (bytesName in value) return partOf(value[bytesName], parts);
  // A copy: numbers have to stand where they can be read as such.
  return numbersName in value ? new Float64Array(partOf(value[numbersName], parts).slice().buffer) : value;
}

function partOf(place: unknown, parts: Uint8Array): Uint8Array {
  const [from = 0, length = 0] = Array.isArray(place) ? place.map(Number) : [];
  return parts.subarray(from, from + length);
}
