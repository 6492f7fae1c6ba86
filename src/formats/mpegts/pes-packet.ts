import { setPieces, totalLength } from '../../base/byte-pieces.ts';
import { timestampBytes, wrapped } from './timestamp.ts';

/** What stands in a PES packet (ISO/IEC 13818-1 §2.4.3.6): one access unit or several. Ticks of 90 kHz. */
export interface PesPacket {
  readonly streamId: number;
  /** Of the first access unit. */
  readonly ptsTicks: number;
  readonly dtsTicks: number;
  /** One after the other, they are the payload. */
  readonly pieces: readonly Uint8Array[];
  /** Its length may be left open: allowed for video only, and needed beyond 64 KiB. */
  readonly isOpenEnded: boolean;
}

/** So that it can be spread over sixteen transport packets. */
const leastBytes = 16;
const headBytes = 9;

/** What a PES packet that says its length may hold. */
export const largestPesPayload = 65_000;

export function pesPacket({ streamId, ptsTicks, dtsTicks, pieces, isOpenEnded }: PesPacket): Uint8Array {
  const hasDts = wrapped(ptsTicks) !== wrapped(dtsTicks);
  const timestamps = hasDts
    ? [...timestampBytes(3, ptsTicks), ...timestampBytes(1, dtsTicks)]
    : timestampBytes(2, ptsTicks);
  const payloadBytes = totalLength(pieces);
  const stuffing = Math.max(0, leastBytes - headBytes - timestamps.length - payloadBytes);
  const headerDataBytes = timestamps.length + stuffing;
  const followingBytes = 3 + headerDataBytes + payloadBytes;
  const lengthField = isOpenEnded ? 0 : followingBytes;
  const bytes = new Uint8Array(6 + followingBytes);
  bytes.set([0, 0, 1, streamId, lengthField >> 8, lengthField & 0xff]);
  // Access units begin with the payload: data_alignment_indicator.
  bytes.set([0x84, hasDts ? 0xc0 : 0x80, headerDataBytes, ...timestamps], 6);
  bytes.fill(0xff, headBytes + timestamps.length, headBytes + headerDataBytes);
  setPieces(bytes, headBytes + headerDataBytes, pieces);
  return bytes;
}
