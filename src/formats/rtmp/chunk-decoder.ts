import { LimitError, ProtocolError, StreamFrontError } from '../../base/errors.ts';
import { decodeAbort, decodeSetChunkSize } from './control-message.ts';
import { messageType, type RtmpMessage } from './message.ts';
import { MessageBodies } from './message-bodies.ts';

/** What one connection may cost. */
export interface ChunkDecoderLimits {
  /** Length of one message. */
  readonly maxMessageBytes: number;
  /** Memory for messages that have not come whole yet, all chunk streams together. At least `maxMessageBytes`. */
  readonly maxBufferedBytes: number;
  readonly maxChunkStreams: number;
  /** The setting that raises `maxMessageBytes`, for the error. */
  readonly maxMessageSetting?: string;
}

/** Both sides begin with it (RTMP 1.0 §5.4.1). */
export const defaultChunkBytes = 128;

/** Basic header 3, message header 11, extended timestamp 4. */
const longestHeaderBytes = 18;

/** Memory that a message gets ahead of its bytes. Nearly all audio and most video fits; the rest grows as it comes. */
const firstPieceBytes = 16_384;

/** In the three bytes of a timestamp: the real one follows the header in four. */
const extendedTimestampMark = 0xff_ff_ff;

const noBytes = new Uint8Array(0);

/** Messages of one chunk stream come one after the other; those of different ones interleave. */
interface ChunkStream {
  readonly id: number;
  /** Of the message being read, or of the last one. */
  timestampMs: number;
  /** What a type-3 chunk that begins a message adds. */
  timestampDeltaMs: number;
  messageBytes: number;
  typeId: number;
  messageStreamId: number;
  /** The last header of type 0, 1 or 2 had an extended timestamp. */
  extended: boolean;
  /** The value of it, as it stood in the header: a timestamp or a delta. */
  extendedValue: number;
  /** The beginning of the message being read; `undefined` between messages. */
  body: Uint8Array<ArrayBuffer> | undefined;
  receivedBytes: number;
}

/**
 * Puts the messages of a connection together from its chunks (RTMP 1.0 §5.3), from the first byte after the handshake.
 * Takes the bytes in whatever pieces the network delivers. Follows Set Chunk Size and Abort by itself, in the middle of
 * a piece as it must be, and hands them out as messages too.
 */
export class ChunkDecoder {
  readonly #limits: ChunkDecoderLimits;
  readonly #streams = new Map<number, ChunkStream>();
  readonly #bodies: MessageBodies;
  /** Of the messages that the last call of `push` has returned. */
  #lent: Uint8Array<ArrayBuffer>[] = [];
  #chunkBytes = defaultChunkBytes;
  #bufferedBytes = 0;
  /** The beginning of a header, when a piece ended within it. */
  #stash = noBytes;
  /** The chunk stream of the chunk being read, and how much of that chunk is still to come. */
  #current: ChunkStream | undefined;
  #chunkRemaining = 0;
  /** Bytes of all pieces before the one being read. */
  #offset = 0;
  #failure: StreamFrontError | undefined;

  constructor(limits: ChunkDecoderLimits) {
    this.#limits = limits;
    this.#bodies = new MessageBodies(limits.maxBufferedBytes);
  }

  /** Memory held for messages that have not come whole yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Memory that waits to be used for other messages. */
  get spareBytes(): number {
    return this.#bodies.spareBytes;
  }

