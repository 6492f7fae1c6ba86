import { fieldValues } from '../formats/http-fields/field-lines.ts';
import { parseVary } from '../formats/http-fields/vary.ts';
import { type CachePolicy, type CloudFrontPolicy, isHeuristicallyCacheable } from './cache-policy.ts';
import { explicitLifetimeMs } from './freshness.ts';
import type { JudgedResponse } from './response-directives.ts';

/** What may be done with a response beyond giving it to the viewer who asked. */
export type Storability =
  /** It may be kept; whoever waits for it gets it too, and later requests as long as it is fresh. */
  | { readonly kind: 'store' }
  /** It may be kept, but everybody else must have it confirmed first (RFC 9111 §5.2.2.4; or stale as it came). */
  | { readonly kind: 'store-unshared' }
  /** Nothing forbids that those who are waiting for it share it, but it is not kept. */
  | { readonly kind: 'share'; readonly reason: 'no-lifetime' }
  /** It is for one viewer; everybody else must ask for themselves. */
  | { readonly kind: 'private'; readonly reason: PrivateReason };

/** Why an answer is kept from others, as `detail` of Cache-Status says it. */
export type PrivateReason =
  | 'set-cookie'
  | 'no-store'
  | 'no-cache'
  | 'private'
  | 'authorization'
  | 'vary-any'
  | 'partial'
  | 'not-modified'
  | 'must-understand'
  | 'no-lifetime';

/** Statuses of RFC 9110 §15 that ask for something else than to be given again as they are. */
const notUnderstood = new Set([101, 206, 304, 306, 416]);

/** Whether this edge knows the caching rules of a status, so that `must-understand` may override `no-store` (RFC 9111 §5.2.2.3). */
function isUnderstood(status: number): boolean {
  const known =
    (status >= 200 && status <= 206) ||
    (status >= 300 && status <= 308) ||
    (status >= 400 && status <= 417) ||
    [421, 422, 426].includes(status) ||
    (status >= 500 && status <= 505);
  return known && !notUnderstood.has(status);
}

/**
 * Whether a response to a GET may be stored by this shared cache (RFC 9111 §3). `response` is without the fields that
 * a qualified directive keeps back (`sharedFields`).
 */
export function storability(
  response: JudgedResponse,
  context: {
    readonly policy: CachePolicy;
    /** Whether the request went to the origin with an Authorization field. */
    readonly authorized: boolean;
    readonly receivedWallMs: number;
  },
): Storability {
  const { status, fields, directives } = response;
  const { cacheControl } = directives;
  const { policy } = context;
  // A part of something, and an answer to a question that was not asked: neither is an answer to a plain GET.
  if (status === 206 || status === 416) return keptPrivate('partial');
  if (status === 304 || status < 200) return keptPrivate('not-modified');
  // RFC 9111 §7.3 lets a cache share a Set-Cookie. It hands one viewer's session to all: here it stays private.
  if (fieldValues(fields, 'set-cookie').length > 0) return keptPrivate('set-cookie');
  if (parseVary(fieldValues(fields, 'vary')) === 'any') return keptPrivate('vary-any');
  // RFC 9111 §3.5.
  const mayShareAuthorized =
    cacheControl.public || cacheControl.mustRevalidate || cacheControl.sMaxageSeconds !== undefined;
  if (context.authorized && !mayShareAuthorized) return keptPrivate('authorization');
  if (cacheControl.mustUnderstand && !isUnderstood(status)) return keptPrivate('must-understand');
  return policy.name === 'standards'
    ? standardsStorability(response, context.receivedWallMs)
    : cloudFrontStorability(response, context.receivedWallMs, policy);
}

function standardsStorability(response: JudgedResponse, receivedWallMs: number): Storability {
  const { status, directives } = response;
  const { cacheControl } = directives;
  if (cacheControl.noStore && !cacheControl.mustUnderstand) return keptPrivate('no-store');
  if (cacheControl.private) return keptPrivate('private');
  if (cacheControl.noCache) return { kind: 'store-unshared' };
  const explicit = explicitLifetimeMs(response, receivedWallMs) !== undefined;
  const kept = explicit || cacheControl.public || isHeuristicallyCacheable(status);
  if (kept) return { kind: 'store' };
  // To the letter nobody may share what may not be stored. But a server that fails is not helped by all who wait for it
  // asking one after the other, and what it says when it fails is for nobody in particular.
  return status >= 500 ? { kind: 'share', reason: 'no-lifetime' } : keptPrivate('no-lifetime');
}

/** Errors that CloudFront caches whatever the origin says about time; all others only when it says something. */
const alwaysCachedErrors = new Set([404, 414, 500, 501, 502, 503, 504]);

function cloudFrontStorability(
  response: JudgedResponse,
  receivedWallMs: number,
  { minTtlMs }: CloudFrontPolicy,
): Storability {
  const { status, directives } = response;
  const { cacheControl } = directives;
  // With a minimum TTL the operator overrules these three, errors apart: those say who may see what.
  if (minTtlMs === 0 || status >= 400) {
    if (cacheControl.noStore && !cacheControl.mustUnderstand) return keptPrivate('no-store');
    if (cacheControl.private) return keptPrivate('private');
    if (cacheControl.noCache) return keptPrivate('no-cache');
  }
  const explicitMs = explicitLifetimeMs(response, receivedWallMs);
  const kept =
    (explicitMs ?? 0) > 0 || (status < 400 ? isHeuristicallyCacheable(status) : alwaysCachedErrors.has(status));
  return kept ? { kind: 'store' } : { kind: 'share', reason: 'no-lifetime' };
}

function keptPrivate(reason: PrivateReason): Storability {
  return { kind: 'private', reason };
}
