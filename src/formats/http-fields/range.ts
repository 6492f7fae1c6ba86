import { splitList } from './list.ts';

/** One member of a byte range set, as it was asked for; positions are inclusive. */
export type RangeSpec =
  | { readonly kind: 'from'; readonly first: number; readonly last: number | undefined }
  | { readonly kind: 'suffix'; readonly lengthBytes: number };

/**
 * Reads a Range field (RFC 9110 §14.1.1, §14.2). `undefined` for another unit than bytes, for what the grammar forbids
 * and for a last position before the first: such a field is ignored. Positions beyond 2^53 − 1 count as that.
 */
export function parseRange(value: string): readonly RangeSpec[] | undefined {
  const equals = value.indexOf('=');
  if (value.slice(0, Math.max(equals, 0)).toLowerCase() !== 'bytes') return undefined;
  const specs: RangeSpec[] = [];
  for (const member of splitList(value.slice(equals + 1))) {
    const spec = parseSpec(member);
    if (spec === undefined) return undefined;
    specs.push(spec);
  }
  return specs.length === 0 ? undefined : specs;
}

function parseSpec(text: string): RangeSpec | undefined {
  const match = /^(\d*)-(\d*)$/.exec(text);
  const [, first = '', last = ''] = match ?? [];
  if (match === null || (first === '' && last === '')) return undefined;
  if (first === '') return { kind: 'suffix', lengthBytes: position(last) };
  if (last === '') return { kind: 'from', first: position(first), last: undefined };
  const spec = { kind: 'from', first: position(first), last: position(last) } as const;
  return spec.last < spec.first ? undefined : spec;
}

function position(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}
