import { ProtocolError } from '../../base/errors.ts';
import { type Amf0Limits, decodeAmf0 } from '../amf0/decode.ts';
import { encodeAmf0 } from '../amf0/encode.ts';
import type { Amf0Value } from '../amf0/value.ts';
import { messageType, type RtmpMessage } from './message.ts';

/** A command or the answer to one (RTMP 1.0 §7.2): `connect`, `publish`, `_result`, `onStatus`. */
export interface RtmpCommand {
  readonly name: string;
  /** 0 asks for no answer. */
  readonly transactionId: number;
  /** The properties of the command; `null` where it has none, `undefined` where the sender left it out. */
  readonly commandObject: Amf0Value;
  readonly args: readonly Amf0Value[];
}

/**
 * Reads a message of type 20, or of type 17 as it is in use: a byte 0 and then AMF0. Throws `ProtocolError` when it is
 * not AMF0, is empty, or does not begin with a name and a transaction number; without one, a name alone that begins with
 * `on` (what a server only tells) is read as if it had 0.
 */
export function decodeCommand(message: RtmpMessage, limits?: Amf0Limits): RtmpCommand {
  const values = decodeAmf0(amf0Payload(message, messageType.commandAmf0, messageType.commandAmf3), limits);
  const [name, said, commandObject, ...args] = values;
  if (typeof name !== 'string') {
    throw new ProtocolError('RTMP_COMMAND', 'a command without a name', { byteOffset: 0, section: 'RTMP 1.0 §7.2' });
  }
  // What only tells something gets no answer, and ffmpeg as a server leaves out all behind the name of `onFCPublish`.
  const transactionId = values.length === 1 && name.startsWith('on') ? 0 : said;
  if (typeof transactionId !== 'number') {
    throw new ProtocolError('RTMP_COMMAND', `command ${printable(name)} without a transaction number`, {
      section: 'RTMP 1.0 §7.2',
    });
  }
  return { name, transactionId, commandObject, args };
}

/** A message of type 20. `messageStreamId` is 0 for what concerns the connection. */
export function encodeCommand(command: RtmpCommand, messageStreamId: number): RtmpMessage {
  return {
    typeId: messageType.commandAmf0,
    messageStreamId,
    timestampMs: 0,
    payload: encodeAmf0([command.name, command.transactionId, command.commandObject, ...command.args]),
  };
}

/**
 * The AMF0 bytes of a message that has an AMF0 and an AMF3 form. The AMF3 form says in its first byte what follows;
 * all clients that are left say 0, for AMF0.
 */
export function amf0Payload(message: RtmpMessage, amf0TypeId: number, amf3TypeId: number): Uint8Array {
  const { payload, typeId } = message;
  if (typeId === amf0TypeId) return payload;
  if (typeId !== amf3TypeId) {
    throw new ProtocolError('RTMP_MESSAGE_TYPE', `message type ${typeId} where ${amf0TypeId} or ${amf3TypeId} belongs`);
  }
  if (payload[0] !== 0) {
    const found = payload[0] === undefined ? 'nothing' : `the format ${payload[0]}`;
    throw new ProtocolError('AMF3_UNSUPPORTED', `a message of type ${typeId} with ${found} instead of AMF0`, {
      byteOffset: 0,
    });
  }
  return payload.subarray(1);
}

/** A name that a peer chose, short and on one line, for an error message. */
export function printable(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
