import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import { largestMessageBytes, messageType, type RtmpMessage } from './message.ts';
import { decodeUserControl, encodeUserControl, type UserControlEvent } from './user-control.ts';

/** Protocol control messages (RTMP 1.0 §5.4) and user control messages (§7.1.7): the talk about the connection. */
export type ControlMessage =
  /** 1 to 0xFFFFFF. The `ChunkDecoder` has followed it already when the message is handed out. */
  | { readonly kind: 'set-chunk-size'; readonly chunkBytes: number }
  /** The `ChunkDecoder` has followed it already when the message is handed out. */
  | { readonly kind: 'abort'; readonly chunkStreamId: number }
  /** `receivedBytes` of the whole connection, modulo 2^32. */
  | { readonly kind: 'acknowledgement'; readonly receivedBytes: number }
  /** The sender of it expects an acknowledgement each time it has sent so many bytes. */
  | { readonly kind: 'window-acknowledgement-size'; readonly windowBytes: number }
  | {
      readonly kind: 'set-peer-bandwidth';
      readonly windowBytes: number;
      readonly limitType: 'hard' | 'soft' | 'dynamic';
    }
  | { readonly kind: 'user-control'; readonly event: UserControlEvent };

const limitTypes = ['hard', 'soft', 'dynamic'] as const;

/** Whether `decodeControlMessage` is for this message. */
export function isControlMessage(message: RtmpMessage): boolean {
  return message.typeId >= messageType.setChunkSize && message.typeId <= messageType.setPeerBandwidth;
}

/**
 * Reads a message of the types 1 to 6. Throws `ProtocolError` for a payload of the wrong length, a chunk size of 0 or
 * with the first bit set, an unknown limit type, and for a message of another type.
 */
export function decodeControlMessage(message: RtmpMessage): ControlMessage {
  const { payload, typeId } = message;
  switch (typeId) {
    case messageType.setChunkSize:
      return { kind: 'set-chunk-size', chunkBytes: decodeSetChunkSize(payload) };
    case messageType.abort:
      return { kind: 'abort', chunkStreamId: decodeAbort(payload) };
    case messageType.acknowledgement:
      return { kind: 'acknowledgement', receivedBytes: exactly(payload, 4, 'Acknowledgement', '5.4.3').uint32() };
    case messageType.windowAcknowledgementSize:
      return {
        kind: 'window-acknowledgement-size',
        windowBytes: exactly(payload, 4, 'Window Acknowledgement Size', '5.4.4').uint32(),
      };
    case messageType.setPeerBandwidth: {
      const reader = exactly(payload, 5, 'Set Peer Bandwidth', '5.4.5');
      const windowBytes = reader.uint32();
      const limit = reader.uint8();
      const limitType = limitTypes[limit];
      if (limitType === undefined) {
        throw new ProtocolError('RTMP_LIMIT_TYPE', `Set Peer Bandwidth with the limit type ${limit}`, {
          byteOffset: 4,
          section: 'RTMP 1.0 §5.4.5',
        });
      }
      return { kind: 'set-peer-bandwidth', windowBytes, limitType };
    }
    case messageType.userControl:
      return { kind: 'user-control', event: decodeUserControl(payload) };
    default:
      throw new ProtocolError('RTMP_MESSAGE_TYPE', `message type ${typeId} is no control message`);
  }
}

/** The chunk size that a Set Chunk Size message asks for: 1 to 0xFFFFFF, as larger ones mean the same (§5.4.1). */
export function decodeSetChunkSize(payload: Uint8Array): number {
  const chunkBytes = exactly(payload, 4, 'Set Chunk Size', '5.4.1').uint32();
  if (chunkBytes === 0 || chunkBytes > 0x7f_ff_ff_ff) {
    throw new ProtocolError('RTMP_CHUNK_SIZE', `Set Chunk Size to ${chunkBytes}: 1 to 2147483647 is allowed`, {
      byteOffset: 0,
      section: 'RTMP 1.0 §5.4.1',
    });
  }
  return Math.min(chunkBytes, largestMessageBytes);
}

/** The chunk stream whose unfinished message an Abort message takes back (§5.4.2). */
export function decodeAbort(payload: Uint8Array): number {
  return exactly(payload, 4, 'Abort', '5.4.2').uint32();
}

function exactly(payload: Uint8Array, length: number, what: string, section: string): ByteReader {
  if (payload.length !== length) {
    throw new ProtocolError('RTMP_CONTROL_LENGTH', `${what} with ${payload.length} bytes instead of ${length}`, {
      section: `RTMP 1.0 §${section}`,
    });
  }
  return new ByteReader(payload, what);
}

/** The message for `control`: on message stream 0, with the timestamp 0. Send it on chunk stream 2 (§5.4). */
export function encodeControlMessage(control: ControlMessage): RtmpMessage {
  switch (control.kind) {
    case 'set-chunk-size':
      return controlMessage(messageType.setChunkSize, uint32(control.chunkBytes));
    case 'abort':
      return controlMessage(messageType.abort, uint32(control.chunkStreamId));
    case 'acknowledgement':
      return controlMessage(messageType.acknowledgement, uint32(control.receivedBytes));
    case 'window-acknowledgement-size':
      return controlMessage(messageType.windowAcknowledgementSize, uint32(control.windowBytes));
    case 'set-peer-bandwidth':
      return controlMessage(
        messageType.setPeerBandwidth,
        Uint8Array.of(...uint32(control.windowBytes), limitTypes.indexOf(control.limitType)),
      );
    case 'user-control':
      return controlMessage(messageType.userControl, encodeUserControl(control.event));
  }
}

function controlMessage(typeId: number, payload: Uint8Array): RtmpMessage {
  return { typeId, messageStreamId: 0, timestampMs: 0, payload };
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
