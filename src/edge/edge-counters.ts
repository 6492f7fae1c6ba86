/** Counted since the start. */
export interface EdgeCounters {
  requests: number;
  /** Answered from the store, from a body that is arriving, or together with another viewer's request. */
  hits: number;
  misses: number;
  /** Answered from the store after the origin confirmed it. */
  refreshHits: number;
  /** Answered with something stale, because the origin failed or while it is asked. */
  staleHits: number;
  /** Answers that the edge gave itself: refusals, and an origin that failed. */
  errors: number;
  originRequests: number;
  originErrors: number;
}

export function zeroCounters(): EdgeCounters {
  return {
    requests: 0,
    hits: 0,
    misses: 0,
    refreshHits: 0,
    staleHits: 0,
    errors: 0,
    originRequests: 0,
    originErrors: 0,
  };
}
