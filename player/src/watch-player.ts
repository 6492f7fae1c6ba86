import { keepAudioChoice } from './audio-choice.ts';
import { type AudioTrackList, AudioTracks, offerAudioTracks } from './audio-tracks.ts';
import { element } from './element.ts';
import { HlsSession } from './hls-session.ts';
import { NativeSession } from './native-session.ts';
import { PictureOverlay } from './picture-overlay.ts';
import { noFigures, type PlaybackSession, type SessionFigures } from './playback-session.ts';
import { forwardKeys, playerControls } from './player-controls.ts';
import { type DirectoryWord, type PlayerState, Recovery } from './recovery.ts';
import { offerRenditions } from './video-renditions.ts';

/** Everything the panel shows, once a tick. */
export interface PlayerFigures extends SessionFigures {
  readonly state: PlayerState;
  readonly width: number;
  readonly height: number;
  readonly bufferSeconds: number;
  readonly playbackRate: number;
  readonly droppedFrames: number;
  readonly totalFrames: number;
  readonly stalls: number;
  /** From the viewer's wish to the first picture. */
  readonly firstFrameMs: number | undefined;
}

const tickMs = 250;

/**
 * Plays one stream and keeps on playing it: observes, asks `Recovery`, does what it says. Its root element tells in
 * data attributes how it goes (`data-state`, `data-stalls`, `data-latency-seconds` and so on).
 */
export class WatchPlayer {
  readonly root: HTMLElement;
  readonly #video = element('video', { playsinline: true, preload: 'auto' });
  readonly #renditions = offerRenditions(this.#video);
  readonly #audioTracks = new AudioTracks();
  readonly #overlay: PictureOverlay;
  readonly #recovery = new Recovery();
  readonly #ended = new AbortController();
  readonly #askedAtMs: number;
  readonly #onFigures: (figures: PlayerFigures) => void;
  readonly #timer: number;
  #playlist: string;
  #session: PlaybackSession | undefined;
  #directory: DirectoryWord = 'unknown';
  #pausedByViewer = false;
  #lastTime = 0;
  #stalls = 0;
  #firstFrameMs: number | undefined;

