import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/cli/system-clock.ts';
import { FlvReader, type FlvTag } from '../../src/formats/flv/flv-file.ts';
import { chunkStreamId } from '../../src/formats/rtmp/chunk-encoder.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { ClientConnection } from '../../src/rtmp/client-connection.ts';
import { beginPublishing } from '../../src/rtmp/outgoing-publication.ts';
import { parseRtmpUrl } from '../../src/rtmp/rtmp-url.ts';
import type { Clip } from './rtmp-clip.ts';

/** Where the tags of a clip go. */
export interface ClipOutlet {
  send(tag: FlvTag): void;
  end(): Promise<unknown>;
}

/** One frame that has been sent. */
interface SentFrame {
  readonly frameKey: string;
  readonly atMs: number;
}

/** Codec, frame type, packet type and composition offset, before what becomes the sample. */
const videoTagHeadBytes = 5;
/** Codec and packet type, likewise. */
const audioTagHeadBytes = 2;

/** Tells one frame of a clip from all others of its kind: the sample's length and its end. */
export function frameKeyOf(sample: Uint8Array): string {
  return `${sample.length}:${Buffer.from(sample.subarray(-24)).toString('latin1')}`;
}

/** A clip that begins anew at its end, at the pace of its timestamps. */
export class ClipSender {
  readonly #tags: readonly FlvTag[];
  readonly #lengthMs: number;
  readonly #outlet: ClipOutlet;
  /** The oldest are forgotten first. */
  readonly #sent: Readonly<Record<'video' | 'audio', SentFrame[]>> = { video: [], audio: [] };
  #startMs = 0;
  #index = 0;
  #loopMs = 0;

  constructor(tags: readonly FlvTag[], outlet: ClipOutlet) {
    this.#tags = tags;
    this.#outlet = outlet;
    const pictures = tags.filter(isPicture);
    const [first, second, last] = [pictures[0], pictures[1], pictures.at(-1)];
    if (first === undefined || second === undefined || last === undefined) throw new Error('a clip without pictures');
    this.#lengthMs = last.timestampMs - first.timestampMs + (second.timestampMs - first.timestampMs);
  }

  begin(nowMs: number): void {
    this.#startMs = nowMs;
  }

  /** Sends what is due; gives the instant at which there is more to do. */
  sendDue(nowMs: number): number {
    for (;;) {
      const tag = this.#tags[this.#index];
      if (tag === undefined) {
        this.#index = 0;
        this.#loopMs += this.#lengthMs;
        continue;
      }
      const timestampMs = this.#loopMs + tag.timestampMs;
      if (this.#startMs + timestampMs > nowMs) return this.#startMs + timestampMs;
      this.#index++;
      // Configurations and metadata once.
      if (this.#loopMs > 0 && !isFrame(tag)) continue;
      this.#outlet.send({ ...tag, timestampMs });
      if (isFrame(tag)) this.#note(tag);
    }
  }

  /** The last time that this frame was sent, and the one after it of the same kind, if that has been sent. */
  timesOf(
    kind: 'video' | 'audio',
    frameKey: string,
  ): { readonly atMs: number; readonly nextAtMs: number | undefined } | undefined {
    const sent = this.#sent[kind];
    const index = sent.findLastIndex((frame) => frame.frameKey === frameKey);
    const frame = sent[index];
    return frame && { atMs: frame.atMs, nextAtMs: sent[index + 1]?.atMs };
  }

  end(): Promise<unknown> {
    return this.#outlet.end();
  }

  #note({ typeId, payload }: FlvTag): void {
    const isVideo = typeId === messageType.video;
    const sent = this.#sent[isVideo ? 'video' : 'audio'];
    const frameKey = frameKeyOf(payload.subarray(isVideo ? videoTagHeadBytes : audioTagHeadBytes));
    sent.push({ frameKey, atMs: performance.now() });
    // Shorter than the clip, so that no frame is in it twice.
    if (sent.length > 200) sent.shift();
  }
}

function isFrame({ typeId, payload }: FlvTag): boolean {
  return (typeId === messageType.video || typeId === messageType.audio) && payload[1] === 1;
}

function isPicture(tag: FlvTag): boolean {
  return tag.typeId === messageType.video && isFrame(tag);
}

export function tagsOf({ file }: Pick<Clip, 'file'>): readonly FlvTag[] {
  return new FlvReader({ maxTagBytes: 8_388_608 }).push(readFileSync(file));
}

/** Publishes to an RTMP server, in the application `live`; resolves when it has said Start. */
export async function rtmpOutlet(port: number, name: string): Promise<ClipOutlet> {
  const address = parseRtmpUrl(`rtmp://127.0.0.1:${port}/live/${name}`);
  const { signal } = new AbortController();
  const connection = await ClientConnection.open({ address, clock: systemClock, signal });
  const messageStreamId = await beginPublishing(connection, address.streamName);
  const chunkStreams = new Map<number, number>([
    [messageType.audio, chunkStreamId.audio],
    [messageType.video, chunkStreamId.video],
  ]);
  return {
    send: ({ typeId, timestampMs, payload }) => {
      const chunkStream = chunkStreams.get(typeId);
      if (chunkStream !== undefined)
        connection.sendMessage({ typeId, timestampMs, payload, messageStreamId }, chunkStream);
    },
    end: () => connection.end(),
  };
}

/** Runs clips until it is stopped. Their pictures are spread over one frame's time, as those of many encoders would be. */
export class ClipSenders implements AsyncDisposable {
  readonly #senders: ClipSender[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Begins to send at once; `count` is how many there will be, to spread them. */
  add(sender: ClipSender, count = 1): void {
    sender.begin(performance.now() + (this.#senders.length % count) * (33 / count));
    this.#senders.push(sender);
    if (this.#timer === undefined) this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await Promise.all(this.#senders.map((sender) => sender.end()));
  }

  #run(): void {
    const nowMs = performance.now();
    const nextMs = Math.min(...this.#senders.map((sender) => sender.sendDue(nowMs)));
    this.#timer = setTimeout(() => this.#run(), Math.max(0, nextMs - performance.now()));
  }
}
