import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { ColorInfo } from '../formats/media/color-info.ts';
import { type DataMessage, metadataName } from '../formats/media/data-message.ts';
import { sameTrackConfig, type TrackConfig, trackNumber } from '../formats/media/track.ts';
import { defaultGopBounds, type GopBounds, GopWindow } from './gop-window.ts';

/** Somebody who follows a stream. Called synchronously, in order; must return at once and must not throw. */
export interface StreamSubscriber {
  /** A publisher has (again) begun to send. What follows has new timestamps and perhaps new track configurations. */
  onPublisherStart(): void;
  /** Comes before the first access unit of its track, and again whenever it changes. */
  onTrackConfig(config: TrackConfig): void;
  /**
   * The colours of a video track that has a configuration, whenever they change; `undefined` takes back what was said.
   * Comes after that configuration.
   */
  onColorInfo(trackId: number, colorInfo: ColorInfo | undefined): void;
  /** Its data are lent for the call. */
  onAccessUnit(unit: AccessUnit): void;
  /** `onMetaData`, text, a cue: between the access units where it was sent. */
  onData(message: DataMessage): void;
  /** The publisher has left. The stream goes on existing; another may come. */
  onPublisherStop(): void;
  /** The stream is over. Nothing follows. */
  onEnd(): void;
  /** How long what the publisher has sent may be left unread, so that more comes at once. Not at all if left out. */
  patienceMs?(): number;
}

/** Less is not worth what it costs not to read. */
const leastUnreadMs = 10;

/** Who publishes and since when: known while somebody does. */
export interface Publication {
  /** Address and port of the encoder. */
  readonly peer: string;
  /** What the encoder calls itself (`FMLE/3.0`, `obs-output module`, …), if it says so. */
  readonly encoder: string | undefined;
  readonly startedWallMs: number;
  /** Nobody does: it is what plays meanwhile. */
  readonly isSlate?: true;
}

export interface SubscribeOptions {
  /** Whether to be told what has come since the last keyframe as well, so that a decoder can begin at once. */
  readonly burst: boolean;
}

/**
 * One named stream: what a publisher sends, handed on to whoever follows. Holds the running GOP and no queue: each
 * subscriber decides what it keeps.
 */
export class LiveStream {
  /** `app/name`, such as `live/demo`. */
  readonly path: string;
  readonly #subscribers = new Set<StreamSubscriber>();
  #publication: Publication | undefined;
  /** By `trackNumber`. */
  readonly #trackConfigs = new Map<number, TrackConfig>();
  /** By track id, also of tracks that have no configuration yet: OBS sends the colours first. */
  readonly #colorInfos = new Map<number, ColorInfo>();
  #metadata: DataMessage | undefined;
  readonly #gop: GopWindow;
  /** The video that a player shows which asks for nothing else: its keyframes are where one can begin. */
  #mainVideoId: number | undefined;
  #ended = false;
  #leftUnreadMs = 0;
  #mostUnreadMs = Infinity;
  #readNow: (() => void) | undefined;

  constructor(path: string, gopBounds: GopBounds = defaultGopBounds) {
    this.path = path;
    this.#gop = new GopWindow(gopBounds);
  }

