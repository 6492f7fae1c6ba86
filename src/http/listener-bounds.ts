import type { IncomingMessage } from 'node:http';

/** Bytes of a request target; a longer one is refused (CloudFront's bound). */
export const maxTargetBytes = 8_192;

export function hasLongTarget({ url = '' }: Pick<IncomingMessage, 'url'>): boolean {
  return url.length > maxTargetBytes;
}

/** Bytes of request line and fields together; more is answered 431 (CloudFront's bound). */
export const maxHeadBytes = 20_480;

/** How long a listener waits for what. */
export interface HttpDeadlines {
  /** A request head must be there this long after its first byte, and the first one after the connection, else 408. */
  readonly headMs: number;
  /** A request body must be there this long after the request began, else 408; 0: whoever reads bodies sees to them. */
  readonly requestMs: number;
  /** How long a connection may stay without a request. */
  readonly keepAliveMs: number;
  /** A connection on which not a byte moves for this long is closed: the peer reads nothing, or is gone. */
  readonly silenceMs: number;
}

export const defaultDeadlines: HttpDeadlines = {
  headMs: 10_000,
  requestMs: 300_000,
  keepAliveMs: 65_000,
  silenceMs: 120_000,
};

/** How often deadlines are looked at: each is met this much late at most. */
export function sweepIntervalMs(deadlines: HttpDeadlines): number {
  const { headMs, requestMs, keepAliveMs } = deadlines;
  return Math.min(2_000, Math.ceil(Math.min(headMs, requestMs || headMs, keepAliveMs) / 4));
}
