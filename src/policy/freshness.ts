import { parseAgeSeconds } from '../formats/http-fields/age.ts';
import type { CacheControl } from '../formats/http-fields/cache-control.ts';
import { type FieldLines, fieldValues } from '../formats/http-fields/field-lines.ts';
import { parseHttpDate } from '../formats/http-fields/http-date.ts';

/** What a behaviour says about time. */
export interface TtlSettings {
  /** Cached at least this long, whatever the origin says. */
  readonly minTtlMs: number;
  /** Cached this long when the origin says nothing. */
  readonly defaultTtlMs: number;
  /** Cached at most this long, whatever the origin says. */
  readonly maxTtlMs: number;
  /** How long past its freshness an answer may stand in for an origin that fails. */
  readonly maxStaleMs: number;
}

/** Errors are cached this long at most, so that an origin that is back is seen to be back. */
export const maxErrorTtlMs = 1_000;

/** When a response came. The monotonic clock counts how long it has been here; the wall clock is only compared with its Date. */
export interface ResponseTiming {
  readonly requestedMonotonicMs: number;
  readonly receivedMonotonicMs: number;
  readonly receivedWallMs: number;
}

/** All that freshness needs to know of a stored response. */
export interface FreshnessFacts {
  /** Monotonic. */
  readonly receivedMs: number;
  /** corrected_initial_age of RFC 9111 §4.2.3. */
  readonly initialAgeMs: number;
  /** freshness_lifetime of RFC 9111 §4.2.1, within the behaviour's bounds. */
  readonly lifetimeMs: number;
  /** How long past its freshness it may be served when the origin fails; 0 forbids. */
  readonly staleOnErrorMs: number;
  /** How long past its freshness it may be served while it is being revalidated (RFC 5861 §3). */
  readonly staleWhileRevalidateMs: number;
}

export type Freshness =
  | { readonly kind: 'fresh'; readonly ageMs: number; readonly remainingMs: number }
  | {
      readonly kind: 'stale';
      readonly ageMs: number;
      readonly staleForMs: number;
      readonly mayServeOnError: boolean;
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
    mayServeWhileRevalidating: staleForMs < facts.staleWhileRevalidateMs,
  };
}

/** What a response's fields, its arrival and the behaviour say about time. */
export function freshnessFacts(
  response: { readonly status: number; readonly fields: FieldLines; readonly cacheControl: CacheControl },
  timing: ResponseTiming,
  ttl: TtlSettings,
): FreshnessFacts {
  const { cacheControl, fields, status } = response;
  return {
    receivedMs: timing.receivedMonotonicMs,
    initialAgeMs: initialAgeMs(fields, timing),
    lifetimeMs: lifetimeMs(status, explicitLifetimeMs(fields, cacheControl, timing.receivedWallMs), ttl),
    staleOnErrorMs: status >= 400 ? 0 : staleOnErrorMs(cacheControl, ttl),
    staleWhileRevalidateMs: forbidsStale(cacheControl) ? 0 : (cacheControl.staleWhileRevalidateSeconds ?? 0) * 1_000,
  };
}

/**
 * corrected_initial_age (RFC 9111 §4.2.3), with two departures, both because live playlists have lifetimes of a second.
 *
 * Date has a resolution of a second: what was cut off is not counted, or a playlist with `max-age=1` would on average
 * be stale half a second after it was made.
 *
 * The RFC adds the response delay to Age, as if the response had been made when the request left. A blocked playlist
 * reload is made at the end of its delay: counted as age, the time of waiting would make players ask ahead of the
 * live edge. Date says when the response was made, so the delay counts only where there is no Date.
 */
function initialAgeMs(fields: FieldLines, timing: ResponseTiming): number {
  const ageMs = parseAgeSeconds(fieldValues(fields, 'age')) * 1_000;
  const dateMs = parseHttpDate(fieldValues(fields, 'date')[0] ?? '', timing.receivedWallMs);
  if (dateMs === undefined) return ageMs + timing.receivedMonotonicMs - timing.requestedMonotonicMs;
  return Math.max(ageMs, timing.receivedWallMs - dateMs - 999, 0);
}

/** s-maxage, else max-age, else Expires − Date (RFC 9111 §4.2.1); `undefined` when the origin says nothing. */
export function explicitLifetimeMs(
  fields: FieldLines,
  cacheControl: CacheControl,
  receivedWallMs: number,
): number | undefined {
  const seconds = cacheControl.sMaxageSeconds ?? cacheControl.maxAgeSeconds;
  if (seconds !== undefined) return seconds * 1_000;
  const expires = fieldValues(fields, 'expires');
  if (expires.length === 0) return undefined;
  // RFC 9111 §5.3: what is no date, `0` above all, has expired; so has what is said twice.
  const expiresMs = expires.length === 1 ? parseHttpDate(expires[0] ?? '', receivedWallMs) : undefined;
  if (expiresMs === undefined) return 0;
  const dateMs = parseHttpDate(fieldValues(fields, 'date')[0] ?? '', receivedWallMs) ?? receivedWallMs;
  return Math.max(0, expiresMs - dateMs);
}

/** CloudFront's rule: the origin's word within [min, max]; without one max(min, default). */
function lifetimeMs(status: number, explicitMs: number | undefined, ttl: TtlSettings): number {
  if (status >= 400) return Math.min(explicitMs ?? maxErrorTtlMs, maxErrorTtlMs);
  if (explicitMs === undefined) return Math.max(ttl.minTtlMs, ttl.defaultTtlMs);
  return Math.max(ttl.minTtlMs, Math.min(explicitMs, ttl.maxTtlMs));
}

/** RFC 9111 §4.2.4 and §5.2.2.2: these forbid any stale answer. s-maxage has the meaning of proxy-revalidate (§5.2.2.10). */
function forbidsStale(cacheControl: CacheControl): boolean {
  return (
    cacheControl.mustRevalidate ||
    cacheControl.proxyRevalidate ||
    cacheControl.sMaxageSeconds !== undefined ||
    cacheControl.noCache ||
    cacheControl.noCacheFields.length > 0
  );
}

/** The origin's `stale-if-error` (RFC 5861 §4), else the behaviour's bound. */
function staleOnErrorMs(cacheControl: CacheControl, ttl: TtlSettings): number {
  if (forbidsStale(cacheControl)) return 0;
  const { staleIfErrorSeconds } = cacheControl;
  return staleIfErrorSeconds === undefined ? ttl.maxStaleMs : staleIfErrorSeconds * 1_000;
}
