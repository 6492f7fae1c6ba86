import type { CachePolicy } from './cache-policy.ts';

/** Which methods a behaviour answers. */
export type AllowedMethods = 'read' | 'read-options' | 'all';

/** Registered as safe (RFC 9110 §9.2.1, RFC 4918, RFC 3253, RFC 5323); all others may change something. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH', 'QUERY']);

/** What an answer to this method says of stored answers: nothing if it is safe; an unknown one is not (RFC 9111 §4.4). */
export function isSafeMethod(method: string): boolean {
  return safeMethods.has(method);
}

/** CloudFront's seven. */
const allMethods = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE'];

/**
 * These are for the server that they reach first: TRACE and CONNECT look behind the edge, PURGE and BAN are other
 * caches' ways to say what `streamfront invalidate` does, to whoever may.
 */
const neverAllowed = new Set(['TRACE', 'CONNECT', 'PURGE', 'BAN', 'REFRESH']);

export function isAllowedMethod(method: string, allowed: AllowedMethods, policy: CachePolicy['name']): boolean {
  if (method === 'GET' || method === 'HEAD') return true;
  if (method === 'OPTIONS') return allowed !== 'read';
  if (allowed !== 'all') return false;
  // A proxy passes on what it does not know (RFC 9110 §9.1); CloudFront has a list.
  return policy === 'standards' ? !neverAllowed.has(method) : allMethods.includes(method);
}

/** For `Allow` (RFC 9110 §10.2.1). OPTIONS is always answered, by the edge if not by the origin. */
export function allowedMethodsText(allowed: AllowedMethods): string {
  return allowed === 'all' ? allMethods.join(', ') : 'GET, HEAD, OPTIONS';
}
