import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { UpstreamError } from '../base/errors.ts';
import { amf0Object, type Amf0Value, propertiesOf } from '../formats/amf0/value.ts';
import { ChunkDecoder } from '../formats/rtmp/chunk-decoder.ts';
import { ChunkEncoder, chunkStreamId } from '../formats/rtmp/chunk-encoder.ts';
import { decodeCommand, encodeCommand, type RtmpCommand } from '../formats/rtmp/command.ts';
import {
  type ControlMessage,
  decodeControlMessage,
  encodeControlMessage,
  isControlMessage,
} from '../formats/rtmp/control-message.ts';
import { ClientHandshake, handshakeRandomBytes } from '../formats/rtmp/handshake.ts';
import { messageType, type RtmpMessage } from '../formats/rtmp/message.ts';
import { orAborted, withinDeadline } from './abortable-wait.ts';
import { AcknowledgementWindow } from './acknowledgement-window.ts';
import type { RtmpAddress } from './rtmp-url.ts';

export interface ClientConnectionOptions {
  readonly address: RtmpAddress;
  readonly clock: Clock;
  /** Aborting it gives up, as long as the connection is being opened. */
  readonly signal: AbortSignal;
}

/** What a server says about a stream. */
interface ServerStatus {
  readonly messageStreamId: number;
  readonly level: string;
  readonly code: string;
  readonly description: string;
}

/** For each step: the connection, the handshake, each command. */
const stepTimeoutMs = 10_000;

/** How long a server may leave us with more than `maxQueuedBytes` to send. */
const drainTimeoutMs = 20_000;

/** What waits to be sent at most, before the sender of media is made to wait. */
const maxQueuedBytes = 1_048_576;

/** Of what we send: most frames are one chunk. */
const ownChunkBytes = 65_536;

/** What a server sends to a publisher is small. */
const decoderLimits = { maxMessageBytes: 1_048_576, maxBufferedBytes: 2_097_152, maxChunkStreams: 64 };

/**
 * One connection to an RTMP server, from our side: handshake, `connect`, commands with their answers. Every failure is
 * an `UpstreamError` that says in plain words what the server did; after one the connection is closed.
 */
export class ClientConnection {
  readonly #address: RtmpAddress;
  readonly #clock: Clock;
  readonly #socket: Socket;
  readonly #failure = new AbortController();
  readonly #window = new AcknowledgementWindow();
  readonly #encoder = new ChunkEncoder();
  readonly #calls = new Map<number, (answer: RtmpCommand) => void>();
  readonly #statusListeners = new Set<(status: ServerStatus) => void>();
  readonly #handshake = new ClientHandshake(randomBytes(handshakeRandomBytes));
  readonly #handshakeDone = Promise.withResolvers<void>();
  #decoder: ChunkDecoder | undefined;
  #nextTransactionId = 1;
  #sentBytes = 0;

  private constructor({ address, clock }: ClientConnectionOptions) {
    this.#address = address;
    this.#clock = clock;
    this.#socket = connect({ host: address.host, port: address.port, noDelay: true, keepAlive: true });
    const where = this.#where();
    this.#socket.on('data', (bytes: Buffer) => this.#guarded(() => this.#receive(bytes)));
    this.#socket.on('error', (error) => this.fail(connectionError(where, error)));
    this.#socket.on('close', () => this.fail(new UpstreamError('RTMP_CLOSED', `${where} closed the connection`)));
  }

