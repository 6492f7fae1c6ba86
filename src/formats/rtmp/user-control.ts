import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';

/** The events of a User Control message (RTMP 1.0 §7.1.7). */
export type UserControlEvent =
  | {
      readonly kind: 'stream-begin' | 'stream-eof' | 'stream-dry' | 'stream-is-recorded';
      readonly messageStreamId: number;
    }
  | { readonly kind: 'set-buffer-length'; readonly messageStreamId: number; readonly bufferMs: number }
  /** `timestampMs` of the server's own clock; the answer carries it back. */
  | { readonly kind: 'ping-request' | 'ping-response'; readonly timestampMs: number }
  /** Flash media servers have more of them (SWF verification, buffer empty, buffer ready). To be ignored. */
  | { readonly kind: 'other'; readonly eventType: number; readonly data: Uint8Array };

const streamEventTypes = {
  'stream-begin': 0,
  'stream-eof': 1,
  'stream-dry': 2,
  'stream-is-recorded': 4,
} as const;

const setBufferLengthType = 3;

const pingEventTypes = { 'ping-request': 6, 'ping-response': 7 } as const;

/** Throws `ProtocolError` when the payload is not as long as its event asks for. */
export function decodeUserControl(payload: Uint8Array): UserControlEvent {
  const reader = new ByteReader(payload, 'User Control');
  const eventType = reader.uint16();
  switch (eventType) {
    case streamEventTypes['stream-begin']:
      return { kind: 'stream-begin', messageStreamId: data(reader, 4).uint32() };
    case streamEventTypes['stream-eof']:
      return { kind: 'stream-eof', messageStreamId: data(reader, 4).uint32() };
    case streamEventTypes['stream-dry']:
      return { kind: 'stream-dry', messageStreamId: data(reader, 4).uint32() };
    case setBufferLengthType: {
      const messageStreamId = data(reader, 8).uint32();
      return { kind: 'set-buffer-length', messageStreamId, bufferMs: reader.uint32() };
    }
    case streamEventTypes['stream-is-recorded']:
      return { kind: 'stream-is-recorded', messageStreamId: data(reader, 4).uint32() };
    case pingEventTypes['ping-request']:
      return { kind: 'ping-request', timestampMs: data(reader, 4).uint32() };
    case pingEventTypes['ping-response']:
      return { kind: 'ping-response', timestampMs: data(reader, 4).uint32() };
    default:
      return { kind: 'other', eventType, data: reader.rest() };
  }
}

function data(reader: ByteReader, length: number): ByteReader {
  if (reader.remaining !== length) {
    throw new ProtocolError(
      'RTMP_CONTROL_LENGTH',
      `User Control with ${reader.remaining} bytes of event data instead of ${length}`,
      { byteOffset: reader.offset, section: 'RTMP 1.0 §7.1.7' },
    );
  }
  return reader;
}

export function encodeUserControl(event: UserControlEvent): Uint8Array {
  switch (event.kind) {
    case 'stream-begin':
    case 'stream-eof':
    case 'stream-dry':
    case 'stream-is-recorded':
      return eventBytes(streamEventTypes[event.kind], event.messageStreamId);
    case 'set-buffer-length':
      return eventBytes(setBufferLengthType, event.messageStreamId, event.bufferMs);
    case 'ping-request':
    case 'ping-response':
      return eventBytes(pingEventTypes[event.kind], event.timestampMs);
    case 'other':
      return Uint8Array.of(event.eventType >> 8, event.eventType & 0xff, ...event.data);
  }
}

function eventBytes(eventType: number, ...values: number[]): Uint8Array {
  const bytes = new Uint8Array(2 + values.length * 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, eventType);
  for (const [index, value] of values.entries()) view.setUint32(2 + index * 4, value);
  return bytes;
}
