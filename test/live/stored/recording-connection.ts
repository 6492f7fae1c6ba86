import { expect } from 'vitest';
import { ChunkDecoder } from '../../../src/formats/rtmp/chunk-decoder.ts';
import { decodeDataMessage } from '../../../src/formats/rtmp/data-message.ts';
import { messageType, type RtmpMessage } from '../../../src/formats/rtmp/message.ts';
import type { PacedConnection } from '../../../src/live/stored/burst-writer.ts';
import { kept } from '../../formats/rtmp/kept-messages.ts';

/** Takes `room` bytes, and more when it is told to; `Infinity` takes everything. */
export class RecordingConnection implements PacedConnection {
  writes = 0;
  room = Infinity;
  queuedBytes = 0;
  readonly messages: RtmpMessage[] = [];
  readonly #decoder = new ChunkDecoder({ maxMessageBytes: 1 << 24, maxBufferedBytes: 1 << 25, maxChunkStreams: 64 });
  #drained: (() => void) | undefined;
  #together = false;

  constructor() {
    const sizeMessage = [2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0xea, 0x60];
    // Chunks of 60,000 bytes.
    for (const message of this.#decoder.push(Uint8Array.from(sizeMessage))) expect(message.typeId).toBe(1);
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#together) this.writes++;
    this.messages.push(...kept(this.#decoder.push(Uint8Array.from(bytes))));
    this.queuedBytes += Math.max(0, bytes.length - this.room);
    this.room = Math.max(0, this.room - bytes.length);
    return this.queuedBytes < 16_384;
  }

  writeLent(bytes: Uint8Array, length: number): boolean {
    return this.write(bytes.subarray(0, length));
  }

  together(action: () => void): void {
    this.writes++;
    this.#together = true;
    action();
    this.#together = false;
  }

  onDrain(action: () => void): void {
    if (this.#drained !== undefined) throw new Error('somebody waits already');
    this.#drained = action;
  }

  drain(room: number): void {
    this.queuedBytes = 0;
    this.room = room;
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  /** Times of the frames of a kind; sequence headers have none of their own. */
  times(kind: 'video' | 'audio' = 'video', from = 0): number[] {
    return this.messages
      .slice(from)
      .filter(({ typeId, payload }) => typeId === messageType[kind] && payload[1] === 1)
      .map(({ timestampMs }) => timestampMs);
  }

  /** Each message in a word. */
  names(from = 0): string[] {
    return this.messages.slice(from).map((message) => {
      if (message.typeId === messageType.dataAmf0) return decodeDataMessage(message).name;
      const kind = message.typeId === messageType.video ? 'video' : 'audio';
      return message.payload[1] === 0 ? `${kind} header` : kind;
    });
  }
}
