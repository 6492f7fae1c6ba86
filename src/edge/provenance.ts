import type { CacheStatus } from '../formats/http-fields/cache-status.ts';
import { freshness } from '../policy/freshness.ts';
import type { ResponseHead } from './edge-response.ts';
import type { AnsweredOutcome } from './fetch-waiters.ts';

/** How an answer came about, as `X-Cache` and `Cache-Status` tell it. */
export interface Provenance {
  readonly xCache: 'Hit' | 'Miss' | 'RefreshHit' | 'Error';
  readonly cacheStatus: CacheStatus;
}

export function hitProvenance(head: ResponseHead, ttlSeconds: number): Provenance {
  return { xCache: head.status >= 400 ? 'Error' : 'Hit', cacheStatus: { kind: 'hit', ttlSeconds } };
}

/** Whole seconds of freshness left; below zero when it is stale, as Cache-Status has it (RFC 9211 §2.4). */
export function ttlSecondsOf(head: ResponseHead, nowMs: number): number {
  const state = freshness(head.facts, nowMs);
  return Math.floor((state.kind === 'fresh' ? state.remainingMs : -state.staleForMs) / 1_000);
}

/** `first`: it was this viewer's request that the origin answered. */
function xCacheOf(head: ResponseHead, first: boolean, isConfirmed: boolean): Provenance['xCache'] {
  if (head.status >= 400) return 'Error';
  if (!first) return 'Hit';
  return isConfirmed ? 'RefreshHit' : 'Miss';
}

/** Of an answer that the origin has just given; `first`: to this viewer's request. `reason`: why it was asked. */
export function answeredProvenance(
  { kind, response, told }: AnsweredOutcome,
  { first, reason }: { readonly first: boolean; readonly reason: 'uri-miss' | 'vary-miss' | 'stale' | 'request' },
  nowMs: number,
): Provenance {
  return {
    xCache: xCacheOf(response.head, first, kind === 'confirmed'),
    cacheStatus: {
      kind: 'forward',
      reason,
      status: kind === 'confirmed' ? 304 : response.head.status,
      ttlSeconds: ttlSecondsOf(response.head, nowMs),
      stored: kind === 'slicing' || (kind === 'arriving' && response.storable),
      collapsed: !first,
      ...('reason' in told.rule ? { detail: told.rule.reason } : {}),
    },
  };
}

/** Given stale without waiting for the origin: a hit (RFC 9211 §2.1), with a ttl below zero. */
export function staleHitProvenance(head: ResponseHead, nowMs: number, detail: string): Provenance {
  return { xCache: 'Hit', cacheStatus: { kind: 'hit', ttlSeconds: ttlSecondsOf(head, nowMs), detail } };
}

/** Of a page in place of an error, however that was had. */
export function errorPageProvenance({ cacheStatus }: Provenance): Provenance {
  return { xCache: 'Error', cacheStatus: { ...cacheStatus, detail: 'ERROR_PAGE' } };
}

/** Given stale because the origin failed. */
export function staleProvenance(head: ResponseHead, nowMs: number, detail: string): Provenance {
  return {
    xCache: 'Hit',
    cacheStatus: { kind: 'forward', reason: 'stale', ttlSeconds: ttlSecondsOf(head, nowMs), detail },
  };
}
