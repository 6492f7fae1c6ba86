import { normaliseQueryText } from './request-target.ts';

/** Which query parameters make a difference: all, none, those of these names; `exact`: all, and their order too. */
export type ChosenQuery = 'exact' | 'all' | 'none' | ReadonlySet<string>;

/** What a behaviour's `query` setting comes down to: names are compared in their normalised spelling. */
export function compileChosenQuery(setting: 'all' | 'none' | readonly string[]): ChosenQuery {
  return typeof setting === 'string' ? setting : new Set(setting.map(queryName));
}

/** A name as an operator writes it, in the spelling that a query holds after normalisation. */
function queryName(name: string): string {
  return normaliseQueryText(encodeURI(name).replaceAll(/[&=+#]/g, (char) => encodeURIComponent(char)));
}

/**
 * The chosen parameters in one spelling, sorted by name; parameters of the same name stay in their order. This is
 * what the cache key holds and what the origin gets to see: a parameter that is not in the key cannot change a
 * shared answer.
 */
export function chooseQuery(query: string, chosen: ChosenQuery): string {
  if (query === '' || chosen === 'none') return '';
  if (chosen === 'exact') return query.split('&').map(normaliseQueryText).join('&');
  const parameters: { name: string; text: string }[] = [];
  for (const part of query.split('&')) {
    if (part === '') continue;
    const text = normaliseQueryText(part);
    const equals = text.indexOf('=');
    const name = equals === -1 ? text : text.slice(0, equals);
    if (chosen === 'all' || chosen.has(name)) parameters.push({ name, text });
  }
  parameters.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return parameters.map(({ text }) => text).join('&');
}

/**
 * The cache key: distribution, normalised path, chosen query. Never anything that tells viewers apart. No two of
 * these triples give the same text, because neither path nor query holds a space and a path has no `?`.
 */
export function cacheKey(distribution: string, path: string, query: string): string {
  return query === '' ? `${distribution} ${path}` : `${distribution} ${path}?${query}`;
}
