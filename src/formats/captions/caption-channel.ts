import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';

/** Captions as INSTREAM-ID names them (rfc8216bis §4.4.6.1): a channel of CEA-608, or a service of CEA-708, 1 to 63. */
export type CaptionChannel = `CC${1 | 2 | 3 | 4}` | `SERVICE${number}`;

/** Of user data registered by ITU-T T.35: United States, ATSC, `GA94`, `cc_data()` (ATSC A/53 part 4 §6.2.3). */
const ccDataHead = [0xb5, 0x00, 0x31, 0x47, 0x41, 0x39, 0x34, 0x03] as const;
const processCcData = 0x40;
/** `cc_type` (CTA-708 §4.3.6). */
const ccType = { field1: 0, field2: 1, packetStart: 3 } as const;
/**
 * Control codes of CEA-608 that begin captions (CTA-608 §F.1): resume caption loading, roll-up of two to four rows, resume
 * direct captioning, end of caption. Without one of them no decoder shows any; those of text services are others.
 */
const captionModes: ReadonlySet<number> = new Set([0x20, 0x25, 0x26, 0x27, 0x29, 0x2f]);
/** A packet of CEA-708 whose size is 0 has as many bytes behind its head. */
const largestPacketBytes = 127;
const extendedService = 7;

/**
 * The captions of which there is something in user data, which begins with its country code; nothing for other user data.
 * What is damaged is left out.
 */
export function captionChannels(userData: Uint8Array): readonly CaptionChannel[] {
  if (!ccDataHead.every((byte, index) => userData[index] === byte)) return [];
  try {
    return channelsOf(new ByteReader(userData.subarray(ccDataHead.length), 'cc_data'));
  } catch (error) {
    if (error instanceof ProtocolError) return [];
    throw error;
  }
}

function channelsOf(reader: ByteReader): CaptionChannel[] {
  const flags = reader.uint8();
  if ((flags & processCcData) === 0) return [];
  reader.skip(1); // em_data
  const found: CaptionChannel[] = [];
  const packets: number[][] = [];
  for (let left = flags & 0x1f; left > 0; left--) {
    const head = reader.uint8();
    const pair = [reader.uint8(), reader.uint8()] as const;
    const isValid = (head & 0x04) !== 0;
    const type = head & 0x03;
    if (!isValid) continue;
    if (type === ccType.field1 || type === ccType.field2) found.push(...channelOf(type, pair));
    else if (type === ccType.packetStart) packets.push([...pair]);
    else packets.at(-1)?.push(...pair);
  }
  return [...found, ...packets.flatMap(servicesOf)];
}

/** The first bit of each byte is parity. */
function channelOf(type: 0 | 1, [first, second]: readonly [number, number]): CaptionChannel[] {
  const code = first & 0x7f;
  if ((code & 0x76) !== 0x14 || !captionModes.has(second & 0x7f)) return [];
  const isSecond = (code & 0x08) !== 0;
  if (type === ccType.field1) return [isSecond ? 'CC2' : 'CC1'];
  return [isSecond ? 'CC4' : 'CC3'];
}

/** The services of a packet (CTA-708 §6.2), as far as it stands in this picture. */
function servicesOf([head = 0, ...data]: readonly number[]): CaptionChannel[] {
  const sizeCode = head & 0x3f;
  const bytes = data.slice(0, sizeCode === 0 ? largestPacketBytes : sizeCode * 2 - 1);
  const found: CaptionChannel[] = [];
  let at = 0;
  for (let block = bytes[at]; block !== undefined; block = bytes[at]) {
    const blockBytes = block & 0x1f;
    // Nothing but filling is behind it.
    if (blockBytes === 0) break;
    const isExtended = block >> 5 === extendedService;
    const service = isExtended ? (bytes[at + 1] ?? 0) & 0x3f : block >> 5;
    if (service > 0) found.push(`SERVICE${service}`);
    at += (isExtended ? 2 : 1) + blockBytes;
  }
  return found;
}
