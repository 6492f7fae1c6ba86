import { mpegCrc32 } from '../../base/crc.ts';
import type { StreamType } from './stream-type.ts';

export const pid = { programAssociation: 0, programMap: 0x1000, video: 0x100, audio: 0x101 } as const;

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
  const body = [...uint16(0xe000 | pcrPid), ...uint16(0xf000)];
  for (const stream of streams) {
    const { streamType, registration } = stream.type;
    const format = textEncoder.encode(registration);
    const descriptors = format.length === 0 ? [] : [registrationDescriptor, format.length, ...format];
    body.push(streamType, ...uint16(0xe000 | stream.pid), ...uint16(0xf000 | descriptors.length), ...descriptors);
  }
  return section(tableId.programMap, programNumber, version, body);
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
