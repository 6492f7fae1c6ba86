import { BitReader } from '../../base/bit-reader.ts';
import { mpegCrc32 } from '../../base/crc.ts';
import { ProtocolError } from '../../base/errors.ts';
import { type SegmentationDescriptor, readSegmentationDescriptors } from './segmentation-descriptor.ts';

/** What a section asks for (ANSI/SCTE 35 §9.7). */
export type SpliceCommand =
  | {
      readonly kind: 'splice-insert';
      readonly eventId: number;
      readonly cancelled: false;
      /** Away from the network, into a break; otherwise back. */
      readonly outOfNetwork: boolean;
      /** Of the break, if said. */
      readonly durationSeconds: number | undefined;
      /** It ends after that by itself. */
      readonly autoReturn: boolean;
    }
  | { readonly kind: 'splice-insert'; readonly eventId: number; readonly cancelled: true }
  /** Says by its descriptors what happens. */
  | { readonly kind: 'time-signal' }
  /** `splice_null` and others that mark nothing, and what is encrypted. */
  | { readonly kind: 'other' };

export interface SpliceInfoSection {
  readonly command: SpliceCommand;
  readonly segmentation: readonly SegmentationDescriptor[];
}

const tableId = 0xfc;
const commandType = { spliceInsert: 0x05, timeSignal: 0x06 } as const;
/** A length that the sender did not fill in. */
const unknownLength = 0xfff;
/** Before `splice_command_length`, and before the command. */
const headBytes = 14;
/** table_id and section_length. */
const prefixBytes = 3;
const crcBytes = 4;
const ticksPerSecond = 90_000;

/**
 * Reads a `splice_info_section()` (ANSI/SCTE 35 §9.6): a whole one, and nothing behind it. Its times are those of another
 * clock, and are not read. Throws `ProtocolError` for what is none, or is damaged.
 */
export function readSpliceInfoSection(bytes: Uint8Array): SpliceInfoSection {
  const reader = new BitReader(bytes, 'the splice_info_section');
  if (reader.bits(8) !== tableId) throw spliceError('a table that is no splice_info_section');
  reader.skip(4);
  const lengthBytes = reader.bits(12);
  if (bytes.length !== prefixBytes + lengthBytes || lengthBytes < headBytes - prefixBytes + 2 + crcBytes) {
    throw spliceError(`a section of ${lengthBytes} bytes in ${bytes.length}`);
  }
  if (mpegCrc32(bytes) !== 0) throw spliceError('a checksum that does not fit');
  reader.skip(8);
  const isEncrypted = reader.flag();
  reader.skip(6 + 33 + 8 + 12);
  const commandBytes = reader.bits(12);
  const type = reader.bits(8);
  if (isEncrypted) return { command: { kind: 'other' }, segmentation: [] };
  const content = bytes.subarray(headBytes, bytes.length - crcBytes);
  const body = new BitReader(content, 'the splice command');
  const command = readCommand(type, body);
  if (commandBytes === unknownLength && command.kind === 'other') return { command, segmentation: [] };
  const readBytes = content.length - body.remainingBits / 8;
  const descriptorsAt = commandBytes === unknownLength ? readBytes : commandBytes;
  return { command, segmentation: readSegmentationDescriptors(content.subarray(descriptorsAt)) };
}

function readCommand(type: number, reader: BitReader): SpliceCommand {
  switch (type) {
    case commandType.spliceInsert:
      return readSpliceInsert(reader);
    case commandType.timeSignal:
      skipSpliceTime(reader);
      return { kind: 'time-signal' };
    default:
      return { kind: 'other' };
  }
}

/** §9.7.3. */
function readSpliceInsert(reader: BitReader): SpliceCommand {
  const eventId = reader.bits(32);
  const cancelled = reader.flag();
  reader.skip(7);
  if (cancelled) return { kind: 'splice-insert', eventId, cancelled };
  const outOfNetwork = reader.flag();
  const isProgram = reader.flag();
  const hasDuration = reader.flag();
  const isImmediate = reader.flag();
  reader.skip(4);
  if (isProgram && !isImmediate) skipSpliceTime(reader);
  for (let left = isProgram ? 0 : reader.bits(8); left > 0; left--) {
    reader.skip(8);
    if (!isImmediate) skipSpliceTime(reader);
  }
  let autoReturn = false;
  let durationSeconds: number | undefined;
  if (hasDuration) {
    autoReturn = reader.flag();
    reader.skip(6);
    durationSeconds = (reader.bit() * 2 ** 32 + reader.bits(32)) / ticksPerSecond;
  }
  reader.skip(32);
  return { kind: 'splice-insert', eventId, cancelled, outOfNetwork, durationSeconds, autoReturn };
}

/** §9.8.1. */
function skipSpliceTime(reader: BitReader): void {
  reader.skip(reader.flag() ? 6 + 33 : 7);
}

function spliceError(sentence: string): ProtocolError {
  return new ProtocolError('SCTE35', sentence, { section: 'ANSI/SCTE 35 §9.6' });
}
