import type { RequestCacheControl } from '../formats/http-fields/request-cache-control.ts';
import type { Freshness, FreshnessFacts } from './freshness.ts';

/** What a stored response is for a request. */
export type StoredUse =
  | 'as-it-is'
  /** To be confirmed, since its time is over. */
  | 'stale'
  /** To be confirmed, since the request wants a better one than is held (RFC 9111 §5.2.1). */
  | 'not-good-enough';

/** `wants`: `undefined` where requests have no say. */
export function storedUse(state: Freshness, facts: FreshnessFacts, wants: RequestCacheControl | undefined): StoredUse {
  if (wants === undefined) return state.kind === 'fresh' ? 'as-it-is' : 'stale';
  if (wants.noCache) return 'not-good-enough';
  const { maxAgeSeconds, maxStaleSeconds, minFreshSeconds } = wants;
  // Age is told in whole seconds; who asks for an age of 0 does not mean the first second of it.
  const tooOld =
    maxAgeSeconds !== undefined &&
    (maxAgeSeconds === 0 || Math.floor(state.ageMs / 1_000) > maxAgeSeconds) &&
    maxStaleSeconds === undefined;
  if (state.kind === 'fresh') {
    const tooShort = minFreshSeconds !== undefined && state.remainingMs < minFreshSeconds * 1_000;
    return tooOld || tooShort ? 'not-good-enough' : 'as-it-is';
  }
  const staleWillDo =
    maxStaleSeconds !== undefined &&
    minFreshSeconds === undefined &&
    !facts.neverStale &&
    state.staleForMs <= maxStaleSeconds * 1_000;
  if (staleWillDo) return 'as-it-is';
  return tooOld || minFreshSeconds !== undefined ? 'not-good-enough' : 'stale';
}

/** Whether a request would rather have an error than something stale (RFC 9111 §5.2.1.4). */
export function insists(wants: RequestCacheControl | undefined): boolean {
  return wants?.noCache === true || wants?.maxAgeSeconds === 0;
}
