import { LimitError } from '../base/errors.ts';
import { ChunkEncoder, chunkStreamId } from '../formats/rtmp/chunk-encoder.ts';
import { type ControlMessage, encodeControlMessage } from '../formats/rtmp/control-message.ts';
import type { RtmpMessage } from '../formats/rtmp/message.ts';
import type { PacedConnection } from '../live/stored/burst-writer.ts';
import type { ClientCertificate } from '../sockets/client-certificate.ts';

/** The connection under a session: a socket, or what a test puts in its place. */
export interface SessionTransport extends PacedConnection {
  readonly peerAddress: string;
  readonly peerPort: number;
  /** `none` if left out. */
  readonly clientCertificate?: ClientCertificate;
  /** Closes once what was written has been taken; who does not take it is cut off a moment later. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/**
 * What the server says on one connection: messages become chunks, gathered until `flush` so that the answers to one
 * packet leave in one. Bounded: a peer that asks and never reads is a `LimitError`.
 */
export class SessionOutput {
  readonly #transport: SessionTransport;
  readonly #maxAnswerBytes: number;
  /** Of media, which has its own bound, beside the answers. */
  #allowedBytes = 0;
  readonly #encoder = new ChunkEncoder();
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;

  constructor(transport: SessionTransport, maxAnswerBytes: number) {
    this.#transport = transport;
    this.#maxAnswerBytes = maxAnswerBytes;
  }

  get chunkSize(): number {
    return this.#encoder.chunkSize;
  }

  /** Whoever writes media beside the answers, within a bound of its own: the largest of them counts. */
  allowQueued(bytes: number): void {
    this.#allowedBytes = Math.max(this.#allowedBytes, bytes);
  }

  /** Tells the peer the size, and cuts what follows by it. */
  setChunkSize(chunkBytes: number): void {
    this.control({ kind: 'set-chunk-size', chunkBytes });
    this.#encoder.setChunkSize(chunkBytes);
  }

  control(message: ControlMessage): void {
    this.raw(this.#encoder.encode(encodeControlMessage(message), chunkStreamId.control));
  }

  /** A command or the answer to one: of the connection, or of the message stream that it is about. */
  command(message: RtmpMessage): void {
    this.raw(this.#encoder.encode(message, chunkStreamId.command));
  }

  /** Data beside the media of a message stream. */
  data(message: RtmpMessage): void {
    this.raw(this.#encoder.encode(message, chunkStreamId.data));
  }

  /** Bytes that are no chunks: the handshake. */
  raw(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const queuedBytes = this.#transport.queuedBytes + this.#gatheredBytes + bytes.length;
    const limit = this.#maxAnswerBytes + this.#allowedBytes;
    if (queuedBytes > limit) {
      throw new LimitError('RTMP_PEER_DOES_NOT_READ', 'bytes of answers that the peer does not read', {
        limit,
        value: queuedBytes,
      });
    }
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.length;
  }

  flush(): void {
    const [first] = this.#gathered;
    if (first === undefined) return;
    const bytes = this.#gathered.length === 1 ? first : Buffer.concat(this.#gathered, this.#gatheredBytes);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#transport.write(bytes);
  }
}
