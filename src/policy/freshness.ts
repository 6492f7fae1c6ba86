import { type FieldLines, fieldValues } from '../formats/http-fields/field-lines.ts';
import { parseHttpDate } from '../formats/http-fields/http-date.ts';
import { initialAgeMs, type ResponseTiming } from './age.ts';
import { type CachePolicy, type CloudFrontPolicy, errorTtlMs, isHeuristicallyCacheable } from './cache-policy.ts';
import type { JudgedResponse, ResponseDirectives } from './response-directives.ts';

/** All that freshness needs to know of a stored response. */
export interface FreshnessFacts {
  /** Monotonic. */
  readonly receivedMs: number;
  /** corrected_initial_age of RFC 9111 §4.2.3. */
  readonly initialAgeMs: number;
  /** freshness_lifetime of RFC 9111 §4.2.1, by the behaviour's policy; 0 for what must always be confirmed. */
  readonly lifetimeMs: number;
  /** How long past its freshness it may be served when the origin answers 5xx; 0 forbids. */
  readonly staleOnErrorMs: number;
  /** How long past its freshness it may be served when the origin cannot be reached; 0 forbids. */
  readonly staleOnDisconnectMs: number;
  /** How long past its freshness it may be served while it is being revalidated (RFC 5861 §3). */
  readonly staleWhileRevalidateMs: number;
  /** A request may not ask for it stale either (RFC 9111 §4.2.4). */
  readonly neverStale: boolean;
}

export type Freshness =
  | { readonly kind: 'fresh'; readonly ageMs: number; readonly remainingMs: number }
  | {
      readonly kind: 'stale';
      readonly ageMs: number;
      readonly staleForMs: number;
      readonly mayServeOnError: boolean;
      readonly mayServeOnDisconnect: boolean;
      readonly mayServeWhileRevalidating: boolean;
    };

/** Whether a stored response may be used as it is (RFC 9111 §4.2). `nowMs` is of the clock that `receivedMs` is of. */
export function freshness(facts: FreshnessFacts, nowMs: number): Freshness {
  const ageMs = facts.initialAgeMs + (nowMs - facts.receivedMs);
  const remainingMs = facts.lifetimeMs - ageMs;
  if (remainingMs > 0) return { kind: 'fresh', ageMs, remainingMs };
  const staleForMs = ageMs - facts.lifetimeMs;
  return {
    kind: 'stale',
    ageMs,
    staleForMs,
    mayServeOnError: staleForMs < facts.staleOnErrorMs,
    mayServeOnDisconnect: staleForMs < facts.staleOnDisconnectMs,
    mayServeWhileRevalidating: staleForMs < facts.staleWhileRevalidateMs,
  };
}

/** What a response's fields, its arrival and the behaviour's policy say about time. */
export function freshnessFacts(response: JudgedResponse, timing: ResponseTiming, policy: CachePolicy): FreshnessFacts {
  const { directives, fields, status } = response;
  const neverStale = forbidsStale(directives);
  const { staleIfErrorSeconds, staleWhileRevalidateSeconds } = directives.cacheControl;
  const saidMs = staleIfErrorSeconds === undefined ? undefined : staleIfErrorSeconds * 1_000;
  // By the RFCs a 5xx is an answer like any other unless stale-if-error says otherwise; CloudFront prefers what it has.
  const onErrorMs = saidMs ?? (policy.name === 'standards' ? 0 : policy.maxStaleMs);
  // An old error is no better than a new one.
  const mayStandIn = !neverStale && (policy.name === 'standards' || status < 400);
  return {
    receivedMs: timing.receivedMonotonicMs,
    initialAgeMs: initialAgeMs(fields, timing, policy),
    lifetimeMs:
      policy.name === 'standards'
        ? standardsLifetimeMs(response, timing.receivedWallMs)
        : cloudFrontLifetimeMs(response, timing.receivedWallMs, policy),
    staleOnErrorMs: mayStandIn ? onErrorMs : 0,
    staleOnDisconnectMs: mayStandIn ? (saidMs ?? policy.maxStaleMs) : 0,
    staleWhileRevalidateMs: neverStale ? 0 : (staleWhileRevalidateSeconds ?? 0) * 1_000,
    neverStale,
  };
}

/** s-maxage, else max-age, else Expires − Date (RFC 9111 §4.2.1); `undefined` when the origin says nothing. */
export function explicitLifetimeMs({ fields, directives }: JudgedResponse, receivedWallMs: number): number | undefined {
  const seconds = directives.cacheControl.sMaxageSeconds ?? directives.cacheControl.maxAgeSeconds;
  if (seconds !== undefined) return seconds * 1_000;
  const expires = directives.targeted ? [] : fieldValues(fields, 'expires');
  if (expires.length === 0) return undefined;
  // RFC 9111 §5.3: what is no date, `0` above all, has expired; so has what is said twice.
  const expiresMs = expires.length === 1 ? parseHttpDate(expires[0] ?? '', receivedWallMs) : undefined;
  return expiresMs === undefined ? 0 : Math.max(0, expiresMs - dateMs(fields, receivedWallMs));
}

function standardsLifetimeMs(response: JudgedResponse, receivedWallMs: number): number {
  if (response.directives.cacheControl.noCache) return 0;
  return explicitLifetimeMs(response, receivedWallMs) ?? heuristicLifetimeMs(response, receivedWallMs);
}

/** A tenth of the time for which it had not been changed when it was sent (RFC 9111 §4.2.2). */
function heuristicLifetimeMs({ status, fields, directives }: JudgedResponse, receivedWallMs: number): number {
  if (!isHeuristicallyCacheable(status) && !directives.cacheControl.public) return 0;
  const modifiedMs = parseHttpDate(fieldValues(fields, 'last-modified')[0] ?? '', receivedWallMs);
  return modifiedMs === undefined ? 0 : Math.max(0, dateMs(fields, receivedWallMs) - modifiedMs) / 10;
}

function dateMs(fields: FieldLines, receivedWallMs: number): number {
  return parseHttpDate(fieldValues(fields, 'date')[0] ?? '', receivedWallMs) ?? receivedWallMs;
}

/**
 * The origin's word within [min, max]; without one max(min, default); the minimum for what must not be cached (with a
 * minimum of 0 it is not). Errors: at least the error TTL, longer only if the origin says so.
 */
function cloudFrontLifetimeMs(response: JudgedResponse, receivedWallMs: number, policy: CloudFrontPolicy): number {
  const explicitMs = explicitLifetimeMs(response, receivedWallMs);
  if (response.status >= 400) {
    return Math.max(errorTtlMs(policy.errorTtl, response.status), Math.min(explicitMs ?? 0, policy.maxTtlMs));
  }
  const { noCache, noStore, private: isPrivate } = response.directives.cacheControl;
  if (noCache || noStore || isPrivate) return policy.minTtlMs;
  // What is not kept for want of a word of the origin is not fresh for anybody either (`storability.ts`).
  if (explicitMs === undefined && !isHeuristicallyCacheable(response.status)) return 0;
  if (explicitMs === undefined) return Math.max(policy.minTtlMs, policy.defaultTtlMs);
  return Math.max(policy.minTtlMs, Math.min(explicitMs, policy.maxTtlMs));
}

/** RFC 9111 §4.2.4: these forbid any stale answer. s-maxage has the meaning of proxy-revalidate (§5.2.2.10). */
function forbidsStale({ cacheControl }: ResponseDirectives): boolean {
  return (
    cacheControl.mustRevalidate ||
    cacheControl.proxyRevalidate ||
    cacheControl.sMaxageSeconds !== undefined ||
    cacheControl.noCache
  );
}
