import type { CacheControl } from '../formats/http-fields/cache-control.ts';
import { type FieldLines, fieldValues } from '../formats/http-fields/field-lines.ts';
import { parseVary } from '../formats/http-fields/vary.ts';

/** What may be done with a response beyond giving it to the viewer who asked. */
export type Storability =
  /** It may be kept and answer later requests for as long as it is fresh. */
  | { readonly kind: 'store' }
  /** Nothing forbids that those who are waiting for it share it, but it is not kept. */
  | { readonly kind: 'share' }
  /** It is for one viewer; everybody else must ask for themselves. */
  | { readonly kind: 'private'; readonly reason: PrivateReason };

export type PrivateReason =
  | 'set-cookie'
  | 'no-store'
  | 'no-cache'
  | 'private'
  | 'authorization'
  | 'vary-any'
  | 'partial'
  | 'not-modified';

/**
 * Statuses that are stored when the origin says nothing about time: those of RFC 9110 §15.1 and CloudFront's error
 * statuses. All others are stored only with an explicit lifetime.
 */
const storedByDefault = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 500, 501, 502, 503, 504]);

/** Statuses whose caching rules this edge knows, so that `must-understand` may override `no-store` (RFC 9111 §5.2.2.3). */
const understood = new Set([...storedByDefault, 302, 303, 307, 400, 403, 412, 415]);

/** Whether a response to a GET may be stored by this shared cache (RFC 9111 §3), under CloudFront's TTL rules. */
export function storability(
  response: { readonly status: number; readonly fields: FieldLines; readonly cacheControl: CacheControl },
  context: {
    /** What the origin says about time, `undefined` if nothing (see `explicitLifetimeMs`). */
    readonly explicitLifetimeMs: number | undefined;
    readonly minTtlMs: number;
    readonly defaultTtlMs: number;
    /** Whether the request went to the origin with an Authorization field. */
    readonly authorized: boolean;
  },
): Storability {
  const { status, fields, cacheControl } = response;
  // A part of something, and an answer to a question that was not asked: neither is an answer to a plain GET.
  if (status === 206 || status === 416) return { kind: 'private', reason: 'partial' };
  if (status === 304) return { kind: 'private', reason: 'not-modified' };
  // Not in the RFC: a shared Set-Cookie hands one viewer's session to all. CloudFront strips it; here it stays private.
  if (fieldValues(fields, 'set-cookie').length > 0) return { kind: 'private', reason: 'set-cookie' };
  if (parseVary(fieldValues(fields, 'vary')) === 'any') return { kind: 'private', reason: 'vary-any' };
  // RFC 9111 §3.5.
  if (
    context.authorized &&
    !(cacheControl.public || cacheControl.mustRevalidate || cacheControl.sMaxageSeconds !== undefined)
  ) {
    return { kind: 'private', reason: 'authorization' };
  }
  // CloudFront: with a minimum TTL the operator overrules these three, errors apart.
  if (context.minTtlMs === 0 || status >= 400) {
    const reason = forbidden(status, cacheControl);
    if (reason !== undefined) return { kind: 'private', reason };
  }
  const stored = storedByDefault.has(status) || (context.explicitLifetimeMs ?? context.defaultTtlMs) > 0;
  return { kind: stored && status >= 200 ? 'store' : 'share' };
}

function forbidden(status: number, cacheControl: CacheControl): PrivateReason | undefined {
  if (cacheControl.noStore && !(cacheControl.mustUnderstand && understood.has(status))) return 'no-store';
  // The qualified forms may be taken for the unqualified ones (RFC 9111 §5.2.2.4, §5.2.2.7).
  if (cacheControl.private || cacheControl.privateFields.length > 0) return 'private';
  if (cacheControl.noCache || cacheControl.noCacheFields.length > 0) return 'no-cache';
  return undefined;
}
