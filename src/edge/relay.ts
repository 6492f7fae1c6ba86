import type { LiveAdmission, PlayRefused, PlayRequest } from '../live/play-gate.ts';
import { RecentRefusals } from './recent-refusals.ts';
import type { RelayOptions } from './relay-options.ts';
import { RelayedStream, type RelayedStreamStats } from './relayed-stream.ts';
import type { RoutedStream, Unrouted } from './streaming-routes.ts';

export interface RelayStats {
  /** Those that are fetched now. */
  readonly streams: readonly RelayedStreamStats[];
}

/**
 * Gives the viewers of an edge their live streams: each is fetched from its origin group once, on first demand, for all
 * of them, whatever protocol they speak. Those whose encoder publishes through this very edge too: what viewers see is
 * what the origin has, so that a takeover, an encoder that comes back or an origin that refuses is decided in one place
 * and looks the same everywhere, at the price of one way to the origin and back.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #streams = new Map<string, RelayedStream>();
  readonly #recentRefusals: RecentRefusals;
  #closed = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#recentRefusals = new RecentRefusals(options.clock);
  }

  stats(): RelayStats {
    return { streams: [...this.#streams.values()].map((stream) => stream.stats()) };
  }

  /** As `PlayGate.admit`, when it is known what is asked for. */
  async admit(routed: RoutedStream, request: PlayRequest, signal: AbortSignal): Promise<LiveAdmission | PlayRefused> {
    const key = `${routed.behaviour.id}/${routed.path}`;
    const running = this.#streams.get(key);
    const recent = running === undefined ? this.#recentRefusals.get(key) : undefined;
    if (recent !== undefined) return recent;
    if (running === undefined && (this.#closed || this.#streams.size >= this.#options.maxLiveStreams)) {
      return this.#closed ? closing : this.#full();
    }
    const stream = running ?? this.#start(key, { routed, via: request.via ?? [] });
    const leave = stream.join();
    try {
      const refusal = await stream.firstAnswer(signal);
      if (refusal === undefined) return { kind: 'live', path: routed.path, stream: stream.stream, release: leave };
      leave();
      this.#recentRefusals.set(key, refusal);
      return refusal;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Ends every stream. Nobody is admitted any more. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#streams.values()) stream.close();
  }

  #start(key: string, what: Pick<ConstructorParameters<typeof RelayedStream>[0], 'routed' | 'via'>): RelayedStream {
    const started = new RelayedStream({
      ...this.#options,
      ...what,
      onEnded: (ended) => {
        if (this.#streams.get(key) === ended) this.#streams.delete(key);
      },
    });
    this.#streams.set(key, started);
    return started;
  }

  #full(): PlayRefused {
    const { maxLiveStreams } = this.#options;
    return {
      kind: 'refused',
      statusCode: 'NetStream.Play.Failed',
      code: 'PLAY_TOO_MANY_STREAMS',
      sentence: `this edge fetches ${maxLiveStreams} streams already (setting edge.maxLiveStreams)`,
    };
  }
}

const closing: PlayRefused = {
  kind: 'refused',
  statusCode: 'NetStream.Play.Failed',
  code: 'RELAY_CLOSED',
  sentence: 'this edge is closing',
};

const relayCodes = {
  DistributionNotFound: 'RELAY_DISTRIBUTION_NOT_FOUND',
  DistributionTypeMismatch: 'RELAY_DISTRIBUTION_TYPE_MISMATCH',
  InvalidInstance: 'RELAY_INVALID_INSTANCE',
  InvalidURI: 'RELAY_INVALID_URI',
} as const satisfies Record<Unrouted['code'], string>;

/** What the log calls what CloudFront had another name for. */
export function relayCode(code: Unrouted['code']): string {
  return relayCodes[code];
}