  /** Connects, shakes hands and sends `connect`; resolves when the server has taken it. */
  static async open(options: ClientConnectionOptions): Promise<ClientConnection> {
    const connection = new ClientConnection(options);
    try {
      await orAborted(connection.#begin(), options.signal);
      return connection;
    } catch (error) {
      connection.fail(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }

  /** Aborted, with the error as its reason, when the connection has ended for whatever reason. */
  get failed(): AbortSignal {
    return this.#failure.signal;
  }

  /** Of media and commands, chunk headers included. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Ends the connection at once. Only the first call counts. */
  fail(error: Error): void {
    if (this.#failure.signal.aborted) return;
    this.#failure.abort(error);
    this.#calls.clear();
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

  sendMessage(message: RtmpMessage, onChunkStream: number): void {
    this.#write(this.#encoder.encode(message, onChunkStream));
  }

  /** Closes when all has been sent; at once after a second. */
  async end(): Promise<void> {
    if (this.failed.aborted) return;
    const closed = new Promise<void>((resolve) => {
      this.#socket.once('close', () => resolve());
    });
    this.#socket.end();
    const timer = this.#clock.after(1_000, () => this.#socket.destroy());
    await closed;
    timer.cancel();
  }

  async #begin(): Promise<void> {
    const connected = new Promise<void>((resolve) => {
      this.#socket.once('connect', () => resolve());
    });
    await this.#within('connection', connected);
    this.#write(this.#handshake.start());
    await this.#within('handshake', this.#handshakeDone.promise);
    const { app, tcUrl } = this.#address;
    await this.#call(
      'connect',
      amf0Object({
        app,
        type: 'nonprivate',
        // Servers look for FMLE to tell a publisher from a player.
        flashVer: 'FMLE/3.0 (compatible; StreamFront)',
        tcUrl,
      }),
      [],
    );
    this.#control({ kind: 'set-chunk-size', chunkBytes: ownChunkBytes });
    this.#encoder.setChunkSize(ownChunkBytes);
  }

  async #call(name: string, commandObject: Amf0Value, args: readonly Amf0Value[]): Promise<RtmpCommand> {
    const transactionId = this.#nextTransactionId++;
    const { promise, resolve } = Promise.withResolvers<RtmpCommand>();
    this.#calls.set(transactionId, resolve);
    this.#sendCommand({ name, transactionId, commandObject, args }, 0);
    const answer = await this.#within(`answer to ${name}`, promise);
    if (answer.name === '_result') return answer;
    const information = propertiesOf(answer.args[0]);
    throw this.#refusal(name, text(information?.get('code')), text(information?.get('description')));
  }

  /** The wait for `what`, with its deadline; ends with the connection. */
  #within<T>(what: string, promise: Promise<T>): Promise<T> {
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

  #refusal(command: string, code: string, description: string): UpstreamError {
    const said = [code, description].filter((part) => part !== '').join(': ');
    return new UpstreamError(
      'RTMP_REFUSED',
      `${this.#where()} refused ${command}: ${said === '' ? 'no reason given' : said}`,
    );
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      this.fail(
        new UpstreamError('RTMP_BAD_ANSWER', `${this.#where()} does not speak RTMP as it should: ${cause.message}`, {
          cause,
        }),
      );
    }
  }

  #receive(bytes: Uint8Array): void {
    const sequenceNumber = this.#window.receive(bytes.length);
    if (this.#decoder === undefined) {
      const { reply, rest } = this.#handshake.push(bytes);
      if (reply !== undefined) this.#write(reply);
      if (rest === undefined) return;
      this.#decoder = new ChunkDecoder(decoderLimits);
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
    } else if (message.payload.length > 0) {
      if (message.typeId === messageType.commandAmf0 || message.typeId === messageType.commandAmf3) {
        this.#receiveCommand(decodeCommand(message), message.messageStreamId);
      }
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
    }
  }

  #receiveCommand(command: RtmpCommand, messageStreamId: number): void {
    if (command.name === '_result' || command.name === '_error') {
      this.#calls.get(command.transactionId)?.(command);
      this.#calls.delete(command.transactionId);
    } else if (command.name === 'onStatus') {
      const information = propertiesOf(command.args[0]);
      const status = {
        messageStreamId,
        level: text(information?.get('level')),
        code: text(information?.get('code')),
        description: text(information?.get('description')),
      };
      for (const listener of this.#statusListeners) listener(status);
    }
  }

  #sendCommand(command: RtmpCommand, messageStreamId: number): void {
    this.sendMessage(encodeCommand(command, messageStreamId), chunkStreamId.command);
  }

  #control(control: ControlMessage): void {
    this.sendMessage(encodeControlMessage(control), chunkStreamId.control);
  }

  #write(bytes: Uint8Array): void {
    if (this.failed.aborted) return;
    this.#sentBytes += bytes.length;
    this.#socket.write(bytes);
  }
}

function connectionError(where: string, error: Error): UpstreamError {
  const code = 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ECONNREFUSED':
      return new UpstreamError('RTMP_UNREACHABLE', `nobody listens where ${where} should be`, { cause: error });
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new UpstreamError('RTMP_UNREACHABLE', `the name of ${where} is not known`, { cause: error });
    case 'ECONNRESET':
    case 'EPIPE':
      return new UpstreamError('RTMP_CLOSED', `${where} broke the connection off`, { cause: error });
    default:
      return new UpstreamError('RTMP_UNREACHABLE', `${where} cannot be reached: ${error.message}`, { cause: error });
  }
}

/** What a server says, fit for a terminal. */
function text(value: Amf0Value): string {
  return typeof value === 'string' ? value.slice(0, 512).replace(/[^ -~]/g, '?') : '';
}
