import { systemClock } from '../../src/cli/system-clock.ts';
import { type Origin, startOrigin } from '../../src/origin/origin.ts';
import { originSchema } from '../../src/origin/settings.ts';
import { RawConnection } from '../rtmp/raw-connection.ts';
import type { SentMessage } from '../support/enhanced-media.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { recordPlaylists } from '../support/playlist-recorder.ts';

/** An origin that is sent whole streams at once, each of which is over soon after. */
export class PublishingOrigin implements AsyncDisposable {
  readonly #origin: Origin;

  private constructor(origin: Origin) {
    this.#origin = origin;
  }

  static async start(): Promise<PublishingOrigin> {
    const settings = originSchema.parse({ http: { port: 0 }, rtmp: { port: 0 }, live: { reconnectGrace: '500ms' } });
    const deps = { clock: systemClock, log: new LogRecorder(), siteDirectory: undefined };
    return new PublishingOrigin(await startOrigin(settings, deps));
  }

  /**
   * Publishes all of it, waits until the stream has ended, and gives its folder. Throws when a playlist was at any time
   * not as it must be.
   */
  async published(
    name: string,
    messages: readonly SentMessage[],
    renditions: readonly string[] = ['video.m3u8', 'audio.m3u8'],
  ): Promise<string> {
    const url = `http://127.0.0.1:${this.#origin.httpPort}/live/${name}`;
    const ended = recordPlaylists(url, renditions);
    const connection = await RawConnection.at('publishing', this.#origin.rtmpPort, name);
    for (const message of messages) connection.sendMessage(message);
    connection.end();
    await ended;
    return url;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#origin.close();
  }
}
