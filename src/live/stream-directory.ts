import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { ColorInfo } from '../formats/media/color-info.ts';
import type { DataMessage } from '../formats/media/data-message.ts';
import type { TrackConfig } from '../formats/media/track.ts';
import { TakeoverBrake } from '../policy/takeover-brake.ts';
import { LiveStream, type Publication } from './live-stream.ts';

export interface StreamDirectoryOptions {
  readonly clock: Clock;
  /** How long a stream waits for its publisher to come back before it ends. */
  readonly reconnectGraceMs: number;
  /** Streams at once, those that wait for their publisher among them. */
  readonly maxStreams: number;
  readonly log: Log;
}

export interface PublishOffer {
  /** `app/name`, such as `live/demo`. */
  readonly path: string;
  readonly publication: Publication;
  /** Names what opened the stream. Who comes with the same one takes the stream over; `undefined` never does. */
  readonly credential: string | undefined;
  /** Called once, when another publisher has taken the stream over: close the connection. */
  readonly onTakenOver: () => void;
}

export type PublishOutcome = { readonly kind: 'granted'; readonly lease: PublicationLease } | PublicationRefused;

export interface PublicationRefused {
  readonly kind: 'refused';
  readonly reason: 'busy' | 'quarrel' | 'full' | 'closed';
  /** For the person at the encoder. */
  readonly sentence: string;
}

/**
 * The right to publish one stream. Ends when it is released, taken over, or the directory closes; from then on
 * everything pushed is dropped.
 */
export interface PublicationLease {
  readonly stream: LiveStream;
  readonly active: boolean;
  setTrackConfig(config: TrackConfig): void;
  setColorInfo(trackId: number, colorInfo: ColorInfo | undefined): void;
  push(unit: AccessUnit): void;
  pushData(message: DataMessage): void;
  /** As of the stream. */
  leaveUnreadMs(maxMs: number): number;
  /** What the encoder calls itself, learned after the publication began. */
  nameEncoder(encoder: string): void;
  /** The publisher has left; the stream waits for it for the reconnect grace. Harmless when called again. */
  release(): void;
}

interface Entry {
  readonly stream: LiveStream;
  readonly takeovers: TakeoverBrake;
  holder:
    | { readonly lease: Lease; readonly credential: string | undefined; readonly onTakenOver: () => void }
    | undefined;
  graceTimer: Timer | undefined;
}

/** The streams of this process, by path. */
export class StreamDirectory {
  readonly #options: StreamDirectoryOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(stream: LiveStream) => void>();
  #closed = false;

  constructor(options: StreamDirectoryOptions) {
    this.#options = options;
  }

  get(path: string): LiveStream | undefined {
    return this.#entries.get(path)?.stream;
  }

  /** All streams, those that wait for their publisher among them, in the order in which they came into being. */
  list(): LiveStream[] {
    return [...this.#entries.values()].map((entry) => entry.stream);
  }

  /**
   * `listener` is called whenever a stream comes into being, before its publication starts. Returns the way to stop
   * listening. Streams that are there already are in `list()`.
   */
  onStream(listener: (stream: LiveStream) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * A stream that waits for its publisher goes on; one that has a publisher changes hands at once if the credential
   * is the same, else the newcomer is refused; one that is not there comes into being. Who takes it over again and
   * again is refused too, for a while.
   */
  publish(offer: PublishOffer): PublishOutcome {
    const refusal = this.examine(offer.path, offer.credential);
    if (refusal !== undefined) return refusal;
    const { clock, log } = this.#options;
    let entry = this.#entries.get(offer.path);
    const holder = entry?.holder;
    if (entry === undefined) {
      entry = {
        stream: new LiveStream(offer.path),
        takeovers: new TakeoverBrake(),
        holder: undefined,
        graceTimer: undefined,
      };
      this.#entries.set(offer.path, entry);
      for (const listener of this.#listeners) listener(entry.stream);
    }
    entry.graceTimer?.cancel();
    entry.graceTimer = undefined;
    if (holder !== undefined) {
      entry.takeovers.count(clock.monotonicMs());
      log.info({ stream: offer.path, peer: offer.publication.peer }, 'Publisher takes its stream over');
      holder.lease.revoke();
      entry.stream.stopPublication();
      holder.onTakenOver();
    }
    const lease = new Lease(entry.stream, () => this.#released(offer.path));
    entry.holder = { lease, credential: offer.credential, onTakenOver: offer.onTakenOver };
    entry.stream.startPublication(offer.publication);
    return { kind: 'granted', lease };
  }

  /** Why `publish` would refuse now; `undefined` when it would not. */
  examine(path: string, credential: string | undefined): PublicationRefused | undefined {
    const refused = (reason: PublicationRefused['reason'], sentence: string) =>
      ({ kind: 'refused', reason, sentence }) as const;
    if (this.#closed) return refused('closed', 'this server is shutting down');
    const entry = this.#entries.get(path);
    const { clock, maxStreams } = this.#options;
    if (entry === undefined) {
      return this.#entries.size < maxStreams
        ? undefined
        : refused('full', `there are ${maxStreams} streams already (setting origin.live.maxStreams)`);
    }
    if (entry.holder === undefined) return undefined;
    if (credential === undefined || credential !== entry.holder.credential) {
      return refused('busy', `${path} is being published by another encoder`);
    }
    const quarrel = entry.takeovers.refusal(path, clock.monotonicMs());
    return quarrel === undefined ? undefined : refused('quarrel', quarrel);
  }

  /** Ends every stream. Nothing can be published any more. */
  close(): void {
    this.#closed = true;
    for (const [path, entry] of this.#entries) {
      entry.holder?.lease.revoke();
      entry.holder = undefined;
      this.#end(path, entry);
    }
    this.#listeners.clear();
  }

  #released(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.holder = undefined;
    entry.stream.stopPublication();
    const { clock, reconnectGraceMs } = this.#options;
    if (reconnectGraceMs === 0) {
      this.#end(path, entry);
      return;
    }
    entry.graceTimer = clock.after(reconnectGraceMs, () => this.#end(path, entry));
  }

  #end(path: string, entry: Entry): void {
    entry.graceTimer?.cancel();
    entry.graceTimer = undefined;
    this.#entries.delete(path);
    entry.stream.end();
    this.#options.log.info({ stream: path }, 'Stream ended');
  }
}

class Lease implements PublicationLease {
  readonly stream: LiveStream;
  readonly #onRelease: () => void;
  #active = true;

  constructor(stream: LiveStream, onRelease: () => void) {
    this.stream = stream;
    this.#onRelease = onRelease;
  }

  get active(): boolean {
    return this.#active;
  }

  setTrackConfig(config: TrackConfig): void {
    if (this.#active) this.stream.setTrackConfig(config);
  }

  setColorInfo(trackId: number, colorInfo: ColorInfo | undefined): void {
    if (this.#active) this.stream.setColorInfo(trackId, colorInfo);
  }

  push(unit: AccessUnit): void {
    if (this.#active) this.stream.push(unit);
  }

  pushData(message: DataMessage): void {
    if (this.#active) this.stream.pushData(message);
  }

  leaveUnreadMs(maxMs: number): number {
    return this.#active ? this.stream.leaveUnreadMs(maxMs) : 0;
  }

  nameEncoder(encoder: string): void {
    if (this.#active) this.stream.nameEncoder(encoder);
  }

  release(): void {
    if (!this.#active) return;
    this.#active = false;
    this.#onRelease();
  }

  /** The stream has another publisher, or is over: nothing of this one reaches it any more. */
  revoke(): void {
    this.#active = false;
  }
}
