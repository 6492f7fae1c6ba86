import type Hls from 'hls.js';
import { element } from './element.ts';
import { previewSettings } from './hls-settings.ts';
import { smallestVideoVariant } from './multivariant-playlist.ts';
import { StillPicture } from './still-picture.ts';

const restMs = 5_000;

/**
 * The small running picture of a card: the smallest rendition, without sound, not close to the live edge. When it
 * stops, its last picture stays.
 */
export class CardPreview {
  readonly root = element('div', { class: 'preview' });
  readonly #playlist: string;
  readonly #still = new StillPicture();
  /** Stop at the first picture: for viewers who want no motion. */
  readonly #firstPictureOnly: boolean;
  #run: AbortController | undefined;
  #restUntilMs = 0;

  constructor(playlist: string, firstPictureOnly: boolean) {
    this.#playlist = playlist;
    this.#firstPictureOnly = firstPictureOnly;
    this.root.append(this.#still.canvas);
  }

  get running(): boolean {
    return this.#run !== undefined;
  }

  /** Does nothing while it runs, has what it wants, or rests after a failure: the caller asks again and again anyway. */
  start(): void {
    if (this.#run !== undefined || performance.now() < this.#restUntilMs) return;
    if (this.#firstPictureOnly && !this.#still.canvas.hidden) return;
    this.#run = new AbortController();
    void this.#play(this.#run.signal);
  }

  stop(): void {
    this.#run?.abort();
    this.#run = undefined;
  }

  async #play(stopped: AbortSignal): Promise<void> {
    const video = element('video', { muted: true, playsinline: true, tabindex: '-1', 'aria-hidden': 'true' });
    video.muted = true;
    video.disablePictureInPicture = true;
    let hls: Hls | undefined;
    stopped.addEventListener('abort', () => {
      this.#still.take(video);
      hls?.destroy();
      video.remove();
    });
    const rest = () => {
      if (stopped.aborted) return;
      this.stop();
      this.#restUntilMs = performance.now() + restMs;
    };
    try {
      const [{ default: HlsPlayer }, source] = await Promise.all([import('hls.js'), this.#source(stopped)]);
      if (stopped.aborted || source === undefined || !HlsPlayer.isSupported()) return;
      hls = new HlsPlayer(previewSettings);
      hls.on(HlsPlayer.Events.ERROR, (_event, error) => {
        if (error.fatal) rest();
      });
      video.addEventListener('loadeddata', () => this.#shown(video));
      this.root.append(video);
      hls.attachMedia(video);
      hls.loadSource(source);
      await video.play();
    } catch {
      rest();
    }
  }

  #shown(video: HTMLVideoElement): void {
    this.root.classList.add('shown');
    if (this.#firstPictureOnly) this.stop();
    else video.classList.add('shown');
  }

  /** The media playlist of the smallest variant alone: so no sound is fetched that nobody hears. */
  async #source(stopped: AbortSignal): Promise<string | undefined> {
    const response = await fetch(this.#playlist, { signal: stopped });
    if (!response.ok) throw new Error(`the playlist answered ${response.status}`);
    const uri = smallestVideoVariant(await response.text());
    return uri === undefined ? undefined : new URL(uri, response.url).href;
  }
}
