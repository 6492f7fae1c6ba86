import { ProtocolError } from '../../base/errors.ts';

/** NAL unit types that matter outside of a decoder (ISO/IEC 14496-10 table 7-1). */
export const nalUnitType = {
  idrSlice: 5,
  sei: 6,
  sps: 7,
  pps: 8,
  accessUnitDelimiter: 9,
} as const;

/** Of the first byte of a NAL unit (§7.3.1). */
export function typeOfNalUnit(nalUnit: Uint8Array): number {
  return (nalUnit[0] ?? 0) & 0x1f;
}

/**
 * The NAL units of an access unit as MP4 and FLV carry it, each behind its length (ISO/IEC 14496-15 §5.3.4.2.1). Views,
 * no copies; units of length 0 are left out. Throws `ProtocolError` when one ends early.
 */
export function* lengthPrefixedNalUnits(data: Uint8Array, lengthBytes: 1 | 2 | 4): Generator<Uint8Array, void> {
  let at = 0;
  while (at < data.length) {
    let length = 0;
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + (data[at + i] ?? 0);
    const begin = at + lengthBytes;
    // Also when the length itself is cut off: `begin` lies beyond the end then.
    if (begin + length > data.length) {
      throw new ProtocolError(
        'AVC_NAL_UNIT',
        `a NAL unit of ${length} bytes where ${Math.max(0, data.length - begin)} are left`,
        { byteOffset: at, section: 'ISO/IEC 14496-15 §5.3.4.2.1' },
      );
    }
    at = begin + length;
    if (length > 0) yield data.subarray(begin, at);
  }
}

/** Whether a decoder can start at this access unit: it holds a slice of an IDR picture. Throws as above. */
export function containsIdrSlice(data: Uint8Array, lengthBytes: 1 | 2 | 4): boolean {
  for (const nalUnit of lengthPrefixedNalUnits(data, lengthBytes)) {
    if (typeOfNalUnit(nalUnit) === nalUnitType.idrSlice) return true;
  }
  return false;
}

/** The NAL units of a byte stream with start codes (ISO/IEC 14496-10 annex B). Views, no copies. */
export function* annexBNalUnits(bytes: Uint8Array): Generator<Uint8Array, void> {
  let start = nextStartCode(bytes, 0);
  while (start !== undefined) {
    const begin = start + 3;
    const next = nextStartCode(bytes, begin);
    let end = next ?? bytes.length;
    // Zeros before a start code, and after the last unit, belong to no unit: the last byte of a NAL unit is never 0.
    while (end > begin && bytes[end - 1] === 0) end--;
    if (end > begin) yield bytes.subarray(begin, end);
    start = next;
  }
}

/** From annex B to four-byte lengths. Bytes before the first start code are left out. */
export function annexBToLengthPrefixed(bytes: Uint8Array): Uint8Array {
  const nalUnits = [...annexBNalUnits(bytes)];
  const data = new Uint8Array(nalUnits.reduce((length, nalUnit) => length + 4 + nalUnit.length, 0));
  const view = new DataView(data.buffer);
  let at = 0;
  for (const nalUnit of nalUnits) {
    view.setUint32(at, nalUnit.length);
    data.set(nalUnit, at + 4);
    at += 4 + nalUnit.length;
  }
  return data;
}

function nextStartCode(bytes: Uint8Array, from: number): number | undefined {
  // indexOf runs at the speed of memory, a loop in JavaScript does not.
  for (let one = bytes.indexOf(1, from + 2); one !== -1; one = bytes.indexOf(1, one + 1)) {
    if (bytes[one - 1] === 0 && bytes[one - 2] === 0) return one - 2;
  }
  return undefined;
}

/** The payload of a NAL unit without its emulation prevention bytes: every 3 in `00 00 03` (§7.4.1). */
export function rawByteSequencePayload(nalUnit: Uint8Array): Uint8Array {
  const payload = new Uint8Array(Math.max(0, nalUnit.length - 1));
  let length = 0;
  let zeros = 0;
  for (const byte of nalUnit.subarray(1)) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    payload[length++] = byte;
  }
  return payload.subarray(0, length);
}
