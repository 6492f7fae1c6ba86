import { totalLength } from '../../base/byte-pieces.ts';
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

/** From here on a timestamp has 32 bits behind the header (RTMP 1.0 §5.3.1.3). */
const extendedFromMs = 0xff_ff_ff;

type MessageHeader = Omit<RtmpMessage, 'payload'>;

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
    const payload = [message.payload];
    const bytes = new Uint8Array(this.encodedBytes(message, chunkStreamId, payload));
    this.encodeInto(bytes, 0, message, chunkStreamId, payload);
    return bytes;
  }

  /** How many bytes `encodeInto` writes. Throws as `encode` does. */
  encodedBytes({ timestampMs }: MessageHeader, chunkStreamId: number, payload: readonly Uint8Array[]): number {
    const payloadBytes = totalLength(payload);
    if (payloadBytes > largestMessageBytes) {
      throw new LimitError('RTMP_MESSAGE_TOO_LARGE', 'a message longer than RTMP can carry', {
        limit: largestMessageBytes,
        value: payloadBytes,
      });
    }
    const chunks = Math.max(1, Math.ceil(payloadBytes / this.#chunkSize));
    return 11 + chunks * continuationBytes(chunkStreamId, timestampMs >>> 0) + payloadBytes;
  }

  /**
   * All chunks of one message, of which the parts of `payload` are the payload one behind the other, into `target` from
   * `at` on, where there must be room for `encodedBytes`. Gives where they end.
   */
  encodeInto(
    target: Uint8Array,
    at: number,
    message: MessageHeader,
    chunkStreamId: number,
    payload: readonly Uint8Array[],
  ): number {
    const timestampMs = message.timestampMs >>> 0;
    let end = writeFirstHeader(target, at, message, chunkStreamId, totalLength(payload));
    let room = this.#chunkSize;
    for (const part of payload) {
      for (let taken = 0; taken < part.length; ) {
        if (room === 0) {
          end = writeContinuation(target, end, timestampMs, chunkStreamId);
          room = this.#chunkSize;
        }
        // Most are in one chunk; a view of each would be garbage.
        const piece = taken === 0 && part.length <= room ? part : part.subarray(taken, taken + room);
        target.set(piece, end);
        end += piece.length;
        taken += piece.length;
        room -= piece.length;
      }
    }
    return end;
  }

  /** The same without copying, for what is long: headers, and between them views of the payload. */
  pieces(message: MessageHeader, chunkStreamId: number, payload: readonly Uint8Array[]): readonly Uint8Array[] {
    const timestampMs = message.timestampMs >>> 0;
    const headerBytes = continuationBytes(chunkStreamId, timestampMs);
    const first = new Uint8Array(11 + headerBytes);
    writeFirstHeader(first, 0, message, chunkStreamId, totalLength(payload));
    const continuation = new Uint8Array(headerBytes);
    writeContinuation(continuation, 0, timestampMs, chunkStreamId);
    const pieces: Uint8Array[] = [first];
    let room = this.#chunkSize;
    for (const part of payload) {
      for (let taken = 0; taken < part.length; ) {
        if (room === 0) {
          pieces.push(continuation);
          room = this.#chunkSize;
        }
        const piece = part.subarray(taken, taken + room);
        pieces.push(piece);
        taken += piece.length;
        room -= piece.length;
      }
    }
    return pieces;
  }
}

/** Of a chunk of type 3. */
function continuationBytes(chunkStreamId: number, timestampMs: number): number {
  const basicBytes = chunkStreamId < 64 ? 1 : chunkStreamId < 320 ? 2 : 3;
  return basicBytes + (timestampMs >= extendedFromMs ? 4 : 0);
}

/** That of the type-0 chunk which each message begins with. */
function writeFirstHeader(
  target: Uint8Array,
  at: number,
  { timestampMs, typeId, messageStreamId }: MessageHeader,
  chunkStreamId: number,
  payloadBytes: number,
): number {
  const wholeMs = timestampMs >>> 0;
  const extended = wholeMs >= extendedFromMs;
  let end = writeBasicHeader(target, at, 0, chunkStreamId);
  end = writeUint24(target, end, extended ? extendedFromMs : wholeMs);
  end = writeUint24(target, end, payloadBytes);
  target[end++] = typeId;
  // The only number of RTMP that has its lowest byte first.
  for (let shift = 0; shift < 32; shift += 8) target[end++] = (messageStreamId >>> shift) & 0xff;
  return extended ? writeUint32(target, end, wholeMs) : end;
}

/** That of a type-3 chunk. An extended timestamp is repeated there, as §5.3.1.3 asks and all readers take. */
function writeContinuation(target: Uint8Array, at: number, timestampMs: number, chunkStreamId: number): number {
  const end = writeBasicHeader(target, at, 3, chunkStreamId);
  return timestampMs >= extendedFromMs ? writeUint32(target, end, timestampMs) : end;
}

/** §5.3.1.1. */
function writeBasicHeader(target: Uint8Array, at: number, chunkType: 0 | 3, chunkStreamId: number): number {
  if (!Number.isInteger(chunkStreamId) || chunkStreamId < 2 || chunkStreamId > 65_599) {
    throw new RangeError(`an RTMP chunk stream id of ${chunkStreamId}`);
  }
  const type = chunkType << 6;
  const rest = chunkStreamId - 64;
  if (rest < 0) {
    target[at] = type | chunkStreamId;
    return at + 1;
  }
  target[at] = rest < 256 ? type : type | 1;
  target[at + 1] = rest & 0xff;
  if (rest < 256) return at + 2;
  target[at + 2] = rest >> 8;
  return at + 3;
}

function writeUint24(target: Uint8Array, at: number, value: number): number {
  target[at] = (value >>> 16) & 0xff;
  target[at + 1] = (value >>> 8) & 0xff;
  target[at + 2] = value & 0xff;
  return at + 3;
}

function writeUint32(target: Uint8Array, at: number, value: number): number {
  target[at] = value >>> 24;
  return writeUint24(target, at + 1, value);
}
