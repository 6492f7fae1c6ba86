import { type CacheControl, noCacheControl } from './cache-control.ts';
import { parseDeltaSeconds } from './delta-seconds.ts';
import { splitList, trimOws } from './list.ts';

/**
 * Surrogate-Control (Edge Architecture Specification 1.0, §2.2): `max-age=N`, `max-age=N+M` for M seconds in which it may
 * be given stale, and `no-store`. What is for a surrogate of a certain name (`…;name`) is for another one. `undefined` when
 * nothing of that is said: then the other fields count. An age that is no number is 0, of several the smallest counts.
 */
export function parseSurrogateControl(value: string): CacheControl | undefined {
  let lifetimeSeconds: number | undefined;
  let extensionSeconds: number | undefined;
  let noStore = false;
  for (const member of splitList(value)) {
    const [directive = '', ...surrogates] = member.split(';').map(trimOws);
    if (surrogates.length > 0) continue;
    const maxAge = /^max-age(?:=([^+]*)(?:\+(.*))?)?$/i.exec(directive);
    if (maxAge !== null) {
      const [, lifetime = '', extension] = maxAge;
      const seconds = parseDeltaSeconds(lifetime) ?? 0;
      if (lifetimeSeconds === undefined || seconds < lifetimeSeconds) {
        lifetimeSeconds = seconds;
        extensionSeconds = extension === undefined ? undefined : (parseDeltaSeconds(extension) ?? 0);
      }
    } else if (/^no-store(?:-remote)?$/i.test(directive)) {
      noStore = true;
    }
  }
  if (lifetimeSeconds === undefined && !noStore) return undefined;
  return {
    ...noCacheControl,
    noStore,
    maxAgeSeconds: lifetimeSeconds,
    staleWhileRevalidateSeconds: extensionSeconds,
    staleIfErrorSeconds: extensionSeconds,
  };
}
