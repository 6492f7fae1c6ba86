import { LimitError } from '../../base/errors.ts';
import { defaultChunkBytes } from './chunk-decoder.ts';
import { largestMessageBytes, type RtmpMessage } from './message.ts';

/** Chunk streams by use, as encoders and servers have them. Only 2 is laid down (RTMP 1.0 §5.4). */
export const chunkStreamId = {
  control: 2,
  command: 3,
  audio: 4,
  data: 5,
  video: 6,
} as const;

/**
 * Cuts messages into chunks (RTMP 1.0 §5.3). Each message begins with a chunk of type 0, which says everything: the
 * bytes of one message depend on nothing before it, so that they can be written once and sent to many, and left out for
 * one that is too slow. The shorter headers would save 4 to 8 bytes a message.
 */
export class ChunkEncoder {
  #chunkSize = defaultChunkBytes;

  /** Bytes of payload in one chunk: 128 at the start. */
  get chunkSize(): number {
    return this.#chunkSize;
  }

  /** For the messages that follow. The peer must have been sent a Set Chunk Size message before. */
  setChunkSize(chunkSize: number): void {
    if (!Number.isInteger(chunkSize) || chunkSize < 1 || chunkSize > largestMessageBytes) {
      throw new RangeError(`an RTMP chunk size of ${chunkSize}`);
    }
    this.#chunkSize = chunkSize;
  }

  /**
   * All chunks of one message, ready to be sent. `chunkStreamId` from 2 to 65,599. Throws `LimitError` for a payload
   * longer than a message can be.
   */
  encode(message: RtmpMessage, chunkStreamId: number): Uint8Array {
    const pieces = this.pieces(message, chunkStreamId, [message.payload]);
    const bytes = new Uint8Array(totalLength(pieces));
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  /**
   * The same without copying: headers, and between them views of the payload, which is what `payload` holds one behind
   * the other.
   */
  pieces(
    message: Omit<RtmpMessage, 'payload'>,
    chunkStreamId: number,
    payload: readonly Uint8Array[],
  ): readonly Uint8Array[] {
    const payloadBytes = totalLength(payload);
    if (payloadBytes > largestMessageBytes) {
      throw new LimitError('RTMP_MESSAGE_TOO_LARGE', 'a message longer than RTMP can carry', {
        limit: largestMessageBytes,
        value: payloadBytes,
      });
    }
    const timestampMs = message.timestampMs >>> 0;
    const continuation = continuationHeader(chunkStreamId, timestampMs >= 0xff_ff_ff ? timestampMs : undefined);
    const pieces: Uint8Array[] = [firstHeader({ ...message, timestampMs }, continuation, payloadBytes)];
    let room = this.#chunkSize;
    for (const part of payload) {
      for (let taken = 0; taken < part.length; ) {
        if (room === 0) {
          pieces.push(continuation);
          room = this.#chunkSize;
        }
        const piece = taken === 0 && part.length <= room ? part : part.subarray(taken, taken + room);
        pieces.push(piece);
        taken += piece.length;
        room -= piece.length;
      }
    }
    return pieces;
  }
}

function totalLength(pieces: readonly Uint8Array[]): number {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
}

/** That of the type-0 chunk which each message begins with. */
function firstHeader(
  { timestampMs, typeId, messageStreamId }: Omit<RtmpMessage, 'payload'>,
  continuation: Uint8Array,
  payloadBytes: number,
): Uint8Array {
  const extended = timestampMs >= 0xff_ff_ff;
  const basicBytes = extended ? continuation.length - 4 : continuation.length;
  const header = new Uint8Array(11 + continuation.length);
  header.set(continuation.subarray(0, basicBytes));
  header[0] = (continuation[0] ?? 0) & 0x3f;
  const view = new DataView(header.buffer, basicBytes);
  view.setUint32(0, (extended ? 0xff_ff_ff : timestampMs) * 256);
  view.setUint16(3, payloadBytes >> 8);
  view.setUint8(5, payloadBytes & 0xff);
  view.setUint8(6, typeId);
  view.setUint32(7, messageStreamId, true);
  if (extended) view.setUint32(11, timestampMs);
  return header;
}

/** The header of a type-3 chunk. An extended timestamp is repeated there, as §5.3.1.3 asks and all readers take. */
function continuationHeader(chunkStreamId: number, extendedTimestampMs: number | undefined): Uint8Array {
  const basic = basicHeader(chunkStreamId);
  if (extendedTimestampMs === undefined) return Uint8Array.from(basic);
  const header = new Uint8Array(basic.length + 4);
  header.set(basic);
  new DataView(header.buffer).setUint32(basic.length, extendedTimestampMs);
  return header;
}

/** §5.3.1.1, with chunk type 3. */
function basicHeader(chunkStreamId: number): readonly number[] {
  if (!Number.isInteger(chunkStreamId) || chunkStreamId < 2 || chunkStreamId > 65_599) {
    throw new RangeError(`an RTMP chunk stream id of ${chunkStreamId}`);
  }
  if (chunkStreamId < 64) return [0xc0 | chunkStreamId];
  const rest = chunkStreamId - 64;
  return rest < 256 ? [0xc0, rest] : [0xc1, rest & 0xff, rest >> 8];
}
