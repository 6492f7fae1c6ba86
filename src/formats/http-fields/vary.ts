import { splitList } from './list.ts';

/**
 * What Vary names (RFC 9110 §12.5.5): `any` if `*` stands anywhere in it, else the field names in lower case, each
 * once, sorted.
 */
export function parseVary(values: readonly string[]): 'any' | readonly string[] {
  const names = new Set(splitList(values.join(',')).map((name) => name.toLowerCase()));
  return names.has('*') ? 'any' : [...names].sort();
}
