import { type FieldLines, fieldValue, fieldValues } from '../formats/http-fields/field-lines.ts';
import { splitList } from '../formats/http-fields/list.ts';
import { parseVary } from '../formats/http-fields/vary.ts';

/**
 * The request fields that chose this response, in lower case, sorted; `any` when only the origin can tell (RFC 9111
 * §4.1). An origin that compresses and forgets to say `Vary` is helped out: otherwise viewers who cannot read gzip
 * would get it.
 */
export function selectingFields(
  responseFields: FieldLines,
  /** Names in lower case that choose whatever the origin says (`keyedFields`). */
  keyed: readonly string[] = [],
): 'any' | readonly string[] {
  const vary = parseVary(fieldValues(responseFields, 'vary'));
  if (vary === 'any') return vary;
  const encoding = fieldValue(responseFields, 'content-encoding') ?? 'identity';
  const names = new Set([...vary, ...keyed]);
  if (encoding.toLowerCase() !== 'identity') names.add('accept-encoding');
  return [...names].sort();
}

/**
 * What these fields said in the request, as text to compare: equal texts, same variant. `requestFields` are those that
 * went, or would go, to the origin: what it does not see cannot have chosen its answer. White space is normalised,
 * and an absent field differs from an empty one.
 */
export function variantKey(selecting: readonly string[], requestFields: FieldLines): string {
  if (selecting.length === 0) return '';
  return selecting
    .map((name) => {
      const value = fieldValue(requestFields, name);
      return value === undefined ? name : `${name}: ${splitList(value).join(', ')}`;
    })
    .join('\n');
}
