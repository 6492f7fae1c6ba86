import { once } from 'node:events';
import type { z } from 'zod';
import { systemClock } from '../../src/cli/system-clock.ts';
import { type Edge, startEdge } from '../../src/edge/edge.ts';
import { edgeSchema } from '../../src/edge/settings.ts';
import { FlvReader, type FlvTag } from '../../src/formats/flv/flv-file.ts';
import { messageType, type RtmpMessage } from '../../src/formats/rtmp/message.ts';
import { type Origin, startOrigin } from '../../src/origin/origin.ts';
import { originSchema } from '../../src/origin/settings.ts';
import { publishRtmp, type PublishSummary } from '../../src/rtmp/rtmp-publisher.ts';
import { RawConnection } from '../rtmp/raw-connection.ts';
import { endlessMedia } from '../rtmp/sample-media.ts';
import { eventually } from './condition.ts';
import { freePort } from './free-port.ts';
import { LogRecorder } from './log-recorder.ts';

type OriginInput = NonNullable<z.input<typeof originSchema>>;
type EdgeInput = NonNullable<z.input<typeof edgeSchema>>;
type BehaviourInput = NonNullable<NonNullable<EdgeInput['streaming']>[number]['behaviours']>[number];

/** Origins, edges and publishers of one test; disposing of it ends them, the last first. */
export class LiveHouse implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();

  /** For whatever else is to be ended. */
  defer(end: () => unknown): void {
    this.#stack.defer(async () => {
      await end();
    });
  }

  /** A real origin, on ports that stay its own when it is closed, so that it can return. Closing it twice is harmless. */
  async origin(settings: OriginInput = {}, rtmpPort?: number): Promise<Origin & { readonly log: LogRecorder }> {
    const log = new LogRecorder();
    const origin = await startOrigin(
      originSchema.parse({
        http: { port: await freePort() },
        ...settings,
        rtmp: { port: rtmpPort ?? (await freePort()), ...settings.rtmp },
      }),
      { clock: systemClock, log, siteDirectory: undefined },
    );
    let closing: Promise<void> | undefined;
    const close = () => (closing ??= origin.close());
    this.#stack.defer(close);
    return { ...origin, close, log };
  }

  /** A real edge in front of the origins with these RTMP ports, the primary first. */
  async edge(
    originPorts: readonly number[],
    behaviour: BehaviourInput = {},
    settings: EdgeInput = {},
  ): Promise<Edge & { readonly log: LogRecorder }> {
    const log = new LogRecorder();
    const names = originPorts.map((_, index) => (index === 0 ? 'main' : `backup-${index}`));
    const origins: Record<string, { url: string; rtmp: string }> = {};
    originPorts.forEach((port, index) => {
      origins[names[index] ?? ''] = { url: 'http://127.0.0.1:1', rtmp: `rtmp://127.0.0.1:${port}` };
    });
    const edge = await startEdge(
      edgeSchema.parse({
        http: { port: 0 },
        rtmp: { port: 0 },
        origins,
        streaming: [{ name: 'live', behaviours: [{ origins: names, ...behaviour }] }],
        ...settings,
      }),
      { clock: systemClock, log },
    );
    this.#stack.defer(() => edge.close());
    return { ...edge, log };
  }

  /** Publishes 25 frames a second until it is stopped or refused. */
  publish(port: number, name: string): Publisher {
    const publisher = new Publisher(port, name);
    this.#stack.defer(async () => {
      await publisher.stop().catch(() => {});
    });
    return publisher;
  }

  async flvViewer(port: number, name: string, over: 'http' | 'web-socket'): Promise<FlvViewer> {
    const viewer = await (over === 'http' ? FlvViewer.overHttp(port, name) : FlvViewer.overWebSocket(port, name));
    this.#stack.defer(() => viewer.leave());
    return viewer;
  }

  async viewer(port: number, name: string): Promise<Viewer> {
    const viewer = await Viewer.play(port, name);
    this.#stack.defer(() => viewer.leave());
    return viewer;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

export class Publisher {
  readonly #stopping = new AbortController();
  /** Why it ended, if not because it was stopped. */
  failure: Error | undefined;
  readonly log = new LogRecorder();
  readonly finished: Promise<PublishSummary>;

  constructor(port: number, name: string) {
    this.finished = publishRtmp({
      url: `rtmp://127.0.0.1:${port}/live/${name}`,
      source: endlessMedia().source,
      clock: systemClock,
      log: this.log,
      signal: this.#stopping.signal,
      pacing: 'realtime',
    });
    this.finished.catch((error: unknown) => {
      this.failure = error instanceof Error ? error : new Error(String(error));
    });
  }

  /** Waits until the server has said Start; fails with what it said instead. */
  async started(): Promise<this> {
    await eventually('the publisher may begin', () => {
      if (this.failure !== undefined) throw this.failure;
      return this.log.lines.some(({ message }) => message === 'Publishing has begun');
    });
    return this;
  }

  stop(): Promise<PublishSummary> {
    this.#stopping.abort();
    return this.finished;
  }
}

/** An RTMP player that keeps what it gets. */
export class Viewer {
  readonly connection: RawConnection;

  private constructor(connection: RawConnection) {
    this.connection = connection;
  }

  static async play(port: number, name: string): Promise<Viewer> {
    const viewer = new Viewer(await RawConnection.at('streaming', port));
    viewer.connection.sendCommand('play', 5, null, [name, -1], 1);
    return viewer;
  }

  /** Frames of video and audio; sequence headers, which have no time of their own, are left out. */
  get media(): readonly RtmpMessage[] {
    return this.connection.messages
      .map(({ message }) => message)
      .filter(({ typeId }) => typeId === messageType.video || typeId === messageType.audio)
      .filter(({ payload }) => payload[1] === 1);
  }

  get frames(): readonly RtmpMessage[] {
    return this.media.filter(({ typeId }) => typeId === messageType.video);
  }

  /** Waits for `count` frames more than there are. */
  async getsFrames(count: number, deadlineMs = 10_000): Promise<void> {
    const before = this.frames.length;
    await eventually(`${count} more frames`, () => this.frames.length >= before + count, deadlineMs);
  }

  /** Where the time of a track goes back, if anywhere. */
  get timesThatGoBack(): readonly string[] {
    const latest = new Map<number, number>();
    return this.media.flatMap(({ typeId, timestampMs }) => {
      const before = latest.get(typeId);
      latest.set(typeId, timestampMs);
      return before !== undefined && timestampMs < before ? [`${before} → ${timestampMs}`] : [];
    });
  }

  leave(): void {
    this.connection.destroy();
  }
}

/** A player that gets FLV, over HTTP or over WebSocket. */
export class FlvViewer {
  readonly #reader = new FlvReader({ maxTagBytes: 8_388_608 });
  /** Frames of video and audio; sequence headers are left out. */
  readonly media: FlvTag[] = [];
  readonly #leaving = new AbortController();

  static async overHttp(port: number, name: string): Promise<FlvViewer> {
    const viewer = new FlvViewer();
    const { signal } = viewer.#leaving;
    const answer = await fetch(`http://127.0.0.1:${port}/live/${name}.flv`, { signal });
    if (answer.status !== 200 || answer.body === null) throw new Error(`HTTP-FLV is answered ${answer.status}`);
    const reader: ReadableStreamDefaultReader<Uint8Array> = answer.body.getReader();
    const readAll = async (): Promise<void> => {
      const { done, value } = await reader.read();
      if (done) return;
      viewer.#take(value);
      await readAll();
    };
    readAll().catch(() => {});
    return viewer;
  }

  static async overWebSocket(port: number, name: string): Promise<FlvViewer> {
    const viewer = new FlvViewer();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/live/${name}.flv`);
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => {
      if (data instanceof ArrayBuffer) viewer.#take(new Uint8Array(data));
    });
    viewer.#leaving.signal.addEventListener('abort', () => socket.close());
    await once(socket, 'open');
    return viewer;
  }

  leave(): void {
    this.#leaving.abort();
  }

  #take(bytes: Uint8Array): void {
    this.media.push(...this.#reader.push(bytes).filter(({ typeId, payload }) => typeId !== 18 && payload[1] === 1));
  }
}
