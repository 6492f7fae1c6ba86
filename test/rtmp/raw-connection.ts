import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { amf0Object, type Amf0Value, propertiesOf } from '../../src/formats/amf0/value.ts';
import { encodeAudioTag } from '../../src/formats/flv/audio-tag.ts';
import { encodeVideoTag } from '../../src/formats/flv/video-tag.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { ChunkDecoder } from '../../src/formats/rtmp/chunk-decoder.ts';
import { ChunkEncoder } from '../../src/formats/rtmp/chunk-encoder.ts';
import { decodeCommand, encodeCommand, type RtmpCommand } from '../../src/formats/rtmp/command.ts';
import { type ControlMessage, decodeControlMessage, isControlMessage } from '../../src/formats/rtmp/control-message.ts';
import { messageType, type RtmpMessage } from '../../src/formats/rtmp/message.ts';
import { eventually } from '../support/condition.ts';
import { aac, avc } from './sample-media.ts';
import { kept } from '../formats/rtmp/kept-messages.ts';

export interface Status {
  /** `onStatus`, `_error`, `_result`, `onFCPublish`. */
  readonly command: string;
  readonly messageStreamId: number;
  readonly level: string;
  readonly code: string;
  readonly description: string;
}

/** How far a test wants to be before it begins to misbehave. */
export type Stage = 'fresh' | 'handshaken' | 'connected' | 'streaming' | 'publishing';

