import { parseDeltaSeconds } from './delta-seconds.ts';
import { isToken, splitList, unquote } from './list.ts';

/** What a request says about the stored answers that will do (RFC 9111 §5.2.1). */
export interface RequestCacheControl {
  /** No older than this. */
  readonly maxAgeSeconds: number | undefined;
  /** Fresh for at least this long still. */
  readonly minFreshSeconds: number | undefined;
  /** Stale by no more than this; `Infinity` for `max-stale` without an argument. */
  readonly maxStaleSeconds: number | undefined;
  readonly noCache: boolean;
  readonly noStore: boolean;
  readonly onlyIfCached: boolean;
}

/**
 * Reads Cache-Control of a request, and Pragma where there is no Cache-Control (RFC 9111 §5.4). Of duplicates, and of
 * arguments that are no number, the most restrictive meaning counts.
 */
export function parseRequestCacheControl(
  cacheControl: string | undefined,
  pragma: string | undefined,
): RequestCacheControl {
  const ages = new Map<string, number>();
  const flags = new Set<string>();
  for (const member of splitList(cacheControl ?? '')) {
    const equals = member.indexOf('=');
    const name = (equals === -1 ? member : member.slice(0, equals)).toLowerCase();
    if (!isToken(name)) continue;
    const strictest = agesWhenUnreadable.get(name);
    if (strictest === undefined) {
      flags.add(name);
      continue;
    }
    const argument = equals === -1 ? undefined : member.slice(equals + 1);
    const seconds = argument === undefined ? undefined : parseDeltaSeconds(unquote(argument) ?? argument);
    const meant = name === 'max-stale' && argument === undefined ? Number.POSITIVE_INFINITY : (seconds ?? strictest);
    const before = ages.get(name);
    const strictestOf = name === 'min-fresh' ? Math.max : Math.min;
    ages.set(name, before === undefined ? meant : strictestOf(before, meant));
  }
  const pragmaCounts = cacheControl === undefined && pragma !== undefined;
  return {
    maxAgeSeconds: ages.get('max-age'),
    minFreshSeconds: ages.get('min-fresh'),
    maxStaleSeconds: ages.get('max-stale'),
    noCache: flags.has('no-cache') || (pragmaCounts && splitList(pragma.toLowerCase()).includes('no-cache')),
    noStore: flags.has('no-store'),
    onlyIfCached: flags.has('only-if-cached'),
  };
}

/** Directives with an argument, and what one that is no number comes down to. */
const agesWhenUnreadable: ReadonlyMap<string, number> = new Map([
  ['max-age', 0],
  ['min-fresh', Number.POSITIVE_INFINITY],
  ['max-stale', 0],
]);
