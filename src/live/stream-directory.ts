import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { PublisherRole } from '../policy/publish-credentials.ts';
import { TakeoverBrake } from '../policy/takeover-brake.ts';
import { LiveStream, type Publication } from './live-stream.ts';
import type { PublicationLease } from './publication-lease.ts';
import type { Slate } from './slate.ts';
import { type BackupSettings, type PublisherState, StreamPublishers } from './stream-publishers.ts';

export interface StreamDirectoryOptions {
  readonly clock: Clock;
  /** How long a stream waits for its publisher to come back before it ends. */
  readonly reconnectGraceMs: number;
  /** Streams at once, those that wait for their publisher among them. */
  readonly maxStreams: number;
  readonly backup: BackupSettings;
  /** What plays in a stream while nobody publishes it. */
  readonly slateOf?: (path: string) => Slate | undefined;
  readonly log: Log;
}

export interface PublishOffer {
  /** `app/name`, such as `live/demo`. */
  readonly path: string;
  readonly role: PublisherRole;
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

interface Entry {
  readonly stream: LiveStream;
  readonly takeovers: TakeoverBrake;
  readonly publishers: StreamPublishers;
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

  /** A stream from before a restart: it waits for its publisher for the reconnect grace. */
  revive(path: string): void {
    if (this.#closed || this.#entries.has(path)) return;
    const entry = this.#add(path);
    entry.publishers.revive();
    this.#wait(path, entry);
  }

  /** Who publishes a stream now, the one on the air first. */
  publishersOf(path: string): readonly PublisherState[] {
    return this.#entries.get(path)?.publishers.states() ?? [];
  }

  /**
   * A stream that waits for its publisher goes on; one that has a publisher of this role changes hands at once if the
   * credential is the same, else the newcomer is refused; one that has a publisher of the other role gets a second one,
   * again for the same credential only; one that is not there comes into being. Who takes it over again and again is
   * refused too, for a while.
   */
  publish({ path, ...offer }: PublishOffer): PublishOutcome {
    const refusal = this.examine(path, offer.role, offer.credential);
    if (refusal !== undefined) return refusal;
    const entry = this.#entries.get(path) ?? this.#add(path);
    entry.graceTimer?.cancel();
    entry.graceTimer = undefined;
    if (entry.publishers.displaces(offer.role)) entry.takeovers.count(this.#options.clock.monotonicMs());
    return { kind: 'granted', lease: entry.publishers.admit(offer) };
  }

  /** Why `publish` would refuse now; `undefined` when it would not. */
  examine(path: string, role: PublisherRole, credential: string | undefined): PublicationRefused | undefined {
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
    const { publishers, takeovers } = entry;
    if (!publishers.admits(role, credential)) return refused('busy', `${path} is being published by another encoder`);
    if (!publishers.displaces(role)) return undefined;
    const quarrel = takeovers.refusal(path, clock.monotonicMs());
    return quarrel === undefined ? undefined : refused('quarrel', quarrel);
  }

  /** Slates come to their end, so that what is kept of their streams is whole. Before `close`, once nobody publishes. */
  stopSlates(): void {
    for (const { publishers } of this.#entries.values()) publishers.stopSlate();
  }

  /** Ends every stream. Nothing can be published any more. */
  close(): void {
    this.#closed = true;
    for (const [path, entry] of this.#entries) this.#end(path, entry);
    this.#listeners.clear();
  }

  #add(path: string): Entry {
    const { clock, log, backup, slateOf } = this.#options;
    const stream = new LiveStream(path);
    const entry: Entry = {
      stream,
      takeovers: new TakeoverBrake(),
      publishers: new StreamPublishers({
        stream,
        clock,
        log,
        backup,
        slate: slateOf?.(path),
        onVacant: () => this.#wait(path, entry),
      }),
      graceTimer: undefined,
    };
    this.#entries.set(path, entry);
    for (const listener of this.#listeners) listener(stream);
    return entry;
  }

  #wait(path: string, entry: Entry): void {
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
    entry.publishers.revokeAll();
    entry.stream.end();
    this.#options.log.info({ stream: path }, 'Stream ended');
  }
}
