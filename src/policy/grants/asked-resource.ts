import { readingsOf, type RequestTarget } from '../request-target.ts';

/** What a viewer asks for, as a grant may name it. */
export interface AskedResource {
  /** As the viewer wrote it: canned policies name it so. */
  readonly url: string;
  /** What else a server may take it for: a pattern has to cover all of them. */
  readonly alsoReadAs: readonly string[];
}

/** A dot segment, its dots escaped or not. */
const dotSegment = /\/(?:\.|%2e){1,2}(?=[/?]|$)/i;

/**
 * The resource of a request over HTTP. `text` is the request target as it came, `target` what it is read as, `query` that
 * of `text` without its grant. `undefined` when there are more ways to read it than anybody needs: then no pattern can
 * be told to cover it.
 */
export function askedResource(
  origin: { readonly secure: boolean; readonly host: string },
  text: string,
  target: RequestTarget & { kind: 'resource' },
  query: string,
): AskedResource | undefined {
  const site = `${origin.secure ? 'https' : 'http'}://${target.authority ?? origin.host}`;
  const behind = query === '' ? '' : `?${query}`;
  const rawPath = writtenPath(text);
  const readings = readingsOf(target.path);
  if (readings === undefined) return undefined;
  // A pattern for `/free/*` must not open `/free/../paid`.
  const others = readings.filter((reading) => reading !== target.path || dotSegment.test(rawPath));
  return { url: `${site}${rawPath}${behind}`, alsoReadAs: others.map((path) => `${site}${path}${behind}`) };
}

/** The path of a request target, as it came. */
export function writtenPath(text: string): string {
  const path = text.startsWith('/') ? text : text.replace(/^https?:\/\/[^/?#]+/i, '');
  const queryAt = path.indexOf('?');
  return queryAt === -1 ? path : path.slice(0, queryAt);
}
