import type { Socket } from 'node:net';
import { setPieces, totalLength } from '../base/byte-pieces.ts';
import { ChunkEncoder } from '../formats/rtmp/chunk-encoder.ts';
import type { RtmpMessage } from '../formats/rtmp/message.ts';
import { SocketWriter } from '../sockets/socket-writer.ts';

/** Where messages are put together, of whatever connection: for one write at a time, so there is one. */
const sharedBytes = new Uint8Array(262_144);

/** Writes messages to a connection that stands. Nothing of what it is given is kept: what has to wait is copied. */
export class MessageWriter {
  readonly #writer: SocketWriter;
  readonly #encoder = new ChunkEncoder();
  #sentBytes = 0;

  constructor(socket: Socket) {
    this.#writer = new SocketWriter(socket);
  }

  /** Everything written so far. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** For the messages that follow. The peer must have been told before. */
  setChunkSize(chunkBytes: number): void {
    this.#encoder.setChunkSize(chunkBytes);
  }

  /** `behind`: the rest of the payload. */
  message(message: RtmpMessage, onChunkStream: number, behind?: Uint8Array): void {
    const payload = behind === undefined ? [message.payload] : [message.payload, behind];
    const pieces = this.#encoder.pieces(message, onChunkStream, payload);
    const length = totalLength(pieces);
    const bytes = length <= sharedBytes.length ? sharedBytes : new Uint8Array(length);
    setPieces(bytes, 0, pieces);
    this.raw(bytes, length);
  }

  /** The first `length` bytes as they are. */
  raw(bytes: Uint8Array, length = bytes.length): void {
    this.#sentBytes += length;
    this.#writer.writeLent(bytes, length);
  }
}
