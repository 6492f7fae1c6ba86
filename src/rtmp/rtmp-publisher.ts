import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { asError } from '../base/thrown.ts';
import { Amf0EcmaArray, type Amf0Object, type Amf0Value } from '../formats/amf0/value.ts';
import { metadataCodecId } from '../formats/flv/track-tag.ts';
import type { AccessUnit } from '../formats/media/access-unit.ts';
import { type TrackConfig, trackNumber } from '../formats/media/track.ts';
import { chunkStreamId } from '../formats/rtmp/chunk-encoder.ts';
import { encodeDataMessage } from '../formats/rtmp/data-message.ts';
import type { RtmpMessage } from '../formats/rtmp/message.ts';
import { orAborted, sleep } from './abortable-wait.ts';
import { ClientConnection } from './client-connection.ts';
import { MediaMessages } from './media-messages.ts';
import { beginPublishing } from './outgoing-publication.ts';
import { parseRtmpUrl } from './rtmp-url.ts';

/** What is published, in decode order. The configurations that are known come before the first access unit. */
export type PublishItem =
  | { readonly kind: 'config'; readonly config: TrackConfig }
  | { readonly kind: 'unit'; readonly unit: AccessUnit }
  /** Goes into `onMetaData`, beside what follows from the configurations. Comes before the first access unit. */
  | { readonly kind: 'metadata'; readonly properties: Readonly<Record<string, Amf0Value>> };

export interface PublishOptions {
  /** `rtmp://host[:port]/app/name[?query]`. */
  readonly url: string;
  readonly source: AsyncIterable<PublishItem>;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborting it says goodbye to the server and resolves. */
  readonly signal?: AbortSignal;
  /** `realtime` sends each access unit when its decode time has come; `none` sends as fast as the server takes it. */
  readonly pacing: 'realtime' | 'none';
}

export interface PublishSummary {
  readonly videoFrames: number;
  readonly audioFrames: number;
  /** Everything written to the connection. */
  readonly sentBytes: number;
  /** `finished`: the source ended; `aborted`: the signal said so. */
  readonly ended: 'finished' | 'aborted';
}

/** Further behind than this (the machine slept, the source hung) it is no use to catch up: time goes on from here. */
const maxLagMs = 5_000;

/**
 * Publishes to an RTMP server; resolves when the source has ended or the signal was aborted, and has unpublished then.
 * Rejects with `ConfigError` for a bad URL, with `UpstreamError` in plain words when the server cannot be reached,
 * refuses, breaks off or does not read, and with what the source throws. No error and no log line holds the stream name,
 * which is the secret of many services, nor its key.
 */
export async function publishRtmp(options: PublishOptions): Promise<PublishSummary> {
  const { clock, source, log } = options;
  const signal = options.signal ?? new AbortController().signal;
  const address = parseRtmpUrl(options.url);
  const iterator = source[Symbol.asyncIterator]();
  const sent = { videoFrames: 0, audioFrames: 0 };
  let connection: ClientConnection | undefined;
  try {
    connection = await ClientConnection.open({ address, clock, signal });
    const messageStreamId = await orAborted(beginPublishing(connection, address.streamName), signal);
    log.info({ url: address.tcUrl }, 'Publishing has begun');
    const sender = new MediaSender({ connection, messageStreamId, clock, pacing: options.pacing, sent });
    await sendAll(iterator, sender, AbortSignal.any([signal, connection.failed])).catch((error: unknown) => {
      // Aborted while the server is still there: it is told.
      if (!signal.aborted || connection?.failed.aborted === true) throw error;
    });
    connection.tell('FCUnpublish', 0, address.streamName);
    connection.tell('deleteStream', 0, messageStreamId);
    await connection.end();
  } catch (error) {
    connection?.fail(asError(error));
    if (!signal.aborted) throw error;
  } finally {
    // Not awaited: a source that hangs would hang here again.
    iterator.return?.().catch(() => {});
  }
  return { ...sent, sentBytes: connection?.sentBytes ?? 0, ended: signal.aborted ? 'aborted' : 'finished' };
}

async function sendAll(iterator: AsyncIterator<PublishItem>, sender: MediaSender, stop: AbortSignal): Promise<void> {
  for (;;) {
    const next = await orAborted(iterator.next(), stop);
    if (next.done === true) return;
    const item = next.value;
    if (item.kind === 'metadata') sender.addMetadata(item.properties);
    else if (item.kind === 'config') sender.sendConfig(item.config);
    else await sender.sendUnit(item.unit, stop);
  }
}

