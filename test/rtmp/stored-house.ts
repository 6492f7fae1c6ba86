import { type Amf0Value, propertiesOf } from '../../src/formats/amf0/value.ts';
import { encodeControlMessage } from '../../src/formats/rtmp/control-message.ts';
import { decodeDataMessage } from '../../src/formats/rtmp/data-message.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { eventually } from '../support/condition.ts';
import { SampleFile, type SampleOptions } from '../support/stored-sample.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { RawConnection } from './raw-connection.ts';
import { type StoredServer, startStoredServer } from './stored-server.ts';

/** How ffmpeg calls itself. */
export const ffmpegClient = { flashVer: 'LNX 9,0,124,2' };

/** A server of stored files on a clock that stands still, and the players of one test. */
export class StoredHouse implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly server: StoredServer;
  readonly #players: StoredPlayer[] = [];

  private constructor(clock: VirtualClock, server: StoredServer) {
    this.clock = clock;
    this.server = server;
  }

  static async open(): Promise<StoredHouse> {
    const clock = new VirtualClock();
    return new StoredHouse(clock, await startStoredServer(clock));
  }

  library(name: string, options: SampleOptions = {}): SampleFile {
    const file = new SampleFile(name, options);
    this.server.gate.files.set(name, file);
    return file;
  }

  /** A player with a message stream, 1. */
  async player(properties: Record<string, Amf0Value> = {}): Promise<StoredPlayer> {
    const connection = await RawConnection.at('handshaken', this.server.port);
    const player = new StoredPlayer(connection);
    this.#players.push(player);
    await connection.connect({ app: 'cfx/st', tcUrl: 'rtmp://127.0.0.1/cfx/st', ...properties });
    await connection.createStream();
    connection.messages.length = 0;
    return player;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { connection } of this.#players) connection.destroy();
    const closed = this.server.close();
    this.clock.advance(10_000);
    await closed;
  }
}

const events = ['begin', 'eof', 'dry', 'buffer', 'recorded'];

let pings = 0;

/** What a player sends and gets on its message stream. */
export class StoredPlayer {
  readonly connection: RawConnection;

  constructor(connection: RawConnection) {
    this.connection = connection;
  }

  send(name: string, ...args: Amf0Value[]): void {
    this.connection.sendCommand(name, 0, null, args, 1);
  }

  /** SetBufferLength. */
  setBuffer(bufferMs: number): void {
    const event = { kind: 'set-buffer-length', messageStreamId: 1, bufferMs } as const;
    this.connection.sendMessage(encodeControlMessage({ kind: 'user-control', event }), 2);
  }

  /** What came, each message in a word; frames are left out. */
  told(from = 0): string[] {
    return this.connection.messages.slice(from).flatMap(({ message, command }) => {
      const { typeId, payload } = message;
      if (typeId === messageType.userControl) return events[payload[1] ?? 0] ?? [];
      if (command !== undefined) return codeOf(command.args[0]) ?? command.name;
      if (typeId === messageType.dataAmf0) {
        const { name, args } = decodeDataMessage(message);
        return name === 'onPlayStatus' ? (codeOf(args[0]) ?? name) : name;
      }
      if (typeId !== messageType.video && typeId !== messageType.audio) return [];
      return payload[1] === 0 ? [typeId === messageType.video ? 'video header' : 'audio header'] : [];
    });
  }

  /** Times of the frames that came. */
  frames(from = 0, typeId: number = messageType.video): number[] {
    return this.connection.messages
      .slice(from)
      .filter(({ message }) => message.typeId === typeId && message.payload[1] === 1)
      .map(({ message }) => message.timestampMs);
  }

  get messageCount(): number {
    return this.connection.messages.length;
  }

  /** Waits until the frames that came from there on satisfy something. */
  async getsFrames(holds: (times: readonly number[]) => boolean, from = 0): Promise<void> {
    await eventually('frames', () => holds(this.frames(from)));
  }

  /** Waits until this has been told so often. */
  async isTold(word: string, count = 1): Promise<void> {
    await eventually(word, () => this.told().filter((said) => said === word).length >= count);
  }

  /** Waits until everything that the server has written up to now has come. */
  async settled(): Promise<void> {
    await this.connection.isAnswered(++pings);
  }
}

function codeOf(value: Amf0Value): string | undefined {
  const code = propertiesOf(value)?.get('code');
  return typeof code === 'string' ? code : undefined;
}

/** The times of all pictures from one to another. */
export function everyFrame(fromMs: number, toMs: number): number[] {
  return Array.from({ length: (toMs - fromMs) / 40 + 1 }, (_, index) => fromMs + index * 40);
}
