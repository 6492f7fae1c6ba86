/**
 * By which rules a behaviour's answers are kept. `standards`: RFC 9111 to the letter. `cloudfront`: what the operator of
 * a CDN expects: the distribution bounds what the origin says, and viewers have no say.
 */
export type CachePolicy = StandardsPolicy | CloudFrontPolicy;

export interface StandardsPolicy {
  readonly name: 'standards';
  /** How long past its freshness an answer may stand in for an origin that cannot be reached, unless the origin says. */
  readonly maxStaleMs: number;
}

export interface CloudFrontPolicy {
  readonly name: 'cloudfront';
  /** Cached at least this long, whatever the origin says. */
  readonly minTtlMs: number;
  /** Cached this long when the origin says nothing. */
  readonly defaultTtlMs: number;
  /** Cached at most this long, whatever the origin says. */
  readonly maxTtlMs: number;
  /** How long past its freshness an answer may stand in for an origin that fails, unless the origin says. */
  readonly maxStaleMs: number;
  readonly errorTtl: ErrorTtl;
}

/** Errors are cached at least this long (CloudFront's error caching minimum TTL). */
export interface ErrorTtl {
  readonly otherwiseMs: number;
  readonly byStatusMs: ReadonlyMap<number, number>;
}

/** So that a failing origin gets a moment's rest between two viewers; there is no answer of its whose age could count. */
const restMs = 1_000;

/** How long an origin that failed is not asked again for the same, when the failure comes down to this status. */
export function failureRestMs(policy: CachePolicy, status: number): number {
  return policy.name === 'standards' ? restMs : errorTtlMs(policy.errorTtl, status);
}

export function errorTtlMs({ otherwiseMs, byStatusMs }: ErrorTtl, status: number): number {
  return byStatusMs.get(status) ?? otherwiseMs;
}

/** Statuses that may be cached when the origin says nothing about time (RFC 9110 §15.1). */
const heuristicallyCacheable = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);

export function isHeuristicallyCacheable(status: number): boolean {
  return heuristicallyCacheable.has(status);
}
