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

/** What a record begins with: `SFSG` where the segment ends with it, `SFSP` where more of it may follow. */
const endingMagic = 0x53_46_53_47;
const partialMagic = 0x53_46_53_50;
/** Of what follows. */
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

/** One file of one record. The media is not copied: its memory must be held for as long as the pieces are needed. */
export function encodeSegmentFile(kept: KeptSegment): Uint8Array[] {
  return encodeSegmentEnd(kept, 0);
}

/** What makes a file of the records of the first `from` parts of a segment: the parts from there on, if any, and its end. */
export function encodeSegmentEnd({ segment, ...beside }: KeptSegment, from: number): Uint8Array[] {
  const parts = segment.parts.slice(from);
  const byteLength = parts.reduce((sum, part) => sum + partLength(part), 0);
  return encodeRecord({ ...beside, segment: { ...segment, parts, byteLength } }, endingMagic);
}

/** Some parts of a segment, behind those before them: `durationSeconds` and `byteLength` are theirs. */
export function encodeOpenParts(kept: KeptSegment): Uint8Array[] {
  return encodeRecord(kept, partialMagic);
}

/** Prefix, head in JSON, and the parts one after the other. It says itself whether all of it is there. */
function encodeRecord({ segment, ...beside }: KeptSegment, magic: number): Uint8Array[] {
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
  let rest = file;
  while (!isRecordCutOff(rest)) {
    if (!isPartial(rest)) return false;
    rest = rest.subarray(recordLength(rest));
  }
  return true;
}

/**
 * The records of a segment that was open: one segment of their parts, which has ended there. What a kill has cut off is
 * left out; `undefined` where nothing is whole. Throws as `decodeSegmentFile`.
 */
export function decodeOpenFile(file: Uint8Array<ArrayBuffer>): KeptSegment | undefined {
  let open: KeptSegment | undefined;
  for (const record of wholeRecords(file)) open = withRecord(open, record);
  return open;
}

/** Throws an error with a sentence for what is no whole segment file. */
export function decodeSegmentFile(file: Uint8Array<ArrayBuffer>): KeptSegment {
  let before: KeptSegment | undefined;
  let rest = file;
  while (!isRecordCutOff(rest) && isPartial(rest)) {
    before = withRecord(before, rest.subarray(0, recordLength(rest)));
    rest = rest.subarray(recordLength(rest));
  }
  return withRecord(before, rest);
}

/**
 * The segments of a file of several, each as `encodeSegmentFile` makes it, in order. One that a kill has cut off is left
 * out. Throws as `decodeSegmentFile`.
 */
export function decodeSegmentsFile(file: Uint8Array<ArrayBuffer>): KeptSegment[] {
  return Array.from(wholeRecords(file), decodeRecord);
}

/** What is no record is one that cannot be decoded. */
function* wholeRecords(file: Uint8Array<ArrayBuffer>): Generator<Uint8Array<ArrayBuffer>> {
  for (let rest = file; !isRecordCutOff(rest); rest = rest.subarray(recordLength(rest))) {
    yield rest.subarray(0, recordLength(rest));
  }
}

function isRecordCutOff(record: Uint8Array): boolean {
  if (record.length < prefixBytes) return true;
  const prefix = prefixOf(record);
  const isOurs = [endingMagic, partialMagic].includes(prefix.readUInt32BE(0)) && prefix.readUInt32BE(4) === version;
  return isOurs && record.length < recordLength(record);
}

/** More of the segment may follow. */
function isPartial(record: Uint8Array): boolean {
  return prefixOf(record).readUInt32BE(0) === partialMagic;
}

/** What the prefix says that the record has. */
function recordLength(record: Uint8Array): number {
  const prefix = prefixOf(record);
  return prefixBytes + prefix.readUInt32BE(8) + prefix.readUInt32BE(12);
}

function prefixOf(record: Uint8Array): Buffer {
  return Buffer.from(record.buffer, record.byteOffset, prefixBytes);
}

/** The segment up to the end of a record. Only the last says how long all of it is. */
function withRecord(before: KeptSegment | undefined, record: Uint8Array<ArrayBuffer>): KeptSegment {
  const kept = decodeRecord(record);
  if (before === undefined) return kept;
  const { durationSeconds, byteLength, parts } = kept.segment;
  return {
    ...kept,
    segment: {
      ...kept.segment,
      durationSeconds: isPartial(record) ? before.segment.durationSeconds + durationSeconds : durationSeconds,
      byteLength: before.segment.byteLength + byteLength,
      parts: [...before.segment.parts, ...parts],
    },
  };
}

function decodeRecord(file: Uint8Array<ArrayBuffer>): KeptSegment {
  if (file.length < prefixBytes) throw new Error(`has ${file.length} bytes, too few for a segment`);
  const reader = new ByteReader(file, 'the segment');
  if (![endingMagic, partialMagic].includes(reader.uint32())) throw new Error('is no segment of a live stream');
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
