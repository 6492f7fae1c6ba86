import { randomBytes } from 'node:crypto';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { UpstreamError } from '../base/errors.ts';
import { asError } from '../base/thrown.ts';
import { amf0Object, type Amf0Value } from '../formats/amf0/value.ts';
import { ChunkDecoder } from '../formats/rtmp/chunk-decoder.ts';
import { chunkStreamId } from '../formats/rtmp/chunk-encoder.ts';
import { decodeCommand, encodeCommand, type RtmpCommand } from '../formats/rtmp/command.ts';
import {
  type ControlMessage,
  decodeControlMessage,
  encodeControlMessage,
  isControlMessage,
} from '../formats/rtmp/control-message.ts';
import { ClientHandshake, handshakeRandomBytes } from '../formats/rtmp/handshake.ts';
import { messageType, type RtmpMessage } from '../formats/rtmp/message.ts';
import { endWhenSent } from '../sockets/end-when-sent.ts';
import { readShared } from '../sockets/shared-reading.ts';
import { orAborted, withinDeadline } from './abortable-wait.ts';
import { AcknowledgementWindow } from './acknowledgement-window.ts';
import { MessageWriter } from './message-writer.ts';
import { type RtmpAddress, withoutQueries } from './rtmp-url.ts';
import { connectionError, RtmpRefusal } from './server-failure.ts';
import { type ServerStatus, serverStatus } from './server-status.ts';
import { SilenceWatch } from './silence-watch.ts';

export interface ClientConnectionOptions {
  readonly address: RtmpAddress;
  readonly clock: Clock;
  /** Aborting it gives up, as long as the connection is being opened. */
  readonly signal: AbortSignal;
  /** What we call ourselves. Servers look for FMLE to tell a publisher from a player. */
  readonly flashVer?: string;
  /** Further properties of `connect`. */
  readonly properties?: Readonly<Record<string, Amf0Value>>;
  /** For each step: the connection, the handshake, each command. 10 s if left out. */
  readonly stepTimeoutMs?: number;
  /** For `rtmps://`, in PEM: whom to trust (those that Node does if left out), and what to present to who asks for it. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  /** What a server sends to a publisher is small: 1 MiB if left out. */
  readonly maxMessageBytes?: number;
  /**
   * A server that is silent for this long is asked for an answer (a ping), and given up after as long again. Never if
   * left out: some servers say nothing to a publisher, and answer no ping.
   */
  readonly silenceMs?: number;
}

/** For whoever receives a stream. Called synchronously; what is thrown ends the connection. */
export interface ServerMessages {
  /** Audio, video, data or aggregate, not empty. */
  onMessage(message: RtmpMessage): void;
  onStatus(status: ServerStatus): void;
  onStreamEof(messageStreamId: number): void;
}

const defaultStepTimeoutMs = 10_000;
const defaultMaxMessageBytes = 1_048_576;

/** How long a server may leave us with more than `maxQueuedBytes` to send. */
const drainTimeoutMs = 20_000;

/** What waits to be sent at most, before the sender of media is made to wait. */
const maxQueuedBytes = 1_048_576;

/** Of what we send: most frames are one chunk. */
const ownChunkBytes = 65_536;

/**
 * One connection to an RTMP server, from our side: handshake, `connect`, commands with their answers. Every failure is
 * an `UpstreamError` that says in plain words what the server did; after one the connection is closed.
 */
export class ClientConnection {
  readonly #options: ClientConnectionOptions;
  readonly #address: RtmpAddress;
  readonly #clock: Clock;
  readonly #socket: Socket;
  /** Since there is a connection to write to. */
  #writer: MessageWriter | undefined;
  readonly #failure = new AbortController();
  readonly #window = new AcknowledgementWindow();
  readonly #calls = new Map<number, (answer: RtmpCommand) => void>();
  readonly #statusListeners = new Set<(status: ServerStatus) => void>();
  readonly #handshake = new ClientHandshake(() => randomBytes(handshakeRandomBytes));
  readonly #handshakeDone = Promise.withResolvers<void>();
  #decoder: ChunkDecoder | undefined;
  #receiver: ServerMessages | undefined;
  #nextTransactionId = 1;
  #silence: SilenceWatch | undefined;

