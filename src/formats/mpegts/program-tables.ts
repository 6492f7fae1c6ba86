import { mpegCrc32 } from '../../base/crc.ts';
import { type StreamType, streamTypes } from './stream-type.ts';
import { metadataDescriptor, metadataPointerDescriptor } from './timed-id3.ts';

export const pid = { programAssociation: 0, programMap: 0x1000, video: 0x100, audio: 0x101, metadata: 0x102 } as const;

const tableId = { programAssociation: 0, programMap: 2 } as const;
const programNumber = 1;
const transportStreamId = 1;
const registrationDescriptor = 5;
const textEncoder = new TextEncoder();

/** One elementary stream of the program. */
export interface ProgramStream {
  readonly pid: number;
  readonly type: StreamType;
}

/** The PAT of a transport stream with one program (ISO/IEC 13818-1 §2.4.4.3), from its table_id on. */
export function programAssociationSection(): Uint8Array {
  return section(tableId.programAssociation, transportStreamId, 0, [
    ...uint16(programNumber),
    ...uint16(0xe000 | pid.programMap),
  ]);
}

/** The PMT (§2.4.4.8), from its table_id on. `version` (5 bits) is another one when the streams are. */
export function programMapSection(streams: readonly ProgramStream[], pcrPid: number, version: number): Uint8Array {
  const hasMetadata = streams.some(({ type }) => type === streamTypes.id3);
  const programInfo = hasMetadata ? metadataPointerDescriptor(programNumber) : [];
  const body = [...uint16(0xe000 | pcrPid), ...uint16(0xf000 | programInfo.length), ...programInfo];
  for (const stream of streams) {
    const descriptors = descriptorsOf(stream.type);
    const head = [...uint16(0xe000 | stream.pid), ...uint16(0xf000 | descriptors.length)];
    body.push(stream.type.streamType, ...head, ...descriptors);
  }
  return section(tableId.programMap, programNumber, version, body);
}

function descriptorsOf(type: StreamType): readonly number[] {
  if (type === streamTypes.id3) return metadataDescriptor();
  const format = textEncoder.encode(type.registration);
  return format.length === 0 ? [] : [registrationDescriptor, format.length, ...format];
}

function section(table: number, extension: number, version: number, body: readonly number[]): Uint8Array {
  const lengthBytes = 5 + body.length + 4;
  const bytes = [
    table,
    ...uint16(0xb000 | lengthBytes),
    ...uint16(extension),
    0xc1 | ((version & 0x1f) << 1), // current
    0, // section_number
    0, // last_section_number
    ...body,
  ];
  const check = mpegCrc32(bytes);
  return Uint8Array.from([...bytes, ...uint16(check >>> 16), ...uint16(check & 0xffff)]);
}

function uint16(value: number): [number, number] {
  return [value >> 8, value & 0xff];
}
