import type { AccessUnit } from '../formats/media/access-unit.ts';
import { sameTrackConfig, type TrackConfig } from '../formats/media/track.ts';

/** Somebody who follows a stream. Called synchronously, in order; must return at once and must not throw. */
export interface StreamSubscriber {
  /** A publisher has (again) begun to send. What follows has new timestamps and perhaps new track configurations. */
  onPublisherStart(): void;
  /** Comes before the first access unit of its track, and again whenever it changes. */
  onTrackConfig(config: TrackConfig): void;
  onAccessUnit(unit: AccessUnit): void;
  /** The publisher has left. The stream goes on existing; another may come. */
  onPublisherStop(): void;
  /** The stream is over. Nothing follows. */
  onEnd(): void;
}

/** Who publishes and since when: known while somebody does. */
export interface Publication {
  /** Address and port of the encoder. */
  readonly peer: string;
  /** What the encoder calls itself (`FMLE/3.0`, `obs-output module`, …), if it says so. */
  readonly encoder: string | undefined;
  readonly startedWallMs: number;
}

/**
 * One named stream: what a publisher sends, handed on to whoever follows. Holds no queue: each subscriber decides
 * what it keeps.
 */
export class LiveStream {
  /** `app/name`, such as `live/demo`. */
  readonly path: string;
  readonly #subscribers = new Set<StreamSubscriber>();
  #publication: Publication | undefined;
  #trackConfigs = new Map<TrackConfig['kind'], TrackConfig>();
  #ended = false;

  constructor(path: string) {
    this.path = path;
  }

  get publication(): Publication | undefined {
    return this.#publication;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The configurations in force, video first. Empty while nobody publishes. */
  get trackConfigs(): readonly TrackConfig[] {
    return [...this.#trackConfigs.values()].sort((a, b) => b.kind.localeCompare(a.kind));
  }

  startPublication(publication: Publication): void {
    this.#publication = publication;
    this.#trackConfigs.clear();
    for (const subscriber of this.#subscribers) subscriber.onPublisherStart();
  }

  /** Corrects what the encoder calls itself: some say it only in their metadata. */
  nameEncoder(encoder: string): void {
    if (this.#publication !== undefined) this.#publication = { ...this.#publication, encoder };
  }

  /** Does nothing when the configuration is the one in force. */
  setTrackConfig(config: TrackConfig): void {
    const current = this.#trackConfigs.get(config.kind);
    if (current !== undefined && sameTrackConfig(current, config)) return;
    this.#trackConfigs.set(config.kind, config);
    for (const subscriber of this.#subscribers) subscriber.onTrackConfig(config);
  }

  /** An access unit of a track that has no configuration yet cannot be decoded by anybody and is dropped. */
  push(unit: AccessUnit): void {
    if (!this.#trackConfigs.has(unit.kind)) return;
    for (const subscriber of this.#subscribers) subscriber.onAccessUnit(unit);
  }

  stopPublication(): void {
    if (this.#publication === undefined) return;
    this.#publication = undefined;
    this.#trackConfigs.clear();
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
   * The subscriber is told at once what is in force: a running publication, then its track configurations.
   * Returns the way to stop following.
   */
  subscribe(subscriber: StreamSubscriber): () => void {
    this.#subscribers.add(subscriber);
    if (this.#publication !== undefined) {
      subscriber.onPublisherStart();
      for (const config of this.trackConfigs) subscriber.onTrackConfig(config);
    }
    return () => {
      this.#subscribers.delete(subscriber);
    };
  }
}