  /**
   * Takes what came and returns the messages that it completes, in order. Their payloads are lent until the next call:
   * who keeps one copies it. Nothing of `bytes` is kept: the caller may use the buffer again. Throws `ProtocolError` (with the offset since the handshake) or `LimitError`; then the
   * connection has lost its framing, and every further call throws the same.
   */
  push(bytes: Uint8Array): RtmpMessage[] {
    if (this.#failure !== undefined) throw this.#failure;
    for (const body of this.#lent) this.#bodies.give(body);
    this.#lent = [];
    const messages: RtmpMessage[] = [];
    try {
      const at = this.#stash.length === 0 ? 0 : this.#pushAfterStash(bytes, messages);
      if (at < bytes.length) {
        const end = this.#run(bytes, at, bytes.length, messages);
        // Not `slice`: of a `Buffer` that is a view, and the caller uses its memory again.
        if (end < bytes.length) this.#stash = Uint8Array.from(bytes.subarray(end));
      }
    } catch (error) {
      if (error instanceof StreamFrontError) this.#failure = error;
      throw error;
    }
    this.#offset += bytes.length;
    return messages;
  }

  /**
   * Reads on from a header that began in an earlier piece. Returns how much of `bytes` that took. Only what a header
   * can need is copied together.
   */
  #pushAfterStash(bytes: Uint8Array, messages: RtmpMessage[]): number {
    const stash = this.#stash;
    const joined = new Uint8Array(stash.length + Math.min(bytes.length, longestHeaderBytes));
    joined.set(stash);
    joined.set(bytes.subarray(0, joined.length - stash.length), stash.length);
    this.#offset -= stash.length;
    // More than one chunk may begin within the stash: it may hold what looked like an extended timestamp and was not.
    const end = this.#run(joined, 0, stash.length, messages);
    this.#offset += stash.length;
    if (end < stash.length) {
      // The longest header would have been whole, so `joined` holds all there is.
      this.#stash = joined.slice(end);
      return bytes.length;
    }
    this.#stash = noBytes;
    return end - stash.length;
  }

  /** Reads from `at` on, until `stopAt` is reached or a header is not whole. Returns where it stands. */
  #run(bytes: Uint8Array, at: number, stopAt: number, messages: RtmpMessage[]): number {
    let position = at;
    while (position < stopAt) {
      if (this.#current !== undefined) {
        position += this.#takePayload(this.#current, bytes, position, messages);
      } else {
        const length = this.#takeHeader(bytes, position, messages);
        if (length === undefined) break;
        position += length;
      }
    }
    return position;
  }

  /** Copies what there is of the current chunk. Returns how many bytes it took. */
  #takePayload(stream: ChunkStream, bytes: Uint8Array, at: number, messages: RtmpMessage[]): number {
    const length = Math.min(this.#chunkRemaining, bytes.length - at);
    const received = stream.receivedBytes + length;
    let { body } = stream;
    if (body === undefined || received > body.length) body = this.#growBody(stream, body, received);
    body.set(length === bytes.length ? bytes : bytes.subarray(at, at + length), stream.receivedBytes);
    stream.receivedBytes = received;
    this.#chunkRemaining -= length;
    if (this.#chunkRemaining === 0) {
      this.#current = undefined;
      if (received === stream.messageBytes) {
        stream.body = undefined;
        this.#bufferedBytes -= body.length;
        this.#lent.push(body);
        this.#finish(stream, body.length === received ? body : body.subarray(0, received), messages);
      }
    }
    return length;
  }

