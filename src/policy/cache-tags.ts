import { type FieldLines, fieldValues } from '../formats/http-fields/field-lines.ts';
import { splitList } from '../formats/http-fields/list.ts';
import { everyTag } from './ban-list.ts';
import { normaliseTag } from './invalidation-pattern.ts';

/** Where the origin names the tags of its answers. */
export interface CacheTagField {
  /** In lower case. */
  readonly header: string;
  /** Whether viewers, and caches on the way to them, see it too. */
  readonly passOn: boolean;
}

/** CloudFront's bound. */
const maxTags = 50;

/**
 * The tags of an answer, comma-separated in its field, in lower case. What is no tag cannot be named and is left out.
 * Of more than 50 none could be relied upon: such an answer goes with any tag. `undefined`: the field is not there.
 */
export function cacheTags(fields: FieldLines, { header }: CacheTagField): readonly string[] | undefined {
  const values = fieldValues(fields, header);
  if (values.length === 0) return undefined;
  const tags = new Set<string>();
  for (const written of values.flatMap(splitList)) {
    const tag = normaliseTag(written);
    if (tag !== undefined) tags.add(tag);
  }
  return tags.size > maxTags ? everyTag : [...tags];
}
