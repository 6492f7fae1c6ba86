import { setImmediate } from 'node:timers/promises';
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { LiveStream, type Publication, type StreamSubscriber } from '../live/live-stream.ts';
import type { LiveKeeping, StreamBefore } from './live-keeping.ts';
import { Packager } from './packager.ts';
import { longestAbsenceMs } from './packaging-state.ts';
import type { OriginSettings } from './settings.ts';
import type { StreamKeeper } from './stream-keeper.ts';

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
  /** Keeps streams for a restart; nobody does if left out. */
  readonly keeping?: Pick<LiveKeeping, 'keeper'>;
  /** Streams from before a restart. Those that are not over wait for `onStream` to bring their stream. */
  readonly before?: readonly StreamBefore[];
}

/** Who publishes, as far as a restart leaves it known. */
export type KnownPublication = Omit<Publication, 'peer' | 'isSlate'>;

/** A live stream as viewers see it: from its first publisher until its playlists are gone. */
export interface LiveChannel {
  readonly stream: LiveStream;
  readonly packager: Packager;
  /** Of the publisher there is, or of the last one. */
  readonly publication: KnownPublication | undefined;
  /** Somebody asks for something of it, who `waits` for what is yet to come. Resolves when what was left unread is there, if any was. */
  watched(waits: boolean): Promise<void> | undefined;
}

/** Packages every stream of a directory, and keeps what is over for one window more. */
export class LiveChannels {
  readonly #options: Omit<LiveChannelsOptions, 'before'>;
  readonly #channels = new Map<string, Channel>();
  readonly #stopListening: () => void;
  /** Until their stream is there. */
  readonly #before = new Map<string, StreamBefore>();

  constructor(source: StreamSource, { before = [], ...options }: LiveChannelsOptions) {
    this.#options = options;
    for (const stream of before) {
      if (stream.endedWallMs === undefined) this.#before.set(stream.path, stream);
      else this.#addEnded(stream, stream.endedWallMs);
    }
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

  /** For so long without its origin a stream can still come back. */
  get longestAbsenceSeconds(): number {
    return Math.ceil(longestAbsenceMs(this.#options.settings) / 1_000);
  }

  close(): void {
    this.#stopListening();
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #add(stream: LiveStream): void {
    const { path } = stream;
    // The life before this one, if its playlists still answer, makes room.
    this.#channels.get(path)?.discard();
    this.#channels.delete(path);
    const before = this.#before.get(path);
    this.#before.delete(path);
    this.#open(stream, before).follow(this.#options.addRenditions);
  }

  #addEnded(before: StreamBefore, endedWallMs: number): void {
    const { settings, clock } = this.#options;
    const stream = new LiveStream(before.path);
    stream.end();
    this.#open(stream, before).keepFor(Math.max(0, endedWallMs + settings.windowMs - clock.wallMs()));
  }

  #open(stream: LiveStream, before: StreamBefore | undefined): Channel {
    const { settings, clock, log, nextEpoch, keeping } = this.#options;
    const { path } = stream;
    const epoch = before?.epoch ?? nextEpoch();
    const keeper = before?.keeper ?? keeping?.keeper(path, epoch);
    const packager = new Packager({
      path,
      epoch,
      settings,
      clock,
      log,
      ...(keeper === undefined ? {} : { keeper }),
      ...(before === undefined ? {} : { before: before.packaging }),
    });
    const channel = new Channel(
      { stream, packager, keeper, publication: before?.publication, clock },
      settings.windowMs,
      () => {
        channel.close();
        if (this.#channels.get(path) === channel) this.#channels.delete(path);
      },
    );
    this.#channels.set(path, channel);
    return channel;
  }
}

interface ChannelParts {
  readonly stream: LiveStream;
  readonly packager: Packager;
  readonly keeper: StreamKeeper | undefined;
  readonly publication: KnownPublication | undefined;
  readonly clock: Clock;
}

/** This turn of the event loop may be past its reading. */
async function afterReading(): Promise<void> {
  await setImmediate();
  await setImmediate();
}

class Channel implements LiveChannel, StreamSubscriber {
  readonly stream: LiveStream;
  readonly packager: Packager;
  readonly #keeper: StreamKeeper | undefined;
  readonly #clock: Clock;
  readonly #keptMs: number;
  readonly #onGone: () => void;
  #publication: KnownPublication | undefined;
  #unsubscribe: (() => void)[] = [];
  #removal: Timer | undefined;

  /** Viewers get it for `keptMs` after its end; then `onGone` is called. */
  constructor({ stream, packager, keeper, publication, clock }: ChannelParts, keptMs: number, onGone: () => void) {
    this.stream = stream;
    this.packager = packager;
    this.#keeper = keeper;
    this.#publication = publication;
    this.#clock = clock;
    this.#keptMs = keptMs;
    this.#onGone = onGone;
  }

  get publication(): KnownPublication | undefined {
    // The encoder may tell its name late, so the stream is asked as long as it knows.
    const { publication } = this.stream;
    if (publication?.isSlate !== true) this.#publication = publication ?? this.#publication;
    return this.#publication;
  }

  watched(waits: boolean): Promise<void> | undefined {
    return this.packager.watched(waits) && this.stream.readNow() ? afterReading() : undefined;
  }

  follow(addRenditions: LiveChannelsOptions['addRenditions']): void {
    const stopAdding = addRenditions?.(this.packager) ?? (() => {});
    this.#unsubscribe = [stopAdding, this.stream.subscribe(this.packager), this.stream.subscribe(this)];
  }

  keepFor(delayMs: number): void {
    this.#removal = this.#clock.after(delayMs, () => {
      this.discard();
      this.#onGone();
    });
  }

  /** What is kept for a restart stays. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#removal?.cancel();
    this.#keeper?.onClose(this.packager.state);
    this.packager.changes.close();
    this.packager.keys?.close();
  }

  /** Another life of the stream takes its place. */
  discard(): void {
    this.close();
    this.#keeper?.discard();
  }

  onPublisherStart(): void {
    this.#notePublication();
  }

  onTrackConfig(): void {
    this.#notePublication();
  }

  onColorInfo(): void {}

  onAccessUnit(): void {}

  onData(): void {}

  onPublisherStop(): void {}

  patienceMs(): number {
    return Infinity;
  }

  onEnd(): void {
    this.keepFor(this.#keptMs);
  }

  #notePublication(): void {
    const { publication } = this;
    if (publication !== undefined) this.#keeper?.publishedBy(publication);
  }
}
