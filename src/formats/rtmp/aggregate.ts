import { ByteReader } from '../../base/byte-reader.ts';
import { LimitError, ProtocolError } from '../../base/errors.ts';
import { messageType, type RtmpMessage } from './message.ts';

/** More than any sender puts together; a message of empty messages would make half a million. */
const maxSubmessages = 4_096;

const allowedTypes: ReadonlySet<number> = new Set([
  messageType.audio,
  messageType.video,
  messageType.dataAmf0,
  messageType.dataAmf3,
]);

/**
 * The audio, video and data messages in an aggregate message (type 22, RTMP 1.0 §7.1.6), in order. They lie on the
 * message stream of the aggregate; their timestamps are moved so that the first has that of the aggregate. Payloads are
 * views on its payload. Throws `ProtocolError` for what ends early and for messages that may not stand in an aggregate,
 * `LimitError` for more than 4,096 of them.
 */
export function splitAggregate(aggregate: RtmpMessage): RtmpMessage[] {
  const reader = new ByteReader(aggregate.payload, 'aggregate message');
  const messages: RtmpMessage[] = [];
  let firstTimestampMs: number | undefined;
  while (reader.remaining > 0) {
    const at = reader.offset;
    if (messages.length === maxSubmessages) {
      throw new LimitError('RTMP_AGGREGATE_TOO_MANY', 'an aggregate of too many messages', {
        limit: maxSubmessages,
        value: messages.length + 1,
      });
    }
    const typeId = reader.uint8();
    if (!allowedTypes.has(typeId)) {
      throw new ProtocolError('RTMP_AGGREGATE', `a message of type ${typeId} in an aggregate`, {
        byteOffset: at,
        section: 'RTMP 1.0 §7.1.6',
      });
    }
    const length = reader.uint24();
    // As in FLV: the upper eight bits come last.
    const timestampLow = reader.uint24();
    const timestampMs = ((reader.uint8() << 24) | timestampLow) >>> 0;
    // The message stream id of a part counts for nothing; that of the aggregate does.
    reader.skip(3);
    const payload = reader.bytes(length);
    // The back pointer. Some senders leave the last one out, and nobody needs it.
    reader.skip(Math.min(4, reader.remaining));
    firstTimestampMs ??= timestampMs;
    messages.push({
      typeId,
      messageStreamId: aggregate.messageStreamId,
      timestampMs: (aggregate.timestampMs + timestampMs - firstTimestampMs) >>> 0,
      payload,
    });
  }
  return messages;
}
