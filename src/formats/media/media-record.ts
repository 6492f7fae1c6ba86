import { ByteReader } from '../../base/byte-reader.ts';
import { mpegCrc32 } from '../../base/crc.ts';
import { ProtocolError } from '../../base/errors.ts';

/** Four letters that say what it is a record of, and the number of its form. */
export interface MediaRecordForm {
  readonly letters: string;
  readonly version: number;
}

const headBytes = 12;

/**
 * What was found out about a file, as bytes that can be kept: letters, version, checksum of the rest; then numbers,
 * texts, tracks and bytes, as JSON. Only for what is ours: nobody else reads or writes it.
 */
export function encodeMediaRecord({ letters, version }: MediaRecordForm, content: unknown): Uint8Array<ArrayBuffer> {
  const body = new TextEncoder().encode(JSON.stringify(content, replaced));
  const bytes = new Uint8Array(headBytes + body.length);
  bytes.set(new TextEncoder().encode(letters));
  bytes.set(body, headBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, version);
  view.setUint32(8, mpegCrc32(body));
  return bytes;
}

/** Throws `ProtocolError` for what is damaged or of another form. What comes out is what went in. */
export function decodeMediaRecord({ letters, version }: MediaRecordForm, bytes: Uint8Array): unknown {
  const reader = new ByteReader(bytes, `record of ${letters}`);
  const found = new TextDecoder().decode(reader.bytes(4));
  const foundVersion = reader.uint32();
  if (found !== letters || foundVersion !== version) {
    throw new ProtocolError('MEDIA_RECORD', `not ${letters} ${version}: read the file again`, { byteOffset: 0 });
  }
  const checksum = reader.uint32();
  const body = reader.rest();
  if (mpegCrc32(body) !== checksum) {
    throw new ProtocolError('MEDIA_RECORD', 'its checksum is another: read the file again', { byteOffset: 8 });
  }
  return JSON.parse(new TextDecoder().decode(body), revived);
}

/** The one property of an object that stands for bytes. */
const bytesName = '$bytes';
const numbersName = '$numbers';

function replaced(_name: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return { [bytesName]: value.toBase64() };
  return value instanceof Float64Array ? { [numbersName]: Array.from(value) } : value;
}

function revived(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (bytesName in value && typeof value[bytesName] === 'string') return Uint8Array.fromBase64(value[bytesName]);
  if (numbersName in value && Array.isArray(value[numbersName])) return Float64Array.from(value[numbersName]);
  return value;
}
