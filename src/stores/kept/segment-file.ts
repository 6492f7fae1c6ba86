import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { ByteReader } from '../../base/byte-reader.ts';
import { heldBytes, partLength, type StoredPart, type StoredSegment } from '../segment-window.ts';

/** A complete segment of a live rendition, with what a restart needs to know besides. */
export interface KeptSegment {
  readonly segment: StoredSegment;
  /** Discontinuities of the rendition up to here, its own among them. */
  readonly discontinuities: number;
  readonly unitCount: number;
  /** Of its last part (ISO/IEC 14496-12 §8.8.5). */
  readonly sequenceNumber: number;
  /** I-frames of the rendition up to here. */
  readonly iFrames: number;
}

/** `SFSG` and the version of what follows. */
const magic = 0x53_46_53_47;
const version = 1;
/** Magic, version, lengths of head and media, and the checksum over both. */
const prefixBytes = 20;
const maxHeadBytes = 16_777_216;

const headSchema = z.strictObject({
  msn: z.int().min(0),
  startSeconds: z.number(),
  programDateTime: z.string(),
  independent: z.boolean(),
  discontinuity: z.boolean(),
  initIndex: z.int().min(0),
  durationSeconds: z.number().positive(),
  gap: z.boolean(),
  parts: z.array(
    z.strictObject({
      bytes: z.int().min(0),
      durationSeconds: z.number(),
      independent: z.boolean(),
      gap: z.boolean(),
    }),
  ),
  discontinuities: z.int().min(0),
  unitCount: z.int().min(0),
  sequenceNumber: z.int().min(0),
  iFrames: z.int().min(0),
});

/**
 * One file: prefix, head in JSON, and the parts one after the other. The file says itself whether all of it is there:
 * one that a kill has cut off is shorter than its prefix says. The media is not copied: whose memory is used again must be
 * held for as long as the pieces are needed.
 */
export function encodeSegmentFile({ segment, ...beside }: KeptSegment): Uint8Array[] {
  const { byteLength, parts, ...facts } = segment;
  const head: z.input<typeof headSchema> = {
    msn: facts.msn,
    startSeconds: facts.startSeconds,
    programDateTime: facts.programDateTime,
    independent: facts.independent,
    discontinuity: facts.discontinuity,
    initIndex: facts.initIndex,
    durationSeconds: facts.durationSeconds,
    gap: facts.gap,
    parts: parts.map((part) => {
      const { durationSeconds, independent, gap } = part;
      return { durationSeconds, independent, gap, bytes: partLength(part) };
    }),
    ...beside,
  };
  const headBytes = Buffer.from(JSON.stringify(head));
  const media = parts.map(heldBytes);
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(magic, 0);
  prefix.writeUInt32BE(version, 4);
  prefix.writeUInt32BE(headBytes.length, 8);
  prefix.writeUInt32BE(byteLength, 12);
  prefix.writeUInt32BE(
    media.reduce((checksum, bytes) => crc32(bytes, checksum), crc32(headBytes)),
    16,
  );
  return [prefix, headBytes, ...media];
}

/** Whether the file is the beginning of a segment: what a kill leaves behind. */
export function isCutOff(file: Uint8Array): boolean {
  if (file.length < prefixBytes) return true;
  const view = Buffer.from(file.buffer, file.byteOffset, prefixBytes);
  return view.readUInt32BE(0) === magic && view.readUInt32BE(4) === version && file.length < wholeLength(file);
}

/**
 * The parts of a segment that was open, each as a segment of its own, one behind the other: one segment of them, which has
 * ended there. What a kill has cut off is left out; `undefined` where nothing is whole. Throws as `decodeSegmentFile`.
 */
export function decodeOpenFile(file: Uint8Array<ArrayBuffer>): KeptSegment | undefined {
  let open: KeptSegment | undefined;
  for (let rest = file; !isCutOff(rest); ) {
    const kept = decodeSegmentFile(rest.subarray(0, wholeLength(rest)));
    rest = rest.subarray(wholeLength(rest));
    const before = open?.segment ?? { durationSeconds: 0, byteLength: 0, parts: [] };
    const { durationSeconds, byteLength, parts } = kept.segment;
    open = {
      ...kept,
      segment: {
        ...kept.segment,
        durationSeconds: before.durationSeconds + durationSeconds,
        byteLength: before.byteLength + byteLength,
        parts: [...before.parts, ...parts],
      },
    };
  }
  return open;
}

/** What the prefix says that the file has. */
function wholeLength(file: Uint8Array): number {
  const view = Buffer.from(file.buffer, file.byteOffset, prefixBytes);
  return prefixBytes + view.readUInt32BE(8) + view.readUInt32BE(12);
}

/** Throws an error with a sentence for what is no whole segment file. */
export function decodeSegmentFile(file: Uint8Array<ArrayBuffer>): KeptSegment {
  if (file.length < prefixBytes) throw new Error(`has ${file.length} bytes, too few for a segment`);
  const reader = new ByteReader(file, 'the segment');
  if (reader.uint32() !== magic) throw new Error('is no segment of a live stream');
  const found = reader.uint32();
  if (found !== version) throw new Error(`is of version ${found}, this program reads version ${version}`);
  const [headLength, mediaLength, checksum] = [reader.uint32(), reader.uint32(), reader.uint32()];
  if (headLength > maxHeadBytes || file.length !== prefixBytes + headLength + mediaLength) {
    throw new Error(`has ${file.length} bytes, not ${prefixBytes + headLength + mediaLength}: it is not whole`);
  }
  const content = file.subarray(prefixBytes);
  if (crc32(content) !== checksum) throw new Error('is damaged: its checksum does not fit');
  const head = headSchema.parse(JSON.parse(Buffer.from(content.subarray(0, headLength)).toString()));
  let offset = prefixBytes + headLength;
  const parts = head.parts.map(({ bytes, ...part }): StoredPart => {
    offset += bytes;
    return { ...part, bytes: file.subarray(offset - bytes, offset) };
  });
  if (offset !== file.length) throw new Error('has parts that are longer or shorter than its media');
  const { discontinuities, unitCount, sequenceNumber, iFrames, ...facts } = head;
  return { segment: { ...facts, parts, byteLength: mediaLength }, discontinuities, unitCount, sequenceNumber, iFrames };
}