/** An RTMP client that does what a test tells it, right or wrong, over a real socket. */
export class RawConnection {
  readonly #socket: Socket;
  readonly #encoder = new ChunkEncoder();
  #decoder: ChunkDecoder | undefined;
  #received = Buffer.alloc(0);
  readonly messages: { readonly message: RtmpMessage; readonly command: RtmpCommand | undefined }[] = [];
  /** Our own. */
  port = 0;
  closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const connection = new RawConnection(socket);
    await once(socket, 'connect');
    connection.port = socket.localPort ?? 0;
    return connection;
  }

  /** Over a socket that is connected already, such as one of TLS. */
  static over(socket: Socket): RawConnection {
    const connection = new RawConnection(socket);
    connection.port = socket.localPort ?? 0;
    return connection;
  }

  /** A connection that has come as far as `stage`; publishing means `live/NAME` on message stream 1. */
  static async at(stage: Stage, port: number, name = 'hostile'): Promise<RawConnection> {
    const connection = await RawConnection.open(port);
    if (stage === 'fresh') return connection;
    await connection.handshake();
    if (stage === 'handshaken') return connection;
    await connection.connect();
    if (stage === 'connected') return connection;
    await connection.createStream();
    if (stage === 'streaming') return connection;
    await connection.publish(name);
    return connection;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Stops reading what the server says. */
  stopReading(): void {
    this.#socket.pause();
  }

  readOn(): void {
    this.#socket.resume();
  }

  /** RST instead of FIN. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async handshake(): Promise<void> {
    const c1 = Buffer.alloc(1_536, 7);
    this.send(Buffer.concat([Uint8Array.of(3), c1]));
    await eventually('S0, S1 and S2', () => this.#received.length >= 1 + 2 * 1_536);
    const s1 = this.#received.subarray(1, 1_537);
    const rest = this.#received.subarray(1 + 2 * 1_536);
    this.#decoder = new ChunkDecoder({ maxMessageBytes: 1 << 20, maxBufferedBytes: 1 << 21, maxChunkStreams: 64 });
    this.#take(rest);
    this.send(s1);
  }

  sendMessage(message: Partial<RtmpMessage> & { readonly typeId: number }, chunkStreamId = 6): void {
    const whole = { messageStreamId: 1, timestampMs: 0, payload: new Uint8Array(0), ...message };
    this.send(this.#encoder.encode(whole, chunkStreamId));
  }

  sendCommand(
    name: string,
    transactionId: number,
    commandObject: Amf0Value,
    args: Amf0Value[] = [],
    messageStreamId = 0,
  ): void {
    this.send(this.#encoder.encode(encodeCommand({ name, transactionId, commandObject, args }, messageStreamId), 3));
  }

  async connect(
    properties: Record<string, Amf0Value> = { app: 'live', tcUrl: 'rtmp://127.0.0.1/live' },
  ): Promise<void> {
    this.sendCommand('connect', 1, amf0Object(properties));
    await this.status('NetConnection.Connect.Success');
  }

  /** Gives the id of the message stream. */
  async createStream(transactionId = 4): Promise<number> {
    this.sendCommand('createStream', transactionId, null);
    const result = await eventually('the answer to createStream', () =>
      this.commands().find((command) => command.name === '_result' && command.transactionId === transactionId),
    );
    return Number(result.args[0]);
  }

  async publish(name: string, messageStreamId = 1): Promise<void> {
    const before = this.statuses().length;
    this.sendCommand('publish', 5, null, [name, 'live'], messageStreamId);
    await eventually('NetStream.Publish.Start', () =>
      this.statuses()
        .slice(before)
        .some((status) => status.code === 'NetStream.Publish.Start'),
    );
  }

  sendHeaders(messageStreamId = 1): void {
    const video = encodeVideoTag({ kind: 'sequence-header', codec: 'avc', trackId: 0, description: avc.description });
    const audio = encodeAudioTag({ kind: 'sequence-header', codec: 'aac', trackId: 0, description: aac.description });
    this.sendMessage({ typeId: messageType.video, messageStreamId, payload: video }, 6);
    this.sendMessage({ typeId: messageType.audio, messageStreamId, payload: audio }, 4);
  }

  sendUnit(unit: AccessUnit, messageStreamId = 1): void {
    const { timestampMs } = unit;
    this.sendMessage({ typeId: messageType[unit.kind], messageStreamId, timestampMs, payload: tagOf(unit) });
  }

  commands(): RtmpCommand[] {
    return this.messages.flatMap(({ command }) => (command === undefined ? [] : [command]));
  }

  controls(): ControlMessage[] {
    return this.messages
      .filter(({ message }) => isControlMessage(message))
      .map(({ message }) => decodeControlMessage(message));
  }

  /** Everything with an information object that the server has said. */
  statuses(): Status[] {
    return this.messages.flatMap(({ message, command }) => {
      const information = propertiesOf(command?.args[0]);
      if (command === undefined || information === undefined) return [];
      const text = (name: string) => {
        const value = information.get(name);
        return typeof value === 'string' ? value : '';
      };
      return [
        {
          command: command.name,
          messageStreamId: message.messageStreamId,
          level: text('level'),
          code: text('code'),
          description: text('description'),
        },
      ];
    });
  }

  /** Waits for a status with this code. */
  status(code: string): Promise<Status> {
    return eventually(`the status ${code}`, () => this.statuses().find((status) => status.code === code));
  }

  /** Waits until the server has closed the connection. */
  async serverCloses(): Promise<void> {
    await eventually('the server closes the connection', () => this.closed);
  }

  /** The connection lives and is understood: a ping is answered. */
  async isAnswered(timestampMs: number): Promise<void> {
    const payload = new Uint8Array(6);
    new DataView(payload.buffer).setUint16(0, 6);
    new DataView(payload.buffer).setUint32(2, timestampMs);
    this.sendMessage({ typeId: messageType.userControl, messageStreamId: 0, payload }, 2);
    await eventually('the ping is answered', () =>
      this.controls().some(
        (control) =>
          control.kind === 'user-control' &&
          control.event.kind === 'ping-response' &&
          control.event.timestampMs === timestampMs,
      ),
    );
  }

  #take(bytes: Uint8Array): void {
    if (this.#decoder === undefined) {
      this.#received = Buffer.concat([this.#received, bytes]);
      return;
    }
    for (const message of kept(this.#decoder.push(bytes))) {
      const command = message.typeId === messageType.commandAmf0 ? decodeCommand(message) : undefined;
      this.messages.push({ message, command });
    }
  }
}

/** The FLV tag body of an access unit. */
export function tagOf(unit: AccessUnit): Uint8Array {
  if (unit.kind === 'audio') return encodeAudioTag({ kind: 'frame', codec: 'aac', trackId: 0, data: unit.data });
  const { keyframe, compositionOffsetMs, data } = unit;
  return encodeVideoTag({ kind: 'frame', codec: 'avc', trackId: 0, keyframe, compositionOffsetMs, data });
}
