import { startHttpListener } from '../../src/http/listener.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import { LiveStream } from '../../src/live/live-stream.ts';
import { httpRoutes } from '../../src/origin/http-routes.ts';
import { quickLive } from '../../src/origin/quick-live.ts';
import { LiveChannels } from '../../src/origin/live-channel.ts';
import { LiveResponder } from '../../src/origin/live-responder.ts';
import { originSchema } from '../../src/origin/settings.ts';
import { eventually } from './condition.ts';
import { freePort } from './free-port.ts';
import { LogRecorder } from './log-recorder.ts';
import { validatePlaylist } from './playlist-validator.ts';
import { VirtualClock } from './virtual-clock.ts';

const isPlaylist = /^\/live\/[^/]+\/[^/]+\.m3u8/;

/**
 * The origin's HTTP with real sockets, on a clock that stands still; streams come into being by hand. Every
 * playlist that is fetched is validated; `close` throws when one was not as it must be.
 */
export class LiveOrigin {
  readonly clock = new VirtualClock();
  readonly channels: LiveChannels;
  readonly url: string;
  readonly #listeners: ((stream: LiveStream) => void)[];
  readonly #close: () => Promise<void>;
  readonly #findings: string[] = [];

  private constructor(
    parts: { clock: VirtualClock; channels: LiveChannels; url: string; close: () => Promise<void> },
    listeners: ((stream: LiveStream) => void)[],
  ) {
    this.clock = parts.clock;
    this.channels = parts.channels;
    this.url = parts.url;
    this.#close = parts.close;
    this.#listeners = listeners;
  }

  static async start(options: { live?: Record<string, unknown>; siteDirectory?: string } = {}): Promise<LiveOrigin> {
    const clock = new VirtualClock();
    const log = new LogRecorder();
    const listeners: ((stream: LiveStream) => void)[] = [];
    let lives = 0;
    const onStream = (listener: (stream: LiveStream) => void) => {
      listeners.push(listener);
      return () => {};
    };
    const channels = new LiveChannels(
      { list: () => [], onStream },
      { settings: originSchema.parse({ live: options.live ?? {} }).live, clock, log, nextEpoch: () => `e${++lives}` },
    );
    const responder = new LiveResponder(channels);
    const listener = await startHttpListener({
      name: 'origin',
      host: '127.0.0.1',
      port: await freePort(),
      setting: 'origin.http.port',
      handler: httpRoutes(responder, options.siteDirectory),
      quick: quickLive(responder, clock),
      log,
    });
    const close = async () => {
      channels.close();
      await listener.close(1_000);
    };
    return new LiveOrigin({ clock, channels, url: `http://127.0.0.1:${listener.port}`, close }, listeners);
  }

  async close(): Promise<void> {
    await this.#close();
    if (this.#findings.length > 0) throw new Error(`the playlists break rules:\n${this.#findings.join('\n')}`);
  }

  /** A stream with a publisher. */
  publish(name: string, configs: readonly TrackConfig[], units: readonly AccessUnit[] = []): LiveStream {
    const stream = new LiveStream(`live/${name}`);
    for (const listener of this.#listeners) listener(stream);
    stream.startPublication({ peer: '127.0.0.1:5', encoder: 'test', startedWallMs: this.clock.wallMs() });
    for (const config of configs) stream.setTrackConfig(config);
    for (const unit of units) stream.push(unit);
    return stream;
  }

  async get(path: string, init: RequestInit = {}): Promise<Response> {
    const answer = await fetch(`${this.url}${path}`, init);
    if (answer.status === 200 && answer.body !== null && isPlaylist.test(path)) {
      const findings = validatePlaylist(await answer.clone().text());
      this.#findings.push(...findings.map((finding) => `${path}: ${finding}`));
    }
    return answer;
  }

  /** Until this many requests wait for the stream. */
  async untilWaiting(name: string, count: number): Promise<void> {
    const { packager } = this.channels.get(`live/${name}`) ?? {};
    await eventually(`${count} requests wait`, () => packager?.changes.size === count);
  }
}
