import { amf0Object, type Amf0Value } from '../amf0/value.ts';
import { encodeCommand } from './command.ts';
import type { RtmpMessage } from './message.ts';

/** What a server says about a connection or a stream (RTMP 1.0 §7.2.2): the information object. */
export interface RtmpStatus {
  readonly level: 'status' | 'warning' | 'error';
  /** Such as `NetStream.Publish.Start`. */
  readonly code: string;
  /** For a person. */
  readonly description: string;
  /** Further properties, such as `clientid` or `objectEncoding`. */
  readonly details?: Readonly<Record<string, Amf0Value>>;
}

function information(status: RtmpStatus): Amf0Value {
  const { level, code, description, details } = status;
  return amf0Object({ level, code, description, ...details });
}

/** `_result`: the command with this transaction number was done. Answers travel on message stream 0. */
export function resultMessage(transactionId: number, commandObject: Amf0Value, ...args: Amf0Value[]): RtmpMessage {
  return encodeCommand({ name: '_result', transactionId, commandObject, args }, 0);
}

/** `_result` of `connect`: properties of the server, then `NetConnection.Connect.Success` or its like. */
export function connectResultMessage(
  transactionId: number,
  properties: Readonly<Record<string, Amf0Value>>,
  status: RtmpStatus,
): RtmpMessage {
  return resultMessage(transactionId, amf0Object(properties), information(status));
}

/** `_error`: the command with this transaction number was refused. */
export function errorMessage(transactionId: number, status: RtmpStatus): RtmpMessage {
  return encodeCommand({ name: '_error', transactionId, commandObject: null, args: [information(status)] }, 0);
}

/** `onStatus`, on the message stream that it is about. */
export function onStatusMessage(messageStreamId: number, status: RtmpStatus): RtmpMessage {
  return encodeCommand(
    { name: 'onStatus', transactionId: 0, commandObject: null, args: [information(status)] },
    messageStreamId,
  );
}
