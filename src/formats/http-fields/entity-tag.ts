/** An entity tag (RFC 9110 §8.8.3). */
export interface EntityTag {
  readonly weak: boolean;
  /** With its quotes. */
  readonly opaque: string;
}

// etagc is any visible character but the quote, and obs-text; a backslash is an ordinary character.
const entityTag = /(W\/)?("[\x21\x23-\x7e\x80-\xff]*")/y;

/** `undefined` if the text is not exactly one entity tag. */
export function parseEntityTag(text: string): EntityTag | undefined {
  entityTag.lastIndex = 0;
  const match = entityTag.exec(text);
  return match?.[2] !== undefined && match[0].length === text.length
    ? { weak: match[1] !== undefined, opaque: match[2] }
    : undefined;
}

/**
 * If-None-Match (RFC 9110 §13.1.2): `*`, or the entity tags of the list. Commas may stand within tags, so the list is
 * read tag by tag; what follows something that is no tag is not read.
 */
export function parseIfNoneMatch(value: string): 'any' | readonly EntityTag[] {
  if (value.trim() === '*') return 'any';
  const tags: EntityTag[] = [];
  const separator = /[ \t,]*/y;
  let at = 0;
  while (at < value.length) {
    separator.lastIndex = at;
    at += separator.exec(value)?.[0].length ?? 0;
    entityTag.lastIndex = at;
    const match = entityTag.exec(value);
    if (match?.[2] === undefined) break;
    tags.push({ weak: match[1] !== undefined, opaque: match[2] });
    at += match[0].length;
  }
  return tags;
}

/** Weak comparison (RFC 9110 §8.8.3.2): good enough for If-None-Match. */
export function sameWeakly(a: EntityTag, b: EntityTag): boolean {
  return a.opaque === b.opaque;
}

/** Strong comparison (RFC 9110 §8.8.3.2): required for If-Range. */
export function sameStrongly(a: EntityTag, b: EntityTag): boolean {
  return !a.weak && !b.weak && a.opaque === b.opaque;
}
