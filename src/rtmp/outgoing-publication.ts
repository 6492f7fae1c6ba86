import type { Clock } from '../base/clock.ts';
import { UpstreamError } from '../base/errors.ts';
import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { ColorInfo } from '../formats/media/color-info.ts';
import type { DataMessage } from '../formats/media/data-message.ts';
import type { TrackConfig } from '../formats/media/track.ts';
import { chunkStreamId } from '../formats/rtmp/chunk-encoder.ts';
import type { RtmpMessage } from '../formats/rtmp/message.ts';
import type { LiveStream, StreamSubscriber } from '../live/live-stream.ts';
import { ClientConnection, type ClientConnectionOptions } from './client-connection.ts';
import { MediaMessages } from './media-messages.ts';

export interface OutgoingPublicationOptions extends ClientConnectionOptions {
  /** Bytes that may wait for a server that reads too slowly; beyond it whole GOPs are left out. */
  readonly queueBytes: number;
}

export interface OutgoingPublicationStats {
  readonly sentUnits: number;
  /** Access units left out because the server reads too slowly. */
  readonly droppedUnits: number;
  /** Everything written to the connection. */
  readonly sentBytes: number;
}

/** A server that reads nothing at all, or too little without a pause, is given up after this long. */
const stalledMs = 20_000;

/** A live stream on its way to another RTMP server, over one connection. */
export class OutgoingPublication {
  readonly #connection: ClientConnection;
  readonly #messageStreamId: number;
  readonly #streamName: string;
  readonly #sender: StreamSender;
  #unsubscribe: (() => void) | undefined;

  private constructor(connection: ClientConnection, messageStreamId: number, options: OutgoingPublicationOptions) {
    this.#connection = connection;
    this.#messageStreamId = messageStreamId;
    this.#streamName = options.address.streamName;
    this.#sender = new StreamSender(connection, messageStreamId, options.queueBytes, options.clock);
    connection.failed.addEventListener('abort', () => this.#unsubscribe?.(), { once: true });
  }

  /**
   * Connects and publishes; resolves when the server has said Start. Rejects with an `RtmpRefusal` when it says no, with
   * another `UpstreamError` when it cannot be reached or does not answer in time, with the reason of `signal` when that
   * is aborted.
   */
  static async open(options: OutgoingPublicationOptions): Promise<OutgoingPublication> {
    const connection = await ClientConnection.open(options);
    const publishing = beginPublishing(connection, options.address.streamName);
    const messageStreamId = await connection.orFailed(publishing, options.signal);
    return new OutgoingPublication(connection, messageStreamId, options);
  }

  /** Aborted, with the error as its reason, when the connection has ended: an `RtmpRefusal` if the server said why. */
  get failed(): AbortSignal {
    return this.#connection.failed;
  }

  /** Sends what `stream` has from its last keyframe on, and all that follows. Call once. */
  follow(stream: LiveStream): void {
    this.#unsubscribe = stream.subscribe(this.#sender, { burst: true });
    if (this.failed.aborted) this.#unsubscribe();
  }

  stats(): OutgoingPublicationStats {
    const { sentUnits, droppedUnits } = this.#sender;
    return { sentUnits, droppedUnits, sentBytes: this.#connection.sentBytes };
  }

  /** Unpublishes and closes, when what was sent has been taken: without progress in three seconds, in ten at most. */
  async close(): Promise<void> {
    this.#unsubscribe?.();
    if (this.failed.aborted) return;
    this.#connection.tell('FCUnpublish', 0, this.#streamName);
    this.#connection.tell('deleteStream', 0, this.#messageStreamId);
    await this.#connection.end();
  }
}

/** The commands that OBS sends, in its order. Resolves with the message stream when the server says Start. */
export async function beginPublishing(connection: ClientConnection, streamName: string): Promise<number> {
  connection.tell('releaseStream', 0, streamName);
  connection.tell('FCPublish', 0, streamName);
  const [messageStreamId] = (await connection.call('createStream')).args;
  if (typeof messageStreamId !== 'number') {
    throw new UpstreamError('RTMP_BAD_ANSWER', 'the RTMP server answered createStream without a message stream');
  }
  await connection.tellAndAwaitStatus('publish', messageStreamId, 'NetStream.Publish.Start', streamName, 'live');
  connection.failOnErrorStatus();
  return messageStreamId;
}

/**
 * Writes a stream to a connection. Never waits: when the server reads too slowly everything is left out from there to
 * the next keyframe for which there is room, so that what it gets can be decoded.
 */
class StreamSender implements StreamSubscriber {
  readonly #connection: ClientConnection;
  readonly #messages: MediaMessages;
  readonly #queueBytes: number;
  readonly #clock: Clock;
  #hasVideo = false;
  /** Of what is sent next where it has no time of its own. */
  #timestampMs = 0;
  /** Since when there has been no room; `undefined` while there is. */
  #fullSinceMs: number | undefined;
  sentUnits = 0;
  droppedUnits = 0;

  constructor(connection: ClientConnection, messageStreamId: number, queueBytes: number, clock: Clock) {
    this.#connection = connection;
    this.#messages = new MediaMessages(messageStreamId);
    this.#queueBytes = queueBytes;
    this.#clock = clock;
  }

  onPublisherStart(): void {
    this.#hasVideo = false;
  }

  onTrackConfig(config: TrackConfig): void {
    if (config.kind === 'video') this.#hasVideo = true;
    this.#send(this.#messages.config(config, this.#timestampMs), chunkStreamId[config.kind]);
  }

  onColorInfo(trackId: number, colorInfo: ColorInfo | undefined): void {
    this.#send(this.#messages.colorInfo(trackId, colorInfo, this.#timestampMs), chunkStreamId.video);
  }

  onAccessUnit(unit: AccessUnit): void {
    this.#timestampMs = unit.timestampMs;
    if (!this.#hasRoom(unit)) {
      this.droppedUnits++;
      return;
    }
    this.sentUnits++;
    this.#send(this.#messages.beforeUnit(unit), chunkStreamId[unit.kind], unit.data);
  }

  onData(message: DataMessage): void {
    if (this.#connection.queuedBytes < this.#queueBytes) this.#send(this.#messages.data(message), chunkStreamId.data);
  }

  onPublisherStop(): void {}

  onEnd(): void {}

  #hasRoom(unit: AccessUnit): boolean {
    const { queuedBytes } = this.#connection;
    if (this.#fullSinceMs === undefined) {
      if (queuedBytes + unit.data.length <= this.#queueBytes) return true;
      this.#fullSinceMs = this.#clock.monotonicMs();
      return false;
    }
    // Half of the queue must be free again: at its brim the next GOP would break off as well.
    const mayGoOn = unit.kind === 'video' ? unit.keyframe : !this.#hasVideo;
    if (mayGoOn && queuedBytes <= this.#queueBytes / 2) {
      this.#fullSinceMs = undefined;
      return true;
    }
    if (this.#clock.monotonicMs() - this.#fullSinceMs > stalledMs) {
      this.#connection.fail(doesNotRead());
    }
    return false;
  }

  #send(message: RtmpMessage | undefined, onChunkStream: number, behind?: Uint8Array): void {
    if (message === undefined || this.#connection.failed.aborted) return;
    // Configurations are not left out: nothing could be decoded without them.
    if (this.#connection.queuedBytes > 2 * this.#queueBytes) this.#connection.fail(doesNotRead());
    else this.#connection.sendMessage(message, onChunkStream, behind);
  }
}

function doesNotRead(): UpstreamError {
  return new UpstreamError('RTMP_SERVER_DOES_NOT_READ', 'the server does not read what is sent to it');
}
