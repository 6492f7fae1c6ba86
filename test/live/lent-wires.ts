import { encodeAccessUnitTag, encodeTrackConfigTag } from '../../src/formats/flv/track-tag.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import { ChunkDecoder } from '../../src/formats/rtmp/chunk-decoder.ts';
import { ChunkEncoder, chunkStreamId } from '../../src/formats/rtmp/chunk-encoder.ts';
import { encodeControlMessage } from '../../src/formats/rtmp/control-message.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import type { LiveStream } from '../../src/live/live-stream.ts';
import type { Player } from '../../src/live/player-feed.ts';
import { FlvReader } from '../../src/formats/flv/flv-file.ts';
import { PublishReceiver } from '../../src/rtmp/publish-receiver.ts';
import type { PublicationSink } from '../../src/rtmp/publish-gate.ts';
import { LogRecorder } from '../support/log-recorder.ts';

const limits = { maxMessageBytes: 8_388_608, maxBufferedBytes: 16_777_216, maxChunkStreams: 64 };
export const chunkBytes = 4_096;
export const headBytes = 12;

export type Kind = AccessUnit['kind'];

/** Bytes that no other unit has: who sent it, its number among those of its kind, and a pattern of both. */
export function dataOf(publisher: number, kind: Kind, number: number, length: number): Uint8Array {
  const data = new Uint8Array(Math.max(headBytes, length));
  const view = new DataView(data.buffer);
  view.setUint16(0, 0xbeef);
  view.setUint8(2, kind === 'video' ? 1 : 2);
  view.setUint8(3, publisher);
  view.setUint32(4, number);
  view.setUint32(8, length);
  const step = (publisher * 31 + number * 7 + 1) & 0xff;
  for (let at = headBytes; at < data.length; at++) data[at] = (at * step + number) & 0xff;
  return data;
}

/** Looks at every unit that somebody gets: it is one that was sent, to its last byte, and none is missing before it. */
export class Witness {
  readonly #name: string;
  readonly #last = new Map<Kind, { readonly publisher: number; readonly number: number }>();
  seen = 0;

  constructor(name: string) {
    this.#name = name;
  }

  see(kind: Kind, keyframe: boolean, data: Uint8Array): void {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    if (view.getUint16(0) !== 0xbeef) throw new Error(`${this.#name} got ${kind} that nobody sent`);
    const [publisher, number, length] = [view.getUint8(3), view.getUint32(4), view.getUint32(8)];
    if (Buffer.compare(dataOf(publisher, kind, number, length), data) !== 0) {
      throw new Error(`${this.#name} got ${kind} ${number} of publisher ${publisher} changed`);
    }
    const last = this.#last.get(kind);
    const follows = last?.publisher === publisher && last.number + 1 === number;
    if (kind === 'video' && !keyframe && !follows) {
      throw new Error(`${this.#name} got picture ${number} of publisher ${publisher} without the one before it`);
    }
    this.#last.set(kind, { publisher, number });
    this.seen++;
  }

  /** What it gets next need not follow. */
  skip(): void {
    this.#last.clear();
  }
}

/** The way of messages over a connection: chunks in pieces of any length, all read into one buffer. */
export class Wire {
  readonly #encoder = new ChunkEncoder();
  readonly #decoder = new ChunkDecoder(limits);
  readonly #receiver: PublishReceiver;
  readonly #pieces: () => number;
  #waiting: Uint8Array[] = [];

  constructor(sink: PublicationSink, pieces: () => number) {
    this.#pieces = pieces;
    this.#receiver = new PublishReceiver(sink, new LogRecorder());
    this.receive(this.#encoder.encode(encodeControlMessage({ kind: 'set-chunk-size', chunkBytes }), 2));
    this.#encoder.setChunkSize(chunkBytes);
  }

  config(config: TrackConfig): void {
    const payload = encodeTrackConfigTag(config);
    if (payload !== undefined) this.#add(config.kind, 0, payload);
  }

  unit(config: TrackConfig, unit: AccessUnit): void {
    this.#add(unit.kind, unit.timestampMs, encodeAccessUnitTag(config, unit));
  }

  /** What was sent arrives. */
  flush(): void {
    this.receive(Buffer.concat(this.#waiting));
    this.#waiting = [];
  }

  receive(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const piece = Buffer.from(bytes.subarray(at, at + this.#pieces()));
      at += piece.length;
      for (const message of this.#decoder.push(piece)) {
        if (message.typeId === messageType.audio || message.typeId === messageType.video)
          this.#receiver.receiveMedia(message);
        else if (message.typeId === messageType.dataAmf0) this.#receiver.receiveData(message);
      }
      piece.fill(0xaa);
    }
  }

  #add(kind: Kind, timestampMs: number, payload: Uint8Array): void {
    const message = { typeId: messageType[kind], messageStreamId: 1, timestampMs, payload };
    this.#waiting.push(this.#encoder.encode(message, chunkStreamId[kind]));
  }
}

/** Takes what it is given at once, or holds on to it for as long as it does not read. */
export class Reader implements Player {
  readonly #take: (bytes: Uint8Array) => void;
  #held: Uint8Array[] = [];
  reading = true;
  gone = false;

  constructor(take: (bytes: Uint8Array) => void) {
    this.#take = take;
  }

  readonly connection = (() => {
    const held = () => this.#held.reduce((sum, { length }) => sum + length, 0);
    return {
      get queuedBytes() {
        return held();
      },
      write: (bytes: Uint8Array) => {
        this.#held.push(bytes);
        if (this.reading) this.drain();
        return this.reading;
      },
      together: (action: () => void) => action(),
    };
  })();

  drain(): void {
    for (const bytes of this.#held.splice(0)) this.#take(bytes);
  }

  onStreamEnd(): void {
    this.gone = true;
  }

  onStalled(): void {
    this.gone = true;
  }
}

/** Tells a witness what lies in FLV or RTMP as it came over the wire. */
export function flvTo(witness: Witness): (bytes: Uint8Array) => void {
  const reader = new FlvReader({ maxTagBytes: 1 << 24 });
  return (bytes) => {
    for (const { typeId, payload } of reader.push(Uint8Array.from(bytes))) {
      if (typeId === messageType.video && payload[1] === 1) {
        witness.see('video', (payload[0] ?? 0) >> 4 === 1, payload.subarray(5));
      } else if (typeId === messageType.audio && payload[1] === 1) witness.see('audio', true, payload.subarray(2));
    }
  };
}

const nobody = () => {};

/** Follows a stream itself and keeps nothing. */
export function watch(stream: LiveStream, witness: Witness): void {
  stream.subscribe({
    onPublisherStart: () => witness.skip(),
    onTrackConfig: nobody,
    onColorInfo: nobody,
    onAccessUnit: (unit) => witness.see(unit.kind, unit.kind === 'video' && unit.keyframe, unit.data),
    onData: nobody,
    onPublisherStop: nobody,
    onEnd: nobody,
  });
}