interface MediaSenderOptions {
  readonly connection: ClientConnection;
  readonly messageStreamId: number;
  readonly clock: Clock;
  readonly pacing: PublishOptions['pacing'];
  readonly sent: { videoFrames: number; audioFrames: number };
}

/** Sends access units as messages, each when its time has come. */
class MediaSender {
  readonly #options: MediaSenderOptions;
  readonly #messages: MediaMessages;
  /** By the number of the track. */
  readonly #configs = new Map<number, TrackConfig>();
  #metadata: Readonly<Record<string, Amf0Value>> = {};
  /** Decode time 0 of the source on the monotonic clock; `undefined` until the first access unit. */
  #originMs: number | undefined;
  /** Time since the first access unit, free of the 32-bit wrap. */
  #mediaMs = 0;
  #lastTimestampMs = 0;

  constructor(options: MediaSenderOptions) {
    this.#options = options;
    this.#messages = new MediaMessages(options.messageStreamId);
  }

  addMetadata(properties: Readonly<Record<string, Amf0Value>>): void {
    this.#metadata = { ...this.#metadata, ...properties };
  }

  /** Held back until the first access unit, so that `onMetaData` comes first and knows all tracks. */
  sendConfig(config: TrackConfig): void {
    this.#configs.set(trackNumber(config), config);
    if (this.#originMs !== undefined) this.#sendSequenceHeader(config, this.#lastTimestampMs);
  }

  async sendUnit(unit: AccessUnit, stop: AbortSignal): Promise<void> {
    if (this.#originMs === undefined) this.#begin(unit.timestampMs);
    else this.#mediaMs += (unit.timestampMs - this.#lastTimestampMs) | 0;
    this.#lastTimestampMs = unit.timestampMs;
    if (this.#options.pacing === 'realtime') await this.#untilDue(stop);
    await this.#options.connection.writable(stop);
    this.#send(unit);
  }

  #begin(timestampMs: number): void {
    const { connection, messageStreamId, clock } = this.#options;
    this.#originMs = clock.monotonicMs();
    const configs = [...this.#configs.values()];
    const properties: Amf0Object = new Map<string, Amf0Value>([
      ['encoder', 'StreamFront'],
      ...configs.filter(({ trackId }) => trackId === 0).flatMap((config) => metadataOf(config)),
      ...Object.entries(this.#metadata),
    ]);
    const metadata = { name: '@setDataFrame', args: ['onMetaData', new Amf0EcmaArray(properties)] };
    connection.sendMessage(encodeDataMessage(metadata, messageStreamId, timestampMs), chunkStreamId.data);
    for (const config of configs) this.#sendSequenceHeader(config, timestampMs);
  }

  /** Measured from the first access unit, not from the last: what one wait was too long, the next is shorter. */
  async #untilDue(stop: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const dueMs = (this.#originMs ?? nowMs) + this.#mediaMs;
    if (dueMs > nowMs) await sleep(clock, dueMs - nowMs, stop);
    else if (nowMs - dueMs > maxLagMs) this.#originMs = nowMs - this.#mediaMs;
  }

  #send(unit: AccessUnit): void {
    if (unit.kind === 'video') this.#options.sent.videoFrames++;
    else this.#options.sent.audioFrames++;
    this.#sendMessage(this.#messages.beforeUnit(unit), unit.kind, unit.data);
  }

  #sendSequenceHeader(config: TrackConfig, timestampMs: number): void {
    this.#sendMessage(this.#messages.config(config, timestampMs), config.kind);
  }

  #sendMessage(message: RtmpMessage | undefined, kind: TrackConfig['kind'], behind?: Uint8Array): void {
    if (message !== undefined) this.#options.connection.sendMessage(message, chunkStreamId[kind], behind);
  }
}

/** What players and servers read in `onMetaData` before the media itself (Adobe FLV 10.1 §E.5). */
function metadataOf(config: TrackConfig): [string, Amf0Value][] {
  if (config.kind === 'video') {
    return [
      ['width', config.width],
      ['height', config.height],
      ['videocodecid', metadataCodecId(config)],
      ...(config.framesPerSecond === undefined
        ? []
        : [['framerate', config.framesPerSecond] satisfies [string, number]]),
    ];
  }
  return [
    ['audiocodecid', metadataCodecId(config)],
    ['audiosamplerate', config.sampleRate],
    ['audiochannels', config.channels],
    ['stereo', config.channels === 2],
    ['audiosamplesize', 16],
  ];
}
