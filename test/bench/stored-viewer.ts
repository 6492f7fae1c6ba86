import { systemClock } from '../../src/cli/system-clock.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { ClientConnection } from '../../src/rtmp/client-connection.ts';

const deadlineMs = 60_000;
const maxMessageBytes = 16_777_215;

/** When a picture came, and which. */
export interface Picture {
  readonly timestampMs: number;
  readonly keyframe: boolean;
  readonly atMs: number;
}

/** A player of a stored file over RTMP, as far as times are to be taken. */
export class StoredViewer implements AsyncDisposable {
  readonly #connection: ClientConnection;
  readonly #waiting = new Set<(picture: Picture) => void>();
  readonly #refused = new AbortController();

  private constructor(connection: ClientConnection) {
    this.#connection = connection;
    connection.receiveWith({
      onMessage: ({ typeId, payload, timestampMs }) => {
        // FLV video tag: frame type and codec, then AVCPacketType.
        if (typeId !== messageType.video || payload[1] !== 1) return;
        const picture = { timestampMs, keyframe: (payload[0] ?? 0) >> 4 === 1, atMs: performance.now() };
        for (const notify of this.#waiting) notify(picture);
      },
      onStatus: ({ level, code, description }) => {
        if (level === 'error') this.#refused.abort(new Error(`${code}: ${description}`));
      },
      onStreamEof: () => {},
    });
  }

  /** `app` with slashes where it has some. */
  static async connect(port: number, app: string): Promise<StoredViewer> {
    const connection = await ClientConnection.open({
      address: {
        host: '127.0.0.1',
        port,
        tls: false,
        server: '',
        app,
        streamName: '',
        tcUrl: `rtmp://127.0.0.1:${port}/${app}`,
      },
      clock: systemClock,
      signal: AbortSignal.timeout(deadlineMs),
      flashVer: 'LNX 9,0,124,2',
      maxMessageBytes,
    });
    const viewer = new StoredViewer(connection);
    await connection.call('createStream');
    return viewer;
  }

  /** Asks for a file from `fromMs` on; gives the first keyframe. */
  play(name: string, fromMs = -2_000): Promise<Picture> {
    const first = this.#next(({ keyframe }) => keyframe);
    this.#connection.tell('play', 1, name, fromMs);
    return first;
  }

  /** The keyframe that comes of it: nearer than `gopMs` to the place that was sought. */
  seek(toMs: number, gopMs: number): Promise<Picture> {
    const first = this.#next(({ keyframe, timestampMs }) => keyframe && Math.abs(timestampMs - toMs) < gopMs);
    this.#connection.tell('seek', 1, toMs);
    return first;
  }

  /** Every picture from now on. */
  watch(onPicture: (picture: Picture) => void): Disposable {
    this.#waiting.add(onPicture);
    return { [Symbol.dispose]: () => void this.#waiting.delete(onPicture) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.end();
  }

  async #next(fits: (picture: Picture) => boolean): Promise<Picture> {
    const { promise, resolve, reject } = Promise.withResolvers<Picture>();
    using _watching = this.watch((picture) => {
      if (fits(picture)) resolve(picture);
    });
    const signal = AbortSignal.any([this.#connection.failed, this.#refused.signal, AbortSignal.timeout(deadlineMs)]);
    const fail = () => reject(signal.reason);
    if (signal.aborted) fail();
    signal.addEventListener('abort', fail, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', fail);
    }
  }
}
