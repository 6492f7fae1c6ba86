/** Whether a pattern fits a whole text. */
export type Matcher = (text: string) => boolean;

/**
 * A path pattern as CloudFront reads it: `*` is any run of characters, slashes too, `?` exactly one; case-sensitive;
 * the leading slash may be left out. The time of a match grows with pattern length × path length at most.
 */
export function compilePathPattern(pattern: string): Matcher {
  const withoutSlash = pattern.startsWith('/') ? pattern.slice(1) : pattern;
  if (withoutSlash === '*') return () => true;
  const wildcardAt = withoutSlash.search(/[*?]/);
  const whole = `/${withoutSlash}`;
  if (wildcardAt === -1) return (path) => path === whole;
  if (wildcardAt === withoutSlash.length - 1 && withoutSlash.endsWith('*')) {
    const prefix = whole.slice(0, -1);
    return (path) => path.startsWith(prefix);
  }
  return (path) => matchesWildcards(withoutSlash, path.slice(1));
}

/**
 * Walks both texts once; at a mismatch the last `*` takes one character more. Earlier stars need not be reconsidered,
 * so there is no exponential case.
 */
function matchesWildcards(pattern: string, text: string): boolean {
  let patternAt = 0;
  let textAt = 0;
  let starAt = -1;
  let starTextAt = 0;
  while (textAt < text.length) {
    const expected = pattern[patternAt];
    if (expected === '*') {
      starAt = patternAt++;
      starTextAt = textAt;
    } else if (expected === '?' || (expected !== undefined && expected === text[textAt])) {
      patternAt++;
      textAt++;
    } else if (starAt !== -1) {
      patternAt = starAt + 1;
      textAt = ++starTextAt;
    } else {
      return false;
    }
  }
  while (pattern[patternAt] === '*') patternAt++;
  return patternAt === pattern.length;
}

/** The first behaviour whose path pattern fits, `undefined` if none does. */
export function compileBehaviours<Behaviour extends { readonly path: string }>(
  behaviours: readonly Behaviour[],
): (path: string) => Behaviour | undefined {
  const compiled = behaviours.map((behaviour) => ({ behaviour, matches: compilePathPattern(behaviour.path) }));
  return (path) => {
    for (const candidate of compiled) if (candidate.matches(path)) return candidate.behaviour;
    return undefined;
  };
}

/**
 * The distribution that answers for a host: one that names it, else the one with the longest `*.domain` above it,
 * else the one with `*`. Case and port do not count. Of two that claim the same host, the first.
 */
export function compileHosts<Distribution extends { readonly hosts: readonly string[] }>(
  distributions: readonly Distribution[],
): (host: string) => Distribution | undefined {
  const exact = new Map<string, Distribution>();
  const below = new Map<string, Distribution>();
  let any: Distribution | undefined;
  for (const distribution of distributions) {
    for (const written of distribution.hosts) {
      const host = written.toLowerCase();
      if (host === '*') any ??= distribution;
      else if (host.startsWith('*.')) setIfAbsent(below, host.slice(2), distribution);
      else setIfAbsent(exact, host, distribution);
    }
  }
  if (exact.size === 0 && below.size === 0) return () => any;
  return (hostField) => {
    const host = hostName(hostField);
    const named = exact.get(host);
    if (named !== undefined) return named;
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const parent = below.get(host.slice(dot + 1));
      if (parent !== undefined) return parent;
    }
    return any;
  };
}

function setIfAbsent<Value>(map: Map<string, Value>, name: string, value: Value): void {
  if (!map.has(name)) map.set(name, value);
}

/** Without port and without the dot of a fully qualified name, in lower case. An IPv6 address keeps its brackets. */
function hostName(hostField: string): string {
  return hostField.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
}
