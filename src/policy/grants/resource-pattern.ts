import type { Matcher } from '../behaviour-match.ts';

/** One character of a pattern, or a run of any. `\?` is a question mark that stands for itself. */
type Token = { readonly kind: 'run' | 'any' } | { readonly kind: 'char'; readonly char: string };

/**
 * Compiles the `Resource` of a custom policy: `*` is any run of characters, `?` exactly one, `\?` a question mark. A run
 * stays within protocol, host, path or query, but one that ends the pattern covers all that follows. An unescaped `?`
 * may be the question mark of the query too: signers write the URL as it is. The time of a match grows with pattern
 * length × length of the text at most.
 */
export function compileResourcePattern(pattern: string): Matcher {
  const firstWildcard = pattern.search(/[*?\\]/);
  if (firstWildcard === -1) return (text) => text === pattern;
  if (firstWildcard === pattern.length - 1 && pattern.endsWith('*')) {
    const prefix = pattern.slice(0, -1);
    return (text) => text.startsWith(prefix);
  }
  const plain = pattern.slice(0, firstWildcard);
  const tokens = tokensOf(pattern.slice(firstWildcard));
  // Most of what is asked for differs behind the first wildcard, if at all.
  return (text) => text.startsWith(plain) && matches(tokens, text, plain.length);
}

function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i] ?? '';
    if (char === '\\' && pattern[i + 1] === '?') {
      tokens.push({ kind: 'char', char: '?' });
      i++;
    } else if (char === '*') {
      if (tokens.at(-1)?.kind !== 'run') tokens.push({ kind: 'run' });
    } else {
      tokens.push(char === '?' ? { kind: 'any' } : { kind: 'char', char });
    }
  }
  return tokens;
}

/** Where in the pattern one may be is known for each character: there is nothing to go back to. */
function matches(tokens: readonly Token[], text: string, from: number): boolean {
  const { hostAt, pathAt, queryAt } = partsOf(text);
  let places = reached(tokens, [0]);
  for (let i = from; i < text.length && places.length > 0; i++) {
    const char = text[i];
    const ends = (i >= hostAt - 3 && i < hostAt) || i === pathAt || i === queryAt;
    const next: number[] = [];
    for (const place of places) {
      const token = tokens[place];
      if (token?.kind === 'run') {
        if (!ends || place === tokens.length - 1) next.push(place);
      } else if (token?.kind === 'any') {
        if (!ends || i === queryAt) next.push(place + 1);
      } else if (token?.kind === 'char' && token.char === char) {
        next.push(place + 1);
      }
    }
    places = reached(tokens, next);
  }
  return places.includes(tokens.length);
}

/** A run may be empty. */
function reached(tokens: readonly Token[], places: readonly number[]): number[] {
  const all = new Set<number>();
  for (let place of places) {
    all.add(place);
    while (tokens[place]?.kind === 'run') all.add(++place);
  }
  return [...all];
}

/** Where host, path and query of a URL begin, the latter two with their `/` and `?`; what is none is all path. */
function partsOf(text: string): { hostAt: number; pathAt: number; queryAt: number } {
  const queryAt = text.indexOf('?');
  const protocol = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.exec(text)?.[0];
  if (protocol === undefined) return { hostAt: 0, pathAt: -1, queryAt };
  return { hostAt: protocol.length, pathAt: text.indexOf('/', protocol.length), queryAt };
}