  /**
   * Never more new memory than twice what has come, past the first piece: an announced length alone costs a peer nothing.
   */
  #growBody(stream: ChunkStream, body: Uint8Array<ArrayBuffer> | undefined, atLeast: number): Uint8Array<ArrayBuffer> {
    const { messageBytes } = stream;
    const before = body?.length ?? 0;
    const wanted = Math.max(before * 2, atLeast, firstPieceBytes);
    const grown = this.#bodies.take(Math.min(wanted, messageBytes), messageBytes);
    this.#bufferedBytes += grown.length - before;
    if (this.#bufferedBytes > this.#limits.maxBufferedBytes) {
      throw new LimitError('RTMP_BUFFER_FULL', 'the peer has begun more messages at once than fit', {
        limit: this.#limits.maxBufferedBytes,
        value: this.#bufferedBytes,
      });
    }
    stream.body = grown;
    if (body !== undefined) {
      grown.set(body.subarray(0, stream.receivedBytes));
      this.#bodies.give(body);
    }
    return grown;
  }

  #finish(stream: ChunkStream, payload: Uint8Array, messages: RtmpMessage[]): void {
    const { typeId, messageStreamId, timestampMs } = stream;
    stream.receivedBytes = 0;
    if (typeId === messageType.setChunkSize) this.#chunkBytes = decodeSetChunkSize(payload);
    else if (typeId === messageType.abort) this.#abort(decodeAbort(payload));
    messages.push({ typeId, messageStreamId, timestampMs, payload });
  }

  /** RTMP 1.0 §5.4.2. A chunk stream without an unfinished message has nothing to take back. */
  #abort(chunkStreamId: number): void {
    const stream = this.#streams.get(chunkStreamId);
    if (stream?.body === undefined) return;
    this.#bufferedBytes -= stream.body.length;
    this.#bodies.give(stream.body);
    stream.body = undefined;
    stream.receivedBytes = 0;
  }

  /**
   * Reads the header at `at` and opens its chunk. Returns its length, or `undefined`, with nothing changed, while it is
   * not whole.
   */
  #takeHeader(bytes: Uint8Array, at: number, messages: RtmpMessage[]): number | undefined {
    const first = bytes[at] ?? 0;
    const format = first >> 6;
    let id = first & 0x3f;
    let basicBytes = 1;
    if (id < 2) {
      // §5.3.1.1: 0 is followed by one byte, 1 by two, the lower one first; 64 is added.
      basicBytes = id + 2;
      if (bytes.length - at < basicBytes) return undefined;
      id = 64 + (bytes[at + 1] ?? 0) + (basicBytes === 3 ? (bytes[at + 2] ?? 0) * 256 : 0);
    }
    if (format === 3) return this.#takeType3(bytes, at, basicBytes, id, messages);

    const messageHeaderAt = at + basicBytes;
    const messageHeaderBytes = format === 0 ? 11 : format === 1 ? 7 : 3;
    if (bytes.length < messageHeaderAt + messageHeaderBytes) return undefined;
    let timestamp = uint24(bytes, messageHeaderAt);
    const extended = timestamp === extendedTimestampMark;
    const headerBytes = basicBytes + messageHeaderBytes + (extended ? 4 : 0);
    if (bytes.length < at + headerBytes) return undefined;
    if (extended) timestamp = uint32(bytes, messageHeaderAt + messageHeaderBytes);

    const stream = this.#streams.get(id) ?? this.#openStream(id, format, at);
    if (stream.receivedBytes > 0) {
      throw this.#headerError(
        at,
        `chunk stream ${id} begins a message when ${stream.receivedBytes} of ${stream.messageBytes} bytes of the last one have come`,
        '5.3.1.2',
      );
    }
    if (format < 2) {
      stream.messageBytes = uint24(bytes, messageHeaderAt + 3);
      stream.typeId = bytes[messageHeaderAt + 6] ?? 0;
      this.#checkMessageBytes(stream);
    }
    if (format === 0) stream.messageStreamId = uint32LittleEndian(bytes, messageHeaderAt + 7);
    stream.timestampMs = format === 0 ? timestamp : (stream.timestampMs + timestamp) >>> 0;
    // §5.3.1.2.4: after a type-0 chunk, a type-3 chunk repeats its timestamp as a delta. ffmpeg relies on it.
    stream.timestampDeltaMs = timestamp;
    stream.extended = extended;
    stream.extendedValue = timestamp;
    this.#openChunk(stream, messages);
    return headerBytes;
  }

  #takeType3(
    bytes: Uint8Array,
    at: number,
    basicBytes: number,
    id: number,
    messages: RtmpMessage[],
  ): number | undefined {
    const stream = this.#streams.get(id);
    if (stream === undefined) throw this.#unknownStream(at, id, 3);
    let headerBytes = basicBytes;
    if (stream.extended) {
      const extendedBytes = extendedTimestampBytes(bytes, at + basicBytes, stream);
      if (extendedBytes === undefined) return undefined;
      headerBytes += extendedBytes;
    }
    if (stream.receivedBytes === 0) stream.timestampMs = (stream.timestampMs + stream.timestampDeltaMs) >>> 0;
    this.#openChunk(stream, messages);
    return headerBytes;
  }

  #openChunk(stream: ChunkStream, messages: RtmpMessage[]): void {
    if (stream.messageBytes === 0) {
      this.#finish(stream, noBytes, messages);
      return;
    }
    this.#current = stream;
    this.#chunkRemaining = Math.min(this.#chunkBytes, stream.messageBytes - stream.receivedBytes);
  }

  #openStream(id: number, format: number, at: number): ChunkStream {
    // librtmp, and so OBS, begins chunk stream 2 with type 1 when it has nothing to say there before its first ping
    // answer or acknowledgement. Nothing is missing: on chunk stream 2 the message stream is 0 and time is ignored (§5.4).
    if (format !== 0 && !(format === 1 && id === 2)) throw this.#unknownStream(at, id, format);
    if (this.#streams.size >= this.#limits.maxChunkStreams) {
      throw new LimitError('RTMP_CHUNK_STREAMS', 'the peer uses more chunk streams than a connection may', {
        limit: this.#limits.maxChunkStreams,
        value: this.#streams.size + 1,
      });
    }
    const stream: ChunkStream = {
      id,
      timestampMs: 0,
      timestampDeltaMs: 0,
      messageBytes: 0,
      typeId: 0,
      messageStreamId: 0,
      extended: false,
      extendedValue: 0,
      body: undefined,
      receivedBytes: 0,
    };
    this.#streams.set(id, stream);
    return stream;
  }

  #checkMessageBytes(stream: ChunkStream): void {
    const { maxMessageBytes, maxMessageSetting } = this.#limits;
    if (stream.messageBytes <= maxMessageBytes) return;
    throw new LimitError('RTMP_MESSAGE_TOO_LARGE', `the peer announced a message on chunk stream ${stream.id}`, {
      limit: maxMessageBytes,
      value: stream.messageBytes,
      ...(maxMessageSetting === undefined ? {} : { setting: maxMessageSetting }),
    });
  }

  #unknownStream(at: number, id: number, format: number): ProtocolError {
    return this.#headerError(at, `chunk stream ${id} begins with a chunk of type ${format} instead of 0`, '5.3.1.2.1');
  }

  #headerError(at: number, sentence: string, section: string): ProtocolError {
    return new ProtocolError('RTMP_CHUNK_HEADER', sentence, {
      byteOffset: this.#offset + at,
      section: `RTMP 1.0 §${section}`,
    });
  }
}

