/** One cache's member of Cache-Status (RFC 9211 §2). */
export type CacheStatus =
  | {
      readonly kind: 'hit';
      readonly ttlSeconds: number;
      /** Why something stale would do (§2.8). */
      readonly detail?: string;
    }
  /** The cache has made the answer itself, and neither looked for one nor asked for one. */
  | { readonly kind: 'own'; readonly detail: string }
  | {
      readonly kind: 'forward';
      /** Why the request went forward (§2.2). */
      readonly reason: 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial';
      /** The status the origin answered with, if it did (§2.3). */
      readonly status?: number;
      readonly ttlSeconds?: number;
      readonly stored?: boolean;
      /** The request was answered by one that was already on its way (§2.6). */
      readonly collapsed?: boolean;
      /** Such as an error's code (§2.8). */
      readonly detail?: string;
    };

/** `cacheName` and `detail` must be tokens that begin with a letter (RFC 9651 §3.3.4). */
export function formatCacheStatus(cacheName: string, status: CacheStatus): string {
  if (status.kind === 'hit') {
    const hit = `${cacheName}; hit; ttl=${status.ttlSeconds}`;
    return status.detail === undefined ? hit : `${hit}; detail=${status.detail}`;
  }
  if (status.kind === 'own') return `${cacheName}; detail=${status.detail}`;
  const parts = [cacheName, `fwd=${status.reason}`];
  if (status.status !== undefined) parts.push(`fwd-status=${status.status}`);
  if (status.ttlSeconds !== undefined) parts.push(`ttl=${status.ttlSeconds}`);
  if (status.stored === true) parts.push('stored');
  if (status.collapsed === true) parts.push('collapsed');
  if (status.detail !== undefined) parts.push(`detail=${status.detail}`);
  return parts.join('; ');
}
