import { join } from 'node:path';
import type { BrowserContext, Page, Response } from 'playwright-core';
import { eventually } from './condition.ts';
import { frameNumberInPage } from './frame-counter.ts';
import { validatePlaylist } from './playlist-validator.ts';

const hlsJs = join(import.meta.dirname, '..', '..', 'node_modules', 'hls.js', 'dist', 'hls.js');

export interface SeenInPage {
  readonly currentTime: number;
  readonly width: number;
  /** Of the demo clip; `null` while none is seen. */
  readonly frame: number | null;
  readonly audioBytes: number;
  /** Fatal errors of hls.js. */
  readonly fatal: readonly string[];
}

/**
 * A page of an edge with a video element and hls.js, as it is but for `settings` (an expression of the page). Each playlist
 * that it is given is validated by itself.
 */
export class HlsPage {
  readonly page: Page;
  readonly #edgeUrl: string;
  readonly #findings: string[] = [];
  #validated = 0;

  private constructor(page: Page, edgeUrl: string) {
    this.page = page;
    this.#edgeUrl = edgeUrl;
    page.on('response', (response) => void this.#validate(response));
  }

  async #validate(response: Response): Promise<void> {
    const { pathname } = new URL(response.url());
    if (!pathname.endsWith('.m3u8') || response.status() !== 200) return;
    // What the page gave up, or closed before it had come, nobody has seen.
    const text = await response.text().catch(() => undefined);
    if (text === undefined) return;
    this.#validated++;
    this.#findings.push(...validatePlaylist(text).map((finding) => `${pathname}: ${finding}`));
  }

  static async open(browser: BrowserContext, edgeUrl: string): Promise<HlsPage> {
    const page = await browser.newPage();
    await page.goto(`${edgeUrl}/healthz`);
    await page.addScriptTag({ path: hlsJs });
    return new HlsPage(page, edgeUrl);
  }

  /**
   * Once there is a playlist. `setUp` are statements about `hls` and its `video`, before it loads anything. `bare`: the
   * page asks without the query of `playlist`.
   */
  async play(name: string, { settings = '{}', setUp = '', playlist = 'index.m3u8', bare = false } = {}): Promise<void> {
    const whole = `${this.#edgeUrl}/live/${name}/${playlist}`;
    await eventually('the playlist is there', async () => (await fetch(whole)).status === 200, 20_000);
    const url = bare ? whole.replace(/\?.*/, '') : whole;
    await this.page.evaluate(`(() => {
      const video = document.createElement('video');
      video.muted = true;
      video.autoplay = true;
      document.body.append(video);
      window.fatal = [];
      const hls = new Hls(${settings});
      hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) window.fatal.push(data.details + ' ' + data.reason); });
      ${setUp}
      hls.loadSource(${JSON.stringify(url)});
      hls.attachMedia(video);
    })()`);
  }

  seen(): Promise<SeenInPage> {
    return this.page.evaluate<SeenInPage>(`(() => {
      const video = document.querySelector('video');
      return {
        currentTime: video.currentTime,
        width: video.videoWidth,
        frame: video.readyState < 2 ? null : (${frameNumberInPage})(video),
        audioBytes: video.webkitAudioDecodedByteCount,
        fatal: window.fatal,
      };
    })()`);
  }

  /**
   * Until so many seconds more have been played, with frames of the clip in the picture. Throws at a fatal error, and where
   * a playlist was not as it must be.
   */
  async untilPlayed(seconds: number, deadlineMs = 40_000): Promise<SeenInPage> {
    let from: number | undefined;
    return eventually(
      `${seconds} s have been played`,
      async () => {
        const seen = await this.seen();
        if (seen.fatal.length > 0) throw new Error(seen.fatal.join(', '));
        if (this.#findings.length > 0) throw new Error(`the playlists break rules:\n${this.#findings.join('\n')}`);
        if (seen.frame !== null) from ??= seen.currentTime;
        const hasPlayed = from !== undefined && seen.frame !== null && seen.currentTime >= from + seconds;
        return hasPlayed && this.#validated > 1 && seen;
      },
      deadlineMs,
    );
  }
}
