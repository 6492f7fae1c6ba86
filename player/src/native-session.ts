import { noFigures, type PlaybackSession, type SessionFigures } from './playback-session.ts';
import type { Failure } from './recovery.ts';

const hlsType = 'application/vnd.apple.mpegurl';

/** Plays a live playlist by the browser's own HLS: iPhones without Media Source Extensions. It tells us little. */
export class NativeSession implements PlaybackSession {
  readonly #video: HTMLVideoElement;
  readonly #playlist: string;
  readonly #ended = new AbortController();
  #failure: Failure | undefined;

  static supports(video: HTMLVideoElement): boolean {
    return video.canPlayType(hlsType) !== '';
  }

  constructor(video: HTMLVideoElement, playlist: string) {
    this.#video = video;
    this.#playlist = playlist;
    video.addEventListener('error', () => void this.#explain(), { signal: this.#ended.signal });
    video.src = playlist;
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  get over(): boolean {
    return this.#video.ended;
  }

  get playlistStillMs(): undefined {
    return undefined;
  }

  /** The browser keeps its own distance. */
  get lagSeconds(): undefined {
    return undefined;
  }

  figures(): SessionFigures {
    const { seekable, currentTime } = this.#video;
    if (seekable.length === 0) return noFigures;
    return { ...noFigures, latencySeconds: Math.max(0, seekable.end(seekable.length - 1) - currentTime) };
  }

  reload(): void {
    this.#failure = undefined;
    this.#video.src = this.#playlist;
    this.#video.load();
  }

  recoverMedia(): void {
    this.reload();
  }

  jumpToLive(): void {
    const { seekable } = this.#video;
    if (seekable.length > 0) this.#video.currentTime = seekable.end(seekable.length - 1);
  }

  destroy(): void {
    this.#ended.abort();
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  /** The media element does not say which status the playlist had, so it is asked for once more. */
  async #explain(): Promise<void> {
    if (this.#video.error?.code === MediaError.MEDIA_ERR_DECODE) {
      this.#failure = 'media';
      return;
    }
    try {
      const response = await fetch(this.#playlist, { signal: this.#ended.signal });
      if (response.ok) this.#failure = 'media';
      else this.#failure = response.status === 404 || response.status === 410 ? 'absent' : 'network';
    } catch {
      this.#failure = 'network';
    }
  }
}
