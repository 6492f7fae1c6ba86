import { UpstreamError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Amf0Value } from '../formats/amf0/value.ts';
import { decodeDataMessage } from '../formats/rtmp/data-message.ts';
import { messageType, type RtmpMessage } from '../formats/rtmp/message.ts';
import { ClientConnection, type ClientConnectionOptions } from './client-connection.ts';
import type { PublicationSink } from './publish-gate.ts';
import { PublishReceiver } from './publish-receiver.ts';
import type { ServerStatus } from './server-status.ts';

/** `release` means that the server has said so, or that nobody wants it any more. */
export interface PulledSink extends PublicationSink {
  /** The connection has broken: whether the publication goes on nobody knows. Instead of `release`. */
  interrupted(): void;
}

export interface RtmpPullOptions extends ClientConnectionOptions {
  /** Makes the place for one publication: called when media begins to come, and again after each pause. */
  readonly onPublication: () => PulledSink;
  /** Carries the stream already. */
  readonly log: Log;
}

/** From where the stream starts in `play` (RTMP 1.0 §7.2.2.1): −1 is live and nothing else. */
const liveOnly = -1;

/** Codes of statuses that say the publisher has left and may come back, or another one is there; that all is over. */
const unpublished: ReadonlySet<string> = new Set(['NetStream.Play.UnpublishNotify', 'NetStream.Play.PublishNotify']);
const over: ReadonlySet<string> = new Set(['NetStream.Play.Stop', 'NetStream.Play.Complete']);

/** Data that Flash players were told about the connection: nothing of the stream. */
const aboutConnection: ReadonlySet<string> = new Set(['|RtmpSampleAccess', 'onStatus']);

/** The stream at the server is over: it said so. */
export class StreamOver extends UpstreamError {
  constructor(where: string) {
    super('RTMP_STREAM_OVER', `the stream at ${where} is over`);
  }
}

/** One live stream that is played from another RTMP server, over one connection. */
export class RtmpPull {
  readonly #connection: ClientConnection;
  readonly #options: RtmpPullOptions;
  #messageStreamId = -1;
  /** Before that, what the server says is the answer to `play`. */
  #started = false;
  #publication: { readonly sink: PulledSink; readonly receiver: PublishReceiver } | undefined;

  private constructor(connection: ClientConnection, options: RtmpPullOptions) {
    this.#connection = connection;
    this.#options = options;
    connection.failed.addEventListener('abort', () => this.#connectionFailed(connection.failed.reason), { once: true });
  }

  /**
   * Connects and plays; resolves when the server has said Start. A server may say so for a stream that waits for its
   * publisher. Rejects with an `RtmpRefusal` when it says no (its `statusCode` is `NetStream.Play.StreamNotFound` where
   * there is no such stream), with another `UpstreamError` when it cannot be reached or does not answer in time, with the
   * reason of `signal` when that is aborted.
   */
  static async open(options: RtmpPullOptions): Promise<RtmpPull> {
    const connection = await ClientConnection.open({
      // Some servers look for a Flash player.
      flashVer: 'LNX 32,0,0,465 (compatible; StreamFront)',
      ...options,
      properties: { ...clientCapabilities, ...options.properties },
    });
    const pull = new RtmpPull(connection, options);
    await connection.orFailed(pull.#begin(), options.signal);
    return pull;
  }

  /** Aborted, with the error as its reason, when the connection has ended: `StreamOver` if the server said so. */
  get failed(): AbortSignal {
    return this.#connection.failed;
  }

  /** Ends it at once; the publication that is running is released. */
  close(): void {
    if (this.failed.aborted) return;
    this.#connection.tell('deleteStream', 0, this.#messageStreamId);
    this.#endPublication();
    this.#connection.end().catch(() => {});
  }

  async #begin(): Promise<void> {
    const connection = this.#connection;
    const [messageStreamId] = (await connection.call('createStream')).args;
    if (typeof messageStreamId !== 'number') {
      throw new UpstreamError('RTMP_BAD_ANSWER', 'the RTMP server answered createStream without a message stream');
    }
    this.#messageStreamId = messageStreamId;
    // The first media comes with the answer.
    connection.receiveWith({
      onMessage: (message) => this.#receive(message),
      onStatus: (status) => this.#receiveStatus(status),
      onStreamEof: (id) => {
        if (this.#isOurs(id)) this.#end();
      },
    });
    const { streamName } = this.#options.address;
    await connection.tellAndAwaitStatus('play', messageStreamId, 'NetStream.Play.Start', streamName, liveOnly);
    this.#started = true;
  }

  /** There is one stream on this connection. node-media-server sends its media on 0, which is none. */
  #isOurs(messageStreamId: number): boolean {
    return messageStreamId === this.#messageStreamId || messageStreamId === 0;
  }

  #receive(message: RtmpMessage): void {
    if (!this.#isOurs(message.messageStreamId)) return;
    const isData = message.typeId === messageType.dataAmf0 || message.typeId === messageType.dataAmf3;
    if (isData && aboutConnection.has(decodeDataMessage(message).name)) return;
    this.#publication ??= this.#beginPublication();
    if (isData) this.#publication.receiver.receiveData(message);
    else this.#publication.receiver.receiveMedia(message);
  }

  #beginPublication() {
    const sink = this.#options.onPublication();
    return { sink, receiver: new PublishReceiver(sink, this.#options.log) };
  }

  #receiveStatus({ code, level, description, messageStreamId }: ServerStatus): void {
    if (!this.#isOurs(messageStreamId)) return;
    if (unpublished.has(code)) this.#endPublication();
    else if (over.has(code)) this.#end();
    else if (level === 'error' && this.#started) {
      this.#connection.fail(
        new UpstreamError('RTMP_PLAY_ENDED', `the server ended the stream: ${code} ${description}`),
      );
    }
  }

  #end(): void {
    this.#connection.fail(new StreamOver(this.#options.address.server));
  }

  #connectionFailed(reason: unknown): void {
    if (reason instanceof StreamOver) this.#endPublication();
    this.#publication?.sink.interrupted();
    this.#publication = undefined;
  }

  #endPublication(): void {
    const publication = this.#publication;
    this.#publication = undefined;
    publication?.sink.release();
  }
}

/** Enhanced RTMP v2, "Enhancing NetConnection connect Command": everything is taken, forwarded as it came. */
const canForward = 4;
const capsEx = { multitrack: 0x02, modEx: 0x04 } as const;
const clientCapabilities: Readonly<Record<string, Amf0Value>> = {
  fourCcList: ['*'],
  videoFourCcInfoMap: new Map([['*', canForward]]),
  audioFourCcInfoMap: new Map([['*', canForward]]),
  capsEx: capsEx.multitrack | capsEx.modEx,
};
