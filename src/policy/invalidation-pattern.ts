import { normaliseQueryText, normalisePath, normalisePathPrefix } from './request-target.ts';

/** What one item of an invalidation names. Paths and queries are in their normalised spelling. */
export type InvalidationPattern =
  /** One path with one query, perhaps an empty one. The query is as it was written; a behaviour chooses from it. */
  | { readonly kind: 'exact'; readonly path: string; readonly query: string }
  /** Every path, with `?` and its query behind it, that begins so. */
  | { readonly kind: 'prefix'; readonly prefix: string }
  /** Every object that its origin has given this tag, in lower case. */
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'malformed'; readonly sentence: string };

/** CloudFront's bound. */
const maxPatternChars = 4_000;

/**
 * Reads an item of an invalidation as CloudFront does: `/path`, `/path?query`, `/beginning*` or `#tag`. A path without
 * a query names the object without a query only; `*` at the end covers queries too. Paths are case-sensitive, tags are
 * not. Characters beyond ASCII stand for their UTF-8, as browsers send them.
 */
export function parseInvalidationPattern(item: string): InvalidationPattern {
  if (item.length > maxPatternChars) {
    return malformed(`it has ${item.length} characters; at most ${maxPatternChars} are allowed`);
  }
  if (!item.isWellFormed() || /[^ -~\u{80}-\u{10ffff}]/u.test(item)) return malformed('it holds control characters');
  if (item.startsWith('#')) return parseTagPattern(item.slice(1));
  if (!item.startsWith('/')) return malformed('a path begins with "/", a tag with "#"');
  const wildcardAt = item.indexOf('*');
  const isPrefix = wildcardAt === item.length - 1;
  if (wildcardAt !== -1 && !isPrefix) return malformed('"*" may stand at the end only');
  const text = asciiOf(isPrefix ? item.slice(0, -1) : item);
  if (text.includes('#')) return malformed('a path holds no "#"; a tag is an item of its own and begins with it');
  const queryAt = text.indexOf('?');
  const writtenPath = queryAt === -1 ? text : text.slice(0, queryAt);
  const query = queryAt === -1 ? '' : text.slice(queryAt + 1);
  const path = isPrefix && queryAt === -1 ? normalisePathPrefix(writtenPath) : normalisePath(writtenPath);
  if (path === undefined) return malformed('"%" must be followed by two hexadecimal digits other than 00');
  if (!isPrefix) return { kind: 'exact', path, query };
  return { kind: 'prefix', prefix: queryAt === -1 ? path : `${path}?${normaliseQueryText(query)}` };
}

function parseTagPattern(written: string): InvalidationPattern {
  const tag = normaliseTag(written);
  return tag === undefined
    ? malformed(`a tag has 1 to ${maxTagChars} printable ASCII characters, without comma, space and "*"`)
    : { kind: 'tag', tag };
}

/** Longer than any name that one would give a thing. */
const maxTagChars = 256;

/** A cache tag as it is compared; `undefined` for what is none. */
export function normaliseTag(written: string): string | undefined {
  const isTag = written.length <= maxTagChars && /^[!-)+\--~]+$/.test(written);
  return isTag ? written.toLowerCase() : undefined;
}

function asciiOf(text: string): string {
  return text.replaceAll(/[^\0-\x7f]+/g, encodeURIComponent);
}

function malformed(sentence: string): InvalidationPattern {
  return { kind: 'malformed', sentence };
}
