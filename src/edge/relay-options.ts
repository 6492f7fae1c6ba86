import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';

/** What every relay of one edge shares. */
export interface RelayOptions {
  /** Names this edge towards the servers it connects to, so that a stream that comes back is noticed. */
  readonly edgeId: string;
  /** Streams that are fetched at once, and publications that are passed on at once. */
  readonly maxLiveStreams: number;
  /** Largest RTMP message taken from an origin. */
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 up to 1: spreads retries. */
  readonly random: () => number;
}

/** An origin that says nothing for this long is asked for an answer, and given up after as long again. */
export const originSilenceMs = 5_000;

/** Between attempts to reach an origin that is gone. */
export const relayRetry = { firstMs: 200, longestMs: 3_000 } as const;