  get publication(): Publication | undefined {
    return this.#publication;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The configurations in force: video first, then by track id. Empty while nobody publishes. */
  get trackConfigs(): readonly TrackConfig[] {
    return [...this.#trackConfigs.values()].sort((a, b) => trackNumber(a) - trackNumber(b));
  }

  /** The latest `onMetaData` of the publication. */
  get metadata(): DataMessage | undefined {
    return this.#metadata;
  }

  /**
   * What has come since the last keyframe, from that on; empty where nothing is kept. The data are there until the next
   * keyframe, or the end of the publication.
   */
  get runningGop(): readonly AccessUnit[] {
    return this.#gop.units;
  }

  /** Of a video track, where the publisher has said it beside the bitstream. */
  colorInfo(trackId: number): ColorInfo | undefined {
    return this.#colorInfos.get(trackId);
  }

  startPublication(publication: Publication): void {
    this.#publication = publication;
    this.#leftUnreadMs = 0;
    this.#forget();
    for (const subscriber of this.#subscribers) subscriber.onPublisherStart();
  }

  /** Corrects what the encoder calls itself: some say it only in their metadata. */
  nameEncoder(encoder: string): void {
    if (this.#publication !== undefined) this.#publication = { ...this.#publication, encoder };
  }

  /** Does nothing when the configuration is the one in force. */
  setTrackConfig(config: TrackConfig): void {
    const number = trackNumber(config);
    const current = this.#trackConfigs.get(number);
    if (current !== undefined && sameTrackConfig(current, config)) return;
    this.#trackConfigs.set(number, config);
    if (config.kind === 'video') this.#mainVideoId = Math.min(config.trackId, this.#mainVideoId ?? config.trackId);
    // What came before cannot be decoded with what is in force now.
    if (current !== undefined) this.#gop.clear();
    for (const subscriber of this.#subscribers) subscriber.onTrackConfig(config);
    const colorInfo = config.kind === 'video' ? this.#colorInfos.get(config.trackId) : undefined;
    if (current !== undefined || colorInfo === undefined) return;
    for (const subscriber of this.#subscribers) subscriber.onColorInfo(config.trackId, colorInfo);
  }

  /** May come before the configuration of its track: subscribers are told when that is there. */
  setColorInfo(trackId: number, colorInfo: ColorInfo | undefined): void {
    if (colorInfo === undefined) this.#colorInfos.delete(trackId);
    else this.#colorInfos.set(trackId, colorInfo);
    if (!this.#trackConfigs.has(trackNumber({ kind: 'video', trackId }))) return;
    for (const subscriber of this.#subscribers) subscriber.onColorInfo(trackId, colorInfo);
  }

  /** What comes is read within this time, however long those who follow can wait. */
  readWithin(ms: number): void {
    this.#mostUnreadMs = ms;
    if (ms < this.#leftUnreadMs) this.readNow();
  }

  /** How long what comes may have been left unread at most. */
  get leftUnreadMs(): number {
    return this.#leftUnreadMs;
  }

  /**
   * Returns how long what comes next may be left unread, `maxMs` at most: as long as the most impatient of those who
   * follow can wait. Should somebody come meanwhile who cannot, `readNow` is called, once.
   */
  leaveUnreadMs(maxMs: number, readNow?: () => void): number {
    let leftMs = Math.min(maxMs, this.#mostUnreadMs);
    for (const subscriber of this.#subscribers) leftMs = Math.min(leftMs, subscriber.patienceMs?.() ?? 0);
    this.#leftUnreadMs = leftMs < leastUnreadMs ? 0 : leftMs;
    this.#readNow = this.#leftUnreadMs > 0 ? readNow : undefined;
    return this.#leftUnreadMs;
  }

  /** What has been left unread is read in the next turn of the event loop. Returns whether any may have been. */
  readNow(): boolean {
    const readNow = this.#readNow;
    this.#readNow = undefined;
    readNow?.();
    return readNow !== undefined;
  }

  /** An access unit of a track that has no configuration yet cannot be decoded by anybody and is dropped. */
  push(unit: AccessUnit): void {
    if (!this.#trackConfigs.has(trackNumber(unit))) return;
    this.#gop.push(unit, unit.kind === 'video' && unit.keyframe && unit.trackId === this.#mainVideoId);
    for (const subscriber of this.#subscribers) subscriber.onAccessUnit(unit);
  }

  /** The latest `onMetaData` is kept for whoever comes later; all else is told to those who are there. */
  pushData(message: DataMessage): void {
    if (message.name === metadataName) this.#metadata = message;
    for (const subscriber of this.#subscribers) subscriber.onData(message);
  }

  stopPublication(): void {
    if (this.#publication === undefined) return;
    this.#publication = undefined;
    this.#forget();
    for (const subscriber of this.#subscribers) subscriber.onPublisherStop();
  }

  /** For good: the stream leaves its directory and cannot be published to any more. */
  end(): void {
    if (this.#ended) return;
    this.stopPublication();
    this.#ended = true;
    for (const subscriber of this.#subscribers) subscriber.onEnd();
    this.#subscribers.clear();
  }

  /**
   * The subscriber is told at once what is in force: a running publication, then its metadata and its track
   * configurations, and with `burst` the access units of the running GOP.
   * Returns the way to stop following.
   */
  subscribe(subscriber: StreamSubscriber, { burst }: SubscribeOptions = { burst: false }): () => void {
    this.#subscribers.add(subscriber);
    if (this.#publication !== undefined) {
      subscriber.onPublisherStart();
      if (this.#metadata !== undefined) subscriber.onData(this.#metadata);
      for (const config of this.trackConfigs) {
        subscriber.onTrackConfig(config);
        const colorInfo = config.kind === 'video' ? this.#colorInfos.get(config.trackId) : undefined;
        if (colorInfo !== undefined) subscriber.onColorInfo(config.trackId, colorInfo);
      }
      for (const unit of burst ? this.#gop.units : []) subscriber.onAccessUnit(unit);
      this.readNow();
    }
    return () => {
      this.#subscribers.delete(subscriber);
    };
  }

  #forget(): void {
    this.#trackConfigs.clear();
    this.#colorInfos.clear();
    this.#metadata = undefined;
    this.#gop.letGo();
    this.#mainVideoId = undefined;
    this.#readNow = undefined;
  }
}
