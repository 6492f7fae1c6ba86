import { encodeAmf0 } from '../../src/formats/amf0/encode.ts';
import { Amf0EcmaArray, amf0Object, type Amf0Value } from '../../src/formats/amf0/value.ts';
import { encodeTrackConfigTag } from '../../src/formats/flv/track-tag.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { eventually } from '../support/condition.ts';
import { LibrtmpWriter } from './librtmp-writer.ts';
import { RawConnection, tagOf } from './raw-connection.ts';

/** The objects that librtmp sends with `connect`: as OBS fills them, and as rtmpdump does. */
export const connectDialects = {
  OBS: (port: number): Record<string, Amf0Value> => ({
    app: 'live',
    type: 'nonprivate',
    flashVer: 'FMLE/3.0 (compatible; FMSc/1.0)',
    swfUrl: `rtmp://127.0.0.1:${port}/live`,
    tcUrl: `rtmp://127.0.0.1:${port}/live`,
  }),
  rtmpdump: (port: number): Record<string, Amf0Value> => ({
    app: 'live',
    flashVer: 'LNX 10,0,32,18',
    swfUrl: 'http://localhost/player.swf',
    tcUrl: `rtmp://127.0.0.1:${port}/live`,
    fpad: false,
    capabilities: 15,
    audioCodecs: 3_191,
    videoCodecs: 252,
    videoFunction: 1,
    pageUrl: 'http://localhost/',
  }),
};

/** A publication by an encoder on librtmp: its order of commands, its chunk headers, its chunk size. */
export class LibrtmpPublication {
  readonly #connection: RawConnection;
  readonly #writer: LibrtmpWriter;
  readonly #name: string;

  private constructor(connection: RawConnection, writer: LibrtmpWriter, name: string) {
    this.#connection = connection;
    this.#writer = writer;
    this.#name = name;
  }

  /** Resolves when `live/NAME` has started. */
  static async start(dialect: keyof typeof connectDialects, port: number, name: string): Promise<LibrtmpPublication> {
    const connection = await RawConnection.at('handshaken', port);
    const writer = new LibrtmpWriter();
    connection.send(writer.command(3, 0, ['connect', 1, amf0Object(connectDialects[dialect](port))]));
    await connection.status('NetConnection.Connect.Success');
    connection.send(writer.message(2, 0, messageType.setChunkSize, 0, Uint8Array.of(0, 0, 0x10, 0)));
    writer.chunkBytes = 4_096;
    const windowBytes = Uint8Array.of(0, 0x26, 0x25, 0xa0);
    connection.send(writer.message(2, 0, messageType.windowAcknowledgementSize, 0, windowBytes));
    connection.send(writer.command(3, 0, ['releaseStream', 2, null, name]));
    connection.send(writer.command(3, 0, ['FCPublish', 3, null, name]));
    connection.send(writer.command(3, 0, ['createStream', 4, null]));
    await eventually('the message stream', () => connection.commands().some((command) => command.transactionId === 4));
    connection.send(writer.command(4, 1, ['publish', 5, null, name, 'live']));
    await connection.status('NetStream.Publish.Start');
    return new LibrtmpPublication(connection, writer, name);
  }

  /** Metadata, then the sequence headers. */
  configure(configs: readonly TrackConfig[]): void {
    const metadata = new Amf0EcmaArray(new Map<string, Amf0Value>([['encoder', 'obs-output module']]));
    const pieces = [this.#message('dataAmf0', 0, encodeAmf0(['@setDataFrame', 'onMetaData', metadata]))];
    for (const config of configs) {
      const payload = encodeTrackConfigTag(config);
      if (payload !== undefined) pieces.push(this.#message(config.kind, 0, payload));
    }
    this.#connection.send(Buffer.concat(pieces));
  }

  /** The access units, cut into pieces that no message ends with. */
  send(units: readonly AccessUnit[]): void {
    const bytes = Buffer.concat(units.map((unit) => this.#message(unit.kind, unit.timestampMs, tagOf(unit))));
    for (let at = 0, step = 1; at < bytes.length; at += step, step = (step * 7 + 3) % 1_999) {
      this.#connection.send(bytes.subarray(at, at + step));
    }
  }

  leave(): void {
    this.#connection.send(this.#writer.command(3, 0, ['FCUnpublish', 6, null, this.#name]));
    this.#connection.send(this.#writer.command(3, 0, ['deleteStream', 7, null, 1]));
    this.#connection.end();
  }

  #message(type: 'dataAmf0' | 'audio' | 'video', timestampMs: number, payload: Uint8Array): Uint8Array {
    return this.#writer.message(4, 1, messageType[type], timestampMs, payload);
  }
}
