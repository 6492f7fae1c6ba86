import Hls, { ErrorDetails, ErrorTypes, type ErrorData, Events } from 'hls.js';
import type { AudioTracks } from './audio-tracks.ts';
import { captionsOverParts } from './captions-over-parts.ts';
import { DeliveryMeter } from './delivery-meter.ts';
import { maxLatencyDurationCount, watchSettings } from './hls-settings.ts';
import { MediaRate } from './media-rate.ts';
import type { PlaybackSession, SessionFigures } from './playback-session.ts';
import type { Failure } from './recovery.ts';
import type { VideoRenditions } from './video-renditions.ts';

/** Media over which the bitrate is taken: two segments and more. */
const rateWindowSeconds = 8;
const wentBackSeconds = 6;

/** Plays a live playlist by Media Source Extensions. */
export class HlsSession implements PlaybackSession {
  readonly #video: HTMLVideoElement;
  readonly #playlist: string;
  readonly #renditions: VideoRenditions;
  readonly #audioTracks: AudioTracks;
  readonly #hls: Hls;
  #delivery = new DeliveryMeter();
  #videoRate = new MediaRate(rateWindowSeconds);
  #audioRate = new MediaRate(rateWindowSeconds);
  #failure: Failure | undefined;
  #over = false;
  #wentBack = false;
  #grewAtMs: number | undefined;

  static get supported(): boolean {
    return Hls.isSupported();
  }

