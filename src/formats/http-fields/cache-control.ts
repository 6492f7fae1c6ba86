import { parseDeltaSeconds } from './delta-seconds.ts';
import { isToken, splitList, unquote } from './list.ts';

/** The Cache-Control of a response, as far as a shared cache cares (RFC 9111 §5.2.2, RFC 5861, RFC 8246). */
export interface CacheControl {
  readonly maxAgeSeconds: number | undefined;
  readonly sMaxageSeconds: number | undefined;
  readonly staleWhileRevalidateSeconds: number | undefined;
  readonly staleIfErrorSeconds: number | undefined;
  readonly noStore: boolean;
  /** `no-cache` without field names. */
  readonly noCache: boolean;
  /** The fields of `no-cache="…"`, in lower case. */
  readonly noCacheFields: readonly string[];
  /** `private` without field names. */
  readonly private: boolean;
  /** The fields of `private="…"`, in lower case. */
  readonly privateFields: readonly string[];
  readonly public: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly immutable: boolean;
}

/** Nothing said. */
export const noCacheControl: CacheControl = {
  maxAgeSeconds: undefined,
  sMaxageSeconds: undefined,
  staleWhileRevalidateSeconds: undefined,
  staleIfErrorSeconds: undefined,
  noStore: false,
  noCache: false,
  noCacheFields: [],
  private: false,
  privateFields: [],
  public: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  immutable: false,
};

/**
 * Parses all Cache-Control lines of a response. Names are case-insensitive, values may be tokens or quoted strings.
 * What cannot be understood is taken as strictly as it can be meant: an age that is no number is 0, of duplicates
 * the smaller one counts, an unqualified directive beats a qualified one.
 */
export function parseCacheControl(values: readonly string[]): CacheControl {
  if (values.length === 0) return noCacheControl;
  const ages = new Map<string, number>();
  const flags = new Set<string>();
  const qualified = new Map<string, string[]>();

  for (const member of splitList(values.join(','))) {
    const equals = member.indexOf('=');
    const name = (equals === -1 ? member : member.slice(0, equals)).trim().toLowerCase();
    if (!isToken(name)) continue;
    const value = equals === -1 ? undefined : member.slice(equals + 1);
    if (ageDirectives.has(name)) {
      // White space around the equals sign is not in the grammar: such a value is no number.
      const wellFormed =
        value !== undefined && member.length === name.length + 1 + value.length && member[name.length] === '=';
      const seconds = wellFormed ? parseAgeArgument(value) : 0;
      ages.set(name, Math.min(seconds, ages.get(name) ?? Number.POSITIVE_INFINITY));
    } else if (qualifiableDirectives.has(name) && value !== undefined) {
      const fields = fieldNameArgument(value);
      if (fields === undefined) flags.add(name);
      else qualified.set(name, [...(qualified.get(name) ?? []), ...fields]);
    } else {
      flags.add(name);
    }
  }

  return {
    maxAgeSeconds: ages.get('max-age'),
    sMaxageSeconds: ages.get('s-maxage'),
    staleWhileRevalidateSeconds: ages.get('stale-while-revalidate'),
    staleIfErrorSeconds: ages.get('stale-if-error'),
    noStore: flags.has('no-store'),
    noCache: flags.has('no-cache'),
    noCacheFields: qualified.get('no-cache') ?? [],
    private: flags.has('private'),
    privateFields: qualified.get('private') ?? [],
    public: flags.has('public'),
    mustRevalidate: flags.has('must-revalidate'),
    proxyRevalidate: flags.has('proxy-revalidate'),
    mustUnderstand: flags.has('must-understand'),
    immutable: flags.has('immutable'),
  };
}

const ageDirectives = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error']);
const qualifiableDirectives = new Set(['no-cache', 'private']);

function parseAgeArgument(value: string): number {
  return parseDeltaSeconds(unquote(value) ?? value) ?? 0;
}

/** The field names of `="a, b"`, in lower case; `undefined` if it is not a list of names, which then means all. */
function fieldNameArgument(value: string): string[] | undefined {
  const names = splitList(unquote(value) ?? value).map((name) => name.toLowerCase());
  return names.length > 0 && names.every(isToken) ? names : undefined;
}