  private constructor(options: ClientConnectionOptions) {
    this.#options = options;
    const { address, clock, tls } = options;
    this.#address = address;
    this.#clock = clock;
    const { host, port } = address;
    // TLS speaks once the connection stands: `secureConnect` is its `connect`.
    this.#socket = address.tls
      ? connectTls({
          host,
          port,
          ...tls,
          ...(isIP(host) === 0 ? { servername: host } : {}),
        })
      : connect({ host, port });
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true);
    const where = this.#where();
    this.#socket.once(address.tls ? 'secureConnect' : 'connect', () => {
      this.#writer = new MessageWriter(this.#socket);
      // Nothing comes to the listener below then.
      readShared(this.#socket, (shared, length) => this.#guarded(() => this.#receive(shared.subarray(0, length))));
    });
    this.#socket.on('data', (bytes: Buffer) => this.#guarded(() => this.#receive(bytes)));
    this.#socket.on('error', (error) => this.fail(connectionError(where, error)));
    this.#socket.on('close', () => this.fail(new UpstreamError('RTMP_CLOSED', `${where} closed the connection`)));
  }

  /** Connects, shakes hands and sends `connect`; resolves when the server has taken it. */
  static async open(options: ClientConnectionOptions): Promise<ClientConnection> {
    const connection = new ClientConnection(options);
    await connection.orFailed(connection.#begin(), options.signal);
    return connection;
  }

  /**
   * What `begun` gives, without which the connection is no use: when that rejects, or `signal` is aborted, it is closed and
   * this rejects likewise.
   */
  async orFailed<Value>(begun: Promise<Value>, signal: AbortSignal): Promise<Value> {
    try {
      return await orAborted(begun, signal);
    } catch (error) {
      this.fail(asError(error));
      throw error;
    }
  }

  /** Aborted, with the error as its reason, when the connection has ended for whatever reason. */
  get failed(): AbortSignal {
    return this.#failure.signal;
  }

  /** Of media and commands, chunk headers included. */
  get sentBytes(): number {
    return this.#writer?.sentBytes ?? 0;
  }

  /** Written, but not taken by the server yet. */
  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  /** Ends the connection at once. Only the first call counts. */
  fail(error: Error): void {
    if (this.#failure.signal.aborted) return;
    this.#failure.abort(error);
    this.#silence?.stop();
    this.#calls.clear();
    this.#receiver = undefined;
    this.#socket.destroy();
  }

  /** Sends a command and waits for its `_result`. An `_error` is an `UpstreamError` with the server's description. */
  call(name: string, ...args: Amf0Value[]): Promise<RtmpCommand> {
    return this.#call(name, null, args);
  }

  /** Sends a command whose answer, if there is one, does not matter. */
  tell(name: string, messageStreamId: number, ...args: Amf0Value[]): void {
    this.#sendCommand({ name, transactionId: this.#nextTransactionId++, commandObject: null, args }, messageStreamId);
  }

  /** Sends a command on a message stream and waits for `onStatus` with `code`. One of level `error` is an `UpstreamError`. */
  async tellAndAwaitStatus(name: string, messageStreamId: number, code: string, ...args: Amf0Value[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const listener = (status: ServerStatus) => {
      if (status.code === code) resolve();
      else if (status.level === 'error') reject(this.#refusal(name, status.code, status.description));
    };
    this.#statusListeners.add(listener);
    try {
      this.tell(name, messageStreamId, ...args);
      await this.#within(`answer to ${name}`, promise);
    } finally {
      this.#statusListeners.delete(listener);
    }
  }

  /** Hands on what the server sends from now on, media among it. */
  receiveWith(receiver: ServerMessages): void {
    this.#receiver = receiver;
  }

  /** From now on a status of level `error` ends the connection. */
  failOnErrorStatus(): void {
    this.#statusListeners.add((status) => {
      if (status.level === 'error') this.fail(this.#refusal('publish', status.code, status.description));
    });
  }

  /**
   * Resolves when the next message may be sent: at once, unless the server reads slower than we write. Aborting `signal`
   * ends the wait, not the connection.
   */
  async writable(signal: AbortSignal): Promise<void> {
    if (this.#socket.writableLength < maxQueuedBytes) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.once('drain', resolve);
    try {
      await withinDeadline(
        this.#clock,
        drainTimeoutMs,
        orAborted(promise, signal),
        () => new UpstreamError('RTMP_SERVER_DOES_NOT_READ', `${this.#where()} takes nothing any more`),
      );
    } finally {
      this.#socket.off('drain', resolve);
    }
  }

  /** `behind`: the rest of the payload. Nothing of either is kept. */
  sendMessage(message: RtmpMessage, onChunkStream: number, behind?: Uint8Array): void {
    if (!this.failed.aborted) this.#writer?.message(message, onChunkStream, behind);
  }

  /** Closes when all has been sent, or the server does not take it any more (`endWhenSent`). */
  async end(): Promise<void> {
    if (!this.failed.aborted) await endWhenSent(this.#socket, this.#clock);
  }

  async #begin(): Promise<void> {
    const connected = new Promise<void>((resolve) => {
      this.#socket.once(this.#address.tls ? 'secureConnect' : 'connect', () => resolve());
    });
    await this.#within('connection', connected);
    this.#writer?.raw(this.#handshake.start());
    await this.#within('handshake', this.#handshakeDone.promise);
    const { app, tcUrl } = this.#address;
    await this.#call(
      'connect',
      amf0Object({
        app,
        type: 'nonprivate',
        flashVer: this.#options.flashVer ?? 'FMLE/3.0 (compatible; StreamFront)',
        tcUrl,
        ...this.#options.properties,
      }),
      [],
    );
    this.#control({ kind: 'set-chunk-size', chunkBytes: ownChunkBytes });
    this.#writer?.setChunkSize(ownChunkBytes);
    this.#watchSilence();
  }

  #watchSilence(): void {
    const { silenceMs } = this.#options;
    if (silenceMs === undefined || this.failed.aborted) return;
    this.#silence = new SilenceWatch({
      clock: this.#clock,
      silenceMs,
      ask: () => {
        const timestampMs = Math.floor(this.#clock.monotonicMs()) >>> 0;
        this.#control({ kind: 'user-control', event: { kind: 'ping-request', timestampMs } });
      },
      onSilent: () => this.fail(new UpstreamError('RTMP_SILENT', `${this.#where()} says nothing any more`)),
    });
  }

  async #call(name: string, commandObject: Amf0Value, args: readonly Amf0Value[]): Promise<RtmpCommand> {
    const transactionId = this.#nextTransactionId++;
    const { promise, resolve } = Promise.withResolvers<RtmpCommand>();
    this.#calls.set(transactionId, resolve);
    this.#sendCommand({ name, transactionId, commandObject, args }, 0);
    const answer = await this.#within(`answer to ${name}`, promise);
    if (answer.name === '_result') return answer;
    const { code, description } = serverStatus(answer, 0);
    throw this.#refusal(name, code, description);
  }

  /** The wait for `what`, with its deadline; ends with the connection. */
  #within<T>(what: string, promise: Promise<T>): Promise<T> {
    const stepTimeoutMs = this.#options.stepTimeoutMs ?? defaultStepTimeoutMs;
    return withinDeadline(
      this.#clock,
      stepTimeoutMs,
      orAborted(promise, this.failed),
      () => new UpstreamError('RTMP_TIMEOUT', `no ${what} from ${this.#where()} in ${stepTimeoutMs} ms`),
    );
  }

  #where(): string {
    const { host, port } = this.#address;
    return `the RTMP server at ${host}:${port}`;
  }

  #refusal(command: string, code: string, words: string): RtmpRefusal {
    const description = withoutQueries(this.#address, words);
    const said = [code, description].filter((part) => part !== '').join(': ');
    const sentence = `${this.#where()} refused ${command}: ${said === '' ? 'no reason given' : said}`;
    return new RtmpRefusal(sentence, code, description);
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      const cause = asError(error);
      this.fail(
        new UpstreamError('RTMP_BAD_ANSWER', `${this.#where()} does not speak RTMP as it should: ${cause.message}`, {
          cause,
        }),
      );
    }
  }

  #receive(bytes: Uint8Array): void {
    this.#silence?.heard();
    const sequenceNumber = this.#window.receive(bytes.length);
    if (this.#decoder === undefined) {
      const { reply, rest } = this.#handshake.push(bytes);
      if (reply !== undefined) this.#writer?.raw(reply);
      if (rest === undefined) return;
      const maxMessageBytes = this.#options.maxMessageBytes ?? defaultMaxMessageBytes;
      // A server interleaves audio and video: one large message of each may be under way.
      this.#decoder = new ChunkDecoder({ maxMessageBytes, maxBufferedBytes: maxMessageBytes * 2, maxChunkStreams: 64 });
      this.#handshakeDone.resolve();
      for (const message of this.#decoder.push(rest)) this.#receiveMessage(message);
      return;
    }
    for (const message of this.#decoder.push(bytes)) this.#receiveMessage(message);
    if (sequenceNumber !== undefined) this.#control({ kind: 'acknowledgement', receivedBytes: sequenceNumber });
  }

  #receiveMessage(message: RtmpMessage): void {
    if (isControlMessage(message)) {
      this.#receiveControl(decodeControlMessage(message));
      return;
    }
    if (message.payload.length === 0) return;
    switch (message.typeId) {
      case messageType.commandAmf0:
      case messageType.commandAmf3:
        this.#receiveCommand(decodeCommand(message), message.messageStreamId);
        return;
      case messageType.audio:
      case messageType.video:
      case messageType.dataAmf0:
      case messageType.dataAmf3:
      case messageType.aggregate:
        this.#receiver?.onMessage(message);
        return;
      default:
    }
  }

  #receiveControl(control: ControlMessage): void {
    if (control.kind === 'window-acknowledgement-size') {
      this.#window.setWindow(control.windowBytes);
    } else if (control.kind === 'set-peer-bandwidth') {
      this.#control({ kind: 'window-acknowledgement-size', windowBytes: Math.max(1, control.windowBytes) });
    } else if (control.kind === 'user-control' && control.event.kind === 'ping-request') {
      const { timestampMs } = control.event;
      this.#control({ kind: 'user-control', event: { kind: 'ping-response', timestampMs } });
    } else if (control.kind === 'user-control' && control.event.kind === 'stream-eof') {
      this.#receiver?.onStreamEof(control.event.messageStreamId);
    }
  }

  #receiveCommand(command: RtmpCommand, messageStreamId: number): void {
    if (command.name === '_result' || command.name === '_error') {
      this.#calls.get(command.transactionId)?.(command);
      this.#calls.delete(command.transactionId);
    } else if (command.name === 'onStatus') {
      const status = serverStatus(command, messageStreamId);
      for (const listener of this.#statusListeners) listener(status);
      this.#receiver?.onStatus(status);
    }
  }

  #sendCommand(command: RtmpCommand, messageStreamId: number): void {
    this.sendMessage(encodeCommand(command, messageStreamId), chunkStreamId.command);
  }

  #control(control: ControlMessage): void {
    this.sendMessage(encodeControlMessage(control), chunkStreamId.control);
  }
}