  constructor(video: HTMLVideoElement, playlist: string, renditions: VideoRenditions, audioTracks: AudioTracks) {
    this.#video = video;
    this.#playlist = playlist;
    this.#renditions = renditions;
    this.#audioTracks = audioTracks;
    this.#hls = new Hls({ ...watchSettings, ...captionsOverParts() });
    this.#hls.config.liveMaxLatencyDurationCount = maxLatencyDurationCount;
    this.#listen();
    this.#hls.attachMedia(video);
    this.#hls.loadSource(playlist);
    renditions.addEventListener('change', this.#choose);
    audioTracks.addEventListener('change', this.#chooseAudio);
    video.addEventListener('seeking', this.#noteSeek);
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  get over(): boolean {
    return this.#over;
  }

  get playlistStillMs(): number | undefined {
    return this.#grewAtMs === undefined ? undefined : performance.now() - this.#grewAtMs;
  }

  get lagSeconds(): number | undefined {
    const { latency, targetLatency } = this.#hls;
    return this.#wentBack || targetLatency === null || latency === 0 ? undefined : latency - targetLatency;
  }

  figures(): SessionFigures {
    const hls = this.#hls;
    const level = hls.levels[hls.currentLevel] ?? hls.levels[0];
    const rates = [this.#videoRate.bitsPerSecond, this.#audioRate.bitsPerSecond].filter((rate) => rate !== undefined);
    const playingDate = hls.playingDate;
    return {
      latencySeconds: hls.latency > 0 ? hls.latency : undefined,
      glassLatencySeconds:
        playingDate === null ? undefined : (Date.now() + this.#delivery.clockOffsetMs - playingDate.getTime()) / 1000,
      bitsPerSecond: rates.length === 0 ? undefined : rates.reduce((sum, rate) => sum + rate, 0),
      throughputBitsPerSecond: this.#grewAtMs === undefined ? undefined : hls.bandwidthEstimate,
      framesPerSecond: level !== undefined && level.frameRate > 0 ? level.frameRate : undefined,
      codecs: [level?.videoCodec, level?.audioCodec].filter((codec) => codec !== undefined),
      edgeLocation: this.#delivery.edgeLocation,
      xCache: this.#delivery.xCache,
      cacheVerdicts: this.#delivery.verdicts.verdicts,
      hitRatio: this.#delivery.verdicts.hitRatio,
    };
  }

  reload(): void {
    this.#failure = undefined;
    this.#over = false;
    this.#wentBack = false;
    this.#grewAtMs = undefined;
    this.#hls.loadSource(this.#playlist);
  }

  recoverMedia(): void {
    this.#failure = undefined;
    this.#hls.recoverMediaError();
  }

  jumpToLive(): void {
    const position = this.#hls.liveSyncPosition;
    if (position !== null) this.#video.currentTime = position;
  }

  destroy(): void {
    this.#video.removeEventListener('seeking', this.#noteSeek);
    this.#renditions.removeEventListener('change', this.#choose);
    this.#audioTracks.removeEventListener('change', this.#chooseAudio);
    this.#renditions.replace([]);
    this.#audioTracks.replace([]);
    this.#hls.destroy();
  }

  readonly #choose = (): void => {
    const chosen = this.#renditions[this.#renditions.selectedIndex];
    this.#hls.nextLevel = chosen === undefined ? -1 : Number(chosen.id);
  };

  readonly #chooseAudio = (): void => {
    const { selectedIndex } = this.#audioTracks;
    // At once: `nextAudioTrack`, which lets the buffer play out, stands still for seconds so near the live edge.
    if (selectedIndex !== -1 && selectedIndex !== this.#hls.audioTrack) this.#hls.audioTrack = selectedIndex;
  };

  /** Who goes back in time on purpose may stay there: hls.js would take it for an accident and jump to the live edge. */
  readonly #noteSeek = (): void => {
    this.#wentBack = (this.#hls.liveSyncPosition ?? 0) - this.#video.currentTime > wentBackSeconds;
    this.#hls.config.liveMaxLatencyDurationCount = this.#wentBack ? Number.POSITIVE_INFINITY : maxLatencyDurationCount;
  };

  #listen(): void {
    const hls = this.#hls;
    hls.on(Events.MANIFEST_PARSED, (_event, { levels, audioTracks }) => {
      // hls.js says nothing of the tracks when there are none any more.
      if (audioTracks.length === 0) this.#audioTracks.replace([]);
      const renditions = levels.map(({ width, height, bitrate }, index) => ({
        id: `${index}`,
        width,
        height,
        bitrate,
      }));
      this.#renditions.replace(renditions.filter((rendition) => rendition.height > 0));
    });
    hls.on(Events.AUDIO_TRACKS_UPDATED, (_event, { audioTracks }) => this.#audioTracks.replace(audioTracks));
    hls.on(Events.AUDIO_TRACK_SWITCHING, (_event, { id }) => {
      this.#audioTracks.selectedIndex = id;
    });
    hls.on(Events.LEVEL_SWITCHING, (_event, { level }) => {
      const chosen = this.#renditions[this.#renditions.selectedIndex];
      // It had to leave what was chosen, for want of media: the menu says so, and better may follow.
      if (chosen !== undefined && Number(chosen.id) !== level) this.#renditions.selectedIndex = -1;
    });
    hls.on(Events.LEVEL_UPDATED, (_event, { details }) => {
      this.#over = !details.live;
      if (details.advanced || this.#grewAtMs === undefined) this.#grewAtMs = performance.now();
    });
    hls.on(Events.LEVEL_LOADED, (_event, { networkDetails }) => this.#meter(networkDetails));
    hls.on(Events.AUDIO_TRACK_LOADED, (_event, { networkDetails }) => this.#meter(networkDetails));
    hls.on(Events.FRAG_LOADED, (_event, { frag, part, payload, networkDetails }) => {
      this.#meter(networkDetails);
      if (frag.sn === 'initSegment') return;
      const track: string = frag.type;
      const rate = track === 'audio' ? this.#audioRate : this.#videoRate;
      rate.add(payload.byteLength, part?.duration ?? frag.duration);
    });
    hls.on(Events.ERROR, (_event, error) => {
      if (error.fatal) this.#failure = failureOf(error);
    });
  }

  #meter(response: unknown): void {
    if (!(response instanceof XMLHttpRequest)) return;
    this.#delivery.add((name) => response.getResponseHeader(name), Date.now());
  }
}

/** What a fatal error of the library means for the viewer. */
function failureOf(error: ErrorData): Failure {
  switch (error.details) {
    case ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR:
    case ErrorDetails.BUFFER_ADD_CODEC_ERROR:
      return 'unsupported';
    case ErrorDetails.MANIFEST_LOAD_ERROR:
    case ErrorDetails.LEVEL_LOAD_ERROR:
    case ErrorDetails.AUDIO_TRACK_LOAD_ERROR:
      return error.response?.code === 404 || error.response?.code === 410 ? 'absent' : 'network';
    default:
      return error.type === ErrorTypes.MEDIA_ERROR ? 'media' : 'network';
  }
}
