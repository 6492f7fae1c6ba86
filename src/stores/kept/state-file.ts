import { crc32 } from 'node:zlib';

/** Of the file as a whole; what the state means is the business of who writes it. */
const format = 1;

/** A line of JSON with a checksum, so that a file that was cut off or changed is not taken for a state. */
export function encodeStateFile(state: unknown): Uint8Array {
  const text = JSON.stringify(state);
  return Buffer.from(`{"format":${format},"checksum":${crc32(text)},"state":${text}}\n`);
}

/** The state. Throws an error with a sentence for what is none. */
export function decodeStateFile(file: Uint8Array): unknown {
  const text = Buffer.from(file).toString();
  const [, found, checksum, state = ''] = /^\{"format":(\d+),"checksum":(\d+),"state":(.*)\}\n$/s.exec(text) ?? [];
  if (found === undefined) throw new Error('is no state of a live stream, or not whole');
  if (Number(found) !== format) throw new Error(`is of format ${found}, this program reads format ${format}`);
  if (crc32(state) !== Number(checksum)) throw new Error('is damaged: its checksum does not fit');
  return JSON.parse(state) as unknown;
}
