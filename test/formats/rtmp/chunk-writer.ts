/** Writes single RTMP chunk headers by the letter of RTMP 1.0 §5.3.1: what the decoder under test is fed with. */

export function basicHeader(format: number, chunkStreamId: number, form?: 1 | 2 | 3): number[] {
  const bytes = form ?? (chunkStreamId < 64 ? 1 : chunkStreamId < 320 ? 2 : 3);
  if (bytes === 1) return [(format << 6) | chunkStreamId];
  const rest = chunkStreamId - 64;
  return bytes === 2 ? [format << 6, rest] : [(format << 6) | 1, rest & 0xff, rest >> 8];
}

export const uint24 = (value: number): number[] => [(value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff];
export const uint32 = (value: number): number[] => [value >>> 24, ...uint24(value)];

const timestampField = (value: number): number[] => uint24(Math.min(value, 0xff_ff_ff));
const extendedTimestamp = (value: number): number[] => (value >= 0xff_ff_ff ? uint32(value) : []);

export interface MessageHeader {
  readonly chunkStreamId: number;
  /** Timestamp for type 0, delta for types 1 and 2. */
  readonly time: number;
  readonly length?: number;
  readonly typeId?: number;
  readonly messageStreamId?: number;
}

export function type0(header: MessageHeader): number[] {
  const { chunkStreamId, time, length = 0, typeId = 9, messageStreamId = 1 } = header;
  return [
    ...basicHeader(0, chunkStreamId),
    ...timestampField(time),
    ...uint24(length),
    typeId,
    ...uint32(messageStreamId).toReversed(),
    ...extendedTimestamp(time),
  ];
}

export function type1(header: MessageHeader): number[] {
  const { chunkStreamId, time, length = 0, typeId = 9 } = header;
  return [
    ...basicHeader(1, chunkStreamId),
    ...timestampField(time),
    ...uint24(length),
    typeId,
    ...extendedTimestamp(time),
  ];
}

export function type2(header: MessageHeader): number[] {
  return [...basicHeader(2, header.chunkStreamId), ...timestampField(header.time), ...extendedTimestamp(header.time)];
}

/** `extended`: the extended timestamp to repeat, for those who do. */
export function type3(chunkStreamId: number, extended?: number): number[] {
  return [...basicHeader(3, chunkStreamId), ...(extended === undefined ? [] : uint32(extended))];
}
