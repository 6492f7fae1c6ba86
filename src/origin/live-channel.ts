import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { LiveStream, Publication, StreamSubscriber } from '../live/live-stream.ts';
import { Packager } from './packager.ts';
import type { OriginSettings } from './settings.ts';

/** The part of a stream directory that is needed here. */
export interface StreamSource {
  list(): Iterable<LiveStream>;
  /** Called for every stream that comes into being; returns the way to stop. */
  onStream(listener: (stream: LiveStream) => void): () => void;
}

export interface LiveChannelsOptions {
  readonly settings: OriginSettings['live'];
  readonly clock: Clock;
  readonly log: Log;
  /** A name for one life of a stream: never the same twice. Lower-case letters, digits and hyphens. */
  readonly nextEpoch: () => string;
  /** Makes further renditions of a stream, from its beginning on; returns the way to stop. */
  readonly addRenditions?: (packager: Packager) => () => void;
}

/** A live stream as viewers see it: from its first publisher until its playlists are gone. */
export interface LiveChannel {
  readonly stream: LiveStream;
  readonly packager: Packager;
  /** Of the publisher there is, or of the last one. */
  readonly publication: Publication | undefined;
}

/** Packages every stream of a directory, and keeps what is over for one window more. */
export class LiveChannels {
  readonly #options: LiveChannelsOptions;
  readonly #channels = new Map<string, Channel>();
  readonly #stopListening: () => void;

  constructor(source: StreamSource, options: LiveChannelsOptions) {
    this.#options = options;
    this.#stopListening = source.onStream((stream) => this.#add(stream));
    for (const stream of source.list()) this.#add(stream);
  }

  /** `path` is `app/name`. */
  get(path: string): LiveChannel | undefined {
    return this.#channels.get(path);
  }

  /** All, those that are over among them, in the order in which they came into being. */
  list(): readonly LiveChannel[] {
    return [...this.#channels.values()];
  }

  close(): void {
    this.#stopListening();
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #add(stream: LiveStream): void {
    const { settings, clock, log, nextEpoch, addRenditions } = this.#options;
    const { path } = stream;
    // The life before this one, if its playlists still answer, makes room.
    this.#channels.get(path)?.close();
    this.#channels.delete(path);
    const packager = new Packager({ path, epoch: nextEpoch(), settings, clock, log });
    const channel = new Channel(stream, packager, () =>
      clock.after(settings.windowMs, () => {
        channel.close();
        if (this.#channels.get(path) === channel) this.#channels.delete(path);
      }),
    );
    this.#channels.set(path, channel);
    channel.open(addRenditions);
  }
}

class Channel implements LiveChannel, StreamSubscriber {
  readonly stream: LiveStream;
  readonly packager: Packager;
  readonly #keepForAWhile: () => Timer;
  #publication: Publication | undefined;
  #unsubscribe: (() => void)[] = [];
  #removal: Timer | undefined;

  constructor(stream: LiveStream, packager: Packager, keepForAWhile: () => Timer) {
    this.stream = stream;
    this.packager = packager;
    this.#keepForAWhile = keepForAWhile;
  }

  get publication(): Publication | undefined {
    // The encoder may tell its name late, so the stream is asked as long as it knows.
    this.#publication = this.stream.publication ?? this.#publication;
    return this.#publication;
  }

  open(addRenditions: LiveChannelsOptions['addRenditions']): void {
    const stopAdding = addRenditions?.(this.packager) ?? (() => {});
    this.#unsubscribe = [stopAdding, this.stream.subscribe(this.packager), this.stream.subscribe(this)];
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#removal?.cancel();
    this.packager.changes.close();
  }

  onPublisherStart(): void {
    this.#publication = this.stream.publication;
  }

  onTrackConfig(): void {
    this.#publication = this.stream.publication ?? this.#publication;
  }

  onColorInfo(): void {}

  onAccessUnit(): void {}

  onData(): void {}

  onPublisherStop(): void {}

  patienceMs(): number {
    return Infinity;
  }

  onEnd(): void {
    this.#removal = this.#keepForAWhile();
  }
}
