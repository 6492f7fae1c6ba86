import { ProtocolError } from '../../base/errors.ts';
import { type Amf0Limits, decodeAmf0 } from '../amf0/decode.ts';
import { encodeAmf0 } from '../amf0/encode.ts';
import type { Amf0Value } from '../amf0/value.ts';
import { amf0Payload } from './command.ts';
import { messageType, type RtmpMessage } from './message.ts';

/** Metadata or text that travels with a stream (RTMP 1.0 §7.1.2): `onMetaData`, `onTextData`, `onCuePoint`. */
export interface RtmpData {
  readonly name: string;
  readonly args: readonly Amf0Value[];
}

/**
 * Reads a message of type 18, or of type 15 as it is in use: a byte 0 and then AMF0. `@setDataFrame`, by which a
 * publisher asks to keep the data for whoever comes later, is taken off: what viewers get does not carry it. Throws
 * `ProtocolError` when it is not AMF0 or has no name.
 */
export function decodeDataMessage(message: RtmpMessage, limits?: Amf0Limits): RtmpData {
  const values = decodeAmf0(amf0Payload(message, messageType.dataAmf0, messageType.dataAmf3), limits);
  const [name, ...args] = values[0] === '@setDataFrame' ? values.slice(1) : values;
  if (typeof name !== 'string') {
    throw new ProtocolError('RTMP_DATA', 'a data message without a name', { section: 'RTMP 1.0 §7.1.2' });
  }
  return { name, args };
}

/** A message of type 18. A publisher writes `{ name: '@setDataFrame', args: ['onMetaData', …] }`. */
export function encodeDataMessage(data: RtmpData, messageStreamId: number, timestampMs = 0): RtmpMessage {
  return {
    typeId: messageType.dataAmf0,
    messageStreamId,
    timestampMs,
    payload: encodeAmf0([data.name, ...data.args]),
  };
}