  /** `askedAtMs`: when the viewer asked for the stream, on the clock of `performance.now()`. */
  constructor(stream: string, playlist: string, askedAtMs: number, onFigures: (figures: PlayerFigures) => void) {
    this.#playlist = playlist;
    this.#askedAtMs = askedAtMs;
    this.#onFigures = onFigures;
    this.#overlay = new PictureOverlay(stream, () => this.#tapped());
    const audioTracks = this.#offerAudioTracks();
    const controller = playerControls(this.#video, this.#overlay.root, () => this.#session?.jumpToLive());
    this.root = element('div', { class: 'player', 'data-state': 'starting', 'data-stream': stream }, controller);
    if (audioTracks !== undefined) keepAudioChoice(controller, audioTracks);
    forwardKeys(controller, this.#ended.signal);
    this.#listen();
    this.#session = this.#begin();
    void this.#play();
    this.#timer = window.setInterval(() => this.#tick(), tickMs);
  }

  /** What the list of streams says, and where it says that the playlist lies. */
  note(directory: DirectoryWord, playlist: string | undefined): void {
    this.#directory = directory;
    if (playlist === undefined || playlist === this.#playlist) return;
    this.#playlist = playlist;
    this.#session?.destroy();
    this.#session = this.#begin();
    void this.#play();
  }

  destroy(): void {
    window.clearInterval(this.#timer);
    this.#ended.abort();
    this.#session?.destroy();
  }

  #begin(): PlaybackSession | undefined {
    if (HlsSession.supported) {
      return new HlsSession(this.#video, this.#playlist, this.#renditions, this.#audioTracks);
    }
    return NativeSession.supports(this.#video) ? new NativeSession(this.#video, this.#playlist) : undefined;
  }

  /** Whoever plays the playlist has the tracks: the page, or the browser with a list of its own. */
  #offerAudioTracks(): AudioTrackList | undefined {
    if (!HlsSession.supported) {
      const video: HTMLVideoElement & { readonly audioTracks?: AudioTrackList } = this.#video;
      return video.audioTracks;
    }
    offerAudioTracks(this.#video, this.#audioTracks);
    return this.#audioTracks;
  }

  #listen(): void {
    const video = this.#video;
    const options = { signal: this.#ended.signal };
    video.addEventListener('pause', () => this.#paused(), options);
    video.addEventListener('play', () => this.#resumed(), options);
    video.addEventListener('waiting', () => this.#stalled(), options);
    video.addEventListener('loadeddata', () => this.#firstFrame(), options);
    video.addEventListener('volumechange', () => video.muted || this.#overlay.askForTap('nothing'), options);
  }

  /** A pause at the end of the media, or because the media was taken away, is not the viewer's. */
  #paused(): void {
    if (this.#video.ended || this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    this.#pausedByViewer = true;
  }

  /** Who paused at the live edge comes back to it; who had gone back in time goes on from there. */
  #resumed(): void {
    if (this.#pausedByViewer && (this.#session?.lagSeconds ?? 0) > 1) this.#session?.jumpToLive();
    this.#pausedByViewer = false;
  }

  #stalled(): void {
    if (this.#firstFrameMs !== undefined && !this.#video.seeking && this.#lastTime > 0) this.#stalls += 1;
  }

  #firstFrame(): void {
    if (this.#firstFrameMs !== undefined) return;
    const note = () => {
      this.#firstFrameMs ??= performance.now() - this.#askedAtMs;
    };
    if ('requestVideoFrameCallback' in this.#video && this.#video.videoWidth > 0) {
      this.#video.requestVideoFrameCallback(note);
    } else note();
  }

  /** With sound if the browser allows it, else without, else not before a gesture. */
  async #play(): Promise<void> {
    try {
      await this.#video.play();
      return;
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'NotAllowedError')) return;
    }
    this.#video.muted = true;
    try {
      this.#overlay.askForTap('sound');
      await this.#video.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.#overlay.askForTap('play');
    }
  }

  #tapped(): void {
    this.#video.muted = false;
    this.#overlay.askForTap('nothing');
    void this.#video.play().catch(() => this.#overlay.askForTap('play'));
  }

  #tick(): void {
    const { currentTime, paused, seeking, ended } = this.#video;
    const advancing = !seeking && !paused && currentTime > this.#lastTime + 0.01;
    this.#lastTime = currentTime;
    // A hidden page gets no frame callback, and its sound plays all the same.
    if (advancing) this.#firstFrameMs ??= performance.now() - this.#askedAtMs;
    const session = this.#session;
    const { state, remedy } = this.#recovery.observe({
      nowMs: performance.now(),
      advancing,
      paused: paused && !ended && (this.#pausedByViewer || this.#firstFrameMs !== undefined),
      over: session?.over === true,
      playlistStillMs: session?.playlistStillMs,
      lagSeconds: session?.lagSeconds,
      failure: session === undefined ? 'unsupported' : session.failure,
      directory: this.#directory,
    });
    if (remedy === 'reload') this.#reload();
    else if (remedy === 'recover-media') this.#recoverMedia();
    else if (remedy === 'jump-to-live') session?.jumpToLive();
    if (advancing) this.#overlay.still.hide();
    this.#overlay.show(state, advancing && this.#video.videoWidth === 0);
    this.#publish(state);
  }

  #reload(): void {
    this.#overlay.still.take(this.#video);
    this.#lastTime = 0;
    this.#session?.reload();
    if (!this.#pausedByViewer) void this.#play();
  }

  #recoverMedia(): void {
    this.#overlay.still.take(this.#video);
    this.#session?.recoverMedia();
    if (!this.#pausedByViewer) void this.#play();
  }

  #bufferSeconds(): number {
    const { buffered, currentTime } = this.#video;
    for (let index = 0; index < buffered.length; index += 1) {
      if (buffered.start(index) <= currentTime + 0.1 && buffered.end(index) > currentTime) {
        return buffered.end(index) - currentTime;
      }
    }
    return 0;
  }

  #publish(state: PlayerState): void {
    const quality = this.#video.getVideoPlaybackQuality();
    const figures: PlayerFigures = {
      ...(this.#session?.figures() ?? noFigures),
      state,
      width: this.#video.videoWidth,
      height: this.#video.videoHeight,
      bufferSeconds: this.#bufferSeconds(),
      playbackRate: this.#video.playbackRate,
      droppedFrames: quality.droppedVideoFrames,
      totalFrames: quality.totalVideoFrames,
      stalls: this.#stalls,
      firstFrameMs: this.#firstFrameMs,
    };
    const { dataset } = this.root;
    dataset['state'] = state;
    dataset['stalls'] = `${figures.stalls}`;
    dataset['bufferSeconds'] = figures.bufferSeconds.toFixed(3);
    dataset['latencySeconds'] = figures.latencySeconds?.toFixed(3) ?? '';
    dataset['glassLatencySeconds'] = figures.glassLatencySeconds?.toFixed(3) ?? '';
    dataset['firstFrameMs'] = figures.firstFrameMs?.toFixed(0) ?? '';
    dataset['edge'] = figures.edgeLocation ?? '';
    dataset['cache'] = figures.xCache ?? '';
    this.#onFigures(figures);
  }
}
