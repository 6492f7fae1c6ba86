import type { FlvDialect } from '../../formats/flv/client-capabilities.ts';
import { accessUnitTagHeader, encodeTrackConfigTag } from '../../formats/flv/track-tag.ts';
import type { AccessUnit } from '../../formats/media/access-unit.ts';
import type { TrackConfig } from '../../formats/media/track.ts';
import { ChunkEncoder } from '../../formats/rtmp/chunk-encoder.ts';
import { messageType } from '../../formats/rtmp/message.ts';
import type { PlayerConnection } from '../player-feed.ts';
import { chunkStreamOf } from '../wire-form.ts';

/** The connection to a player of stored media: it is told when to go on. */
export interface PacedConnection extends PlayerConnection {
  /** As `write`, of the first `length` bytes, which may be overwritten afterwards. */
  writeLent(bytes: Uint8Array, length: number): boolean;
  /** Calls `action` once, when it has taken what waits. To be asked at once when a write has returned false. */
  onDrain(action: () => void): void;
}

export interface BurstWriterOptions {
  readonly connection: PacedConnection;
  readonly chunkBytes: number;
  readonly messageStreamId: number;
  readonly dialect: FlvDialect;
  readonly onDrained: () => void;
}

/** Gathers one burst at a time, for whichever player: so there is one. */
const gathering = Buffer.allocUnsafeSlow(65_536);
let gatheredBytes = 0;

/**
 * Writes media as RTMP messages to one player. Whoever writes flushes before it returns to the event loop: what a burst
 * gathers leaves in one write, and nothing is kept of it but what the socket does not take.
 */
export class BurstWriter {
  readonly #options: BurstWriterOptions;
  readonly #encoder = new ChunkEncoder();
  #writtenBytes = 0;
  #drained = true;

  constructor(options: BurstWriterOptions) {
    this.#options = options;
    this.#encoder.setChunkSize(options.chunkBytes);
  }

  /** Given to the connection, and gathered for it. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Whether no more than a little waits for the player; if not, `onDrained` tells. */
  get drained(): boolean {
    return this.#drained;
  }

  unit(config: TrackConfig, unit: AccessUnit, timestampMs: number): void {
    this.#message(messageType[unit.kind], timestampMs, [accessUnitTagHeader(config, unit), unit.data]);
  }

  /** Nothing for codecs that need none. */
  config(config: TrackConfig, timestampMs: number): void {
    const payload = encodeTrackConfigTag(config, this.#options.dialect);
    if (payload !== undefined) this.#message(messageType[config.kind], timestampMs, [payload]);
  }

  /** `payload`: AMF0. */
  data(payload: Uint8Array, timestampMs: number): void {
    this.#message(messageType.dataAmf0, timestampMs, [payload]);
  }

  flush(): void {
    if (gatheredBytes === 0) return;
    const length = gatheredBytes;
    gatheredBytes = 0;
    this.#written(this.#options.connection.writeLent(gathering, length));
  }

  #message(typeId: number, timestampMs: number, payload: readonly Uint8Array[]): void {
    const header = { typeId, timestampMs, messageStreamId: this.#options.messageStreamId };
    const chunkStream = chunkStreamOf(typeId);
    const length = this.#encoder.encodedBytes(header, chunkStream, payload);
    this.#writtenBytes += length;
    if (gatheredBytes + length > gathering.length) this.flush();
    if (length <= gathering.length) {
      gatheredBytes = this.#encoder.encodeInto(gathering, gatheredBytes, header, chunkStream, payload);
      return;
    }
    for (const piece of this.#encoder.pieces(header, chunkStream, payload)) this.#gather(piece);
  }

  /** In several writes where it does not fit into one. */
  #gather(piece: Uint8Array): void {
    for (let at = 0; at < piece.length; ) {
      if (gatheredBytes === gathering.length) this.flush();
      const taken = piece.subarray(at, at + gathering.length - gatheredBytes);
      gathering.set(taken, gatheredBytes);
      gatheredBytes += taken.length;
      at += taken.length;
    }
  }

  #written(taken: boolean): void {
    if (taken || !this.#drained) return;
    this.#drained = false;
    const { connection, onDrained } = this.#options;
    connection.onDrain(() => {
      this.#drained = true;
      onDrained();
    });
  }
}