/**
 * How long the extended timestamp of a type-3 chunk is: 4 if it is repeated there, as §5.3.1.3 asks and ffmpeg does, or
 * 0 if it is not, as older librtmp does; `undefined` while too little has come to tell. Told by comparing with what it
 * would be: the field of the last header, or the timestamp of the message. Decides at the first byte that differs, so
 * that a payload is never waited for in vain, and so that the pieces in which the bytes come do not matter.
 */
function extendedTimestampBytes(bytes: Uint8Array, at: number, stream: ChunkStream): 0 | 4 | undefined {
  let fieldFits = true;
  let timestampFits = true;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    const shift = 24 - i * 8;
    fieldFits &&= byte === ((stream.extendedValue >>> shift) & 0xff);
    timestampFits &&= byte === ((stream.timestampMs >>> shift) & 0xff);
    if (!fieldFits && !timestampFits) return 0;
  }
  return 4;
}

function uint24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}

function uint32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | uint24(bytes, at + 1)) >>> 0;
}

/** The message stream id is the one number that is written lowest byte first (§5.3.1.2.1). */
function uint32LittleEndian(bytes: Uint8Array, at: number): number {
  return (uint24LittleEndian(bytes, at) | ((bytes[at + 3] ?? 0) << 24)) >>> 0;
}

function uint24LittleEndian(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
}
