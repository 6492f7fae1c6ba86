import { encodeAmf0 } from '../../src/formats/amf0/encode.ts';
import type { Amf0Value } from '../../src/formats/amf0/value.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { concatenated } from '../corpus/rtmp/hostile-input.ts';

interface Sent {
  readonly timestampMs: number;
  readonly deltaMs: number;
  readonly typeId: number;
  readonly length: number;
}

/**
 * Writes chunks as librtmp does, and OBS with it: everything of a message stream on one chunk stream, the header as
 * short as what went before allows (types 0 to 3).
 */
export class LibrtmpWriter {
  readonly #last = new Map<number, Sent>();
  chunkBytes = 128;

  command(chunkStreamId: number, messageStreamId: number, values: readonly Amf0Value[]): Uint8Array {
    return this.message(chunkStreamId, messageStreamId, messageType.commandAmf0, 0, encodeAmf0(values));
  }

  message(
    chunkStreamId: number,
    messageStreamId: number,
    typeId: number,
    timestampMs: number,
    payload: Uint8Array,
  ): Uint8Array {
    const before = this.#last.get(chunkStreamId);
    // Back in time there is no delta.
    const last = before !== undefined && before.timestampMs > timestampMs ? undefined : before;
    const deltaMs = timestampMs - (last?.timestampMs ?? 0);
    const length = payload.length;
    this.#last.set(chunkStreamId, { timestampMs, deltaMs: last === undefined ? timestampMs : deltaMs, typeId, length });
    const time = Buffer.alloc(3);
    time.writeUIntBE(last === undefined ? timestampMs : deltaMs, 0, 3);
    const kind = Buffer.alloc(4);
    kind.writeUIntBE(length, 0, 3);
    kind.writeUInt8(typeId, 3);
    const stream = Buffer.alloc(4);
    stream.writeUInt32LE(messageStreamId);
    let header: Uint8Array;
    if (last === undefined) header = concatenated([chunkStreamId], time, kind, stream);
    else if (last.typeId !== typeId || last.length !== length)
      header = concatenated([0x40 | chunkStreamId], time, kind);
    else if (last.deltaMs !== deltaMs) header = concatenated([0x80 | chunkStreamId], time);
    else header = Uint8Array.of(0xc0 | chunkStreamId);
    const pieces = [header, payload.subarray(0, this.chunkBytes)];
    for (let at = this.chunkBytes; at < length; at += this.chunkBytes) {
      pieces.push(Uint8Array.of(0xc0 | chunkStreamId), payload.subarray(at, at + this.chunkBytes));
    }
    return concatenated(...pieces);
  }
}
