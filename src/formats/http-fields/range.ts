import { splitList } from './list.ts';

/** What part of a representation is asked for; `last` is inclusive. */
export type RangeRequest =
  | { readonly kind: 'whole' }
  | { readonly kind: 'single'; readonly first: number; readonly last: number }
  | { readonly kind: 'unsatisfiable' };

/**
 * Reads a Range field against a representation of `lengthBytes` (RFC 9110 §14.1.2, §14.2). An unknown unit, a
 * malformed field and more than one range all mean the whole: §14.2 lets a server ignore Range, and CloudFront
 * answers unordered, overlapping and invalid ranges with 200.
 */
export function parseRange(value: string, lengthBytes: number): RangeRequest {
  const equals = value.indexOf('=');
  if (value.slice(0, Math.max(equals, 0)).toLowerCase() !== 'bytes') return { kind: 'whole' };
  const [spec, second] = splitList(value.slice(equals + 1));
  const match = /^(\d*)-(\d*)$/.exec(spec ?? '');
  if (match === null || second !== undefined || (match[1] === '' && match[2] === '')) return { kind: 'whole' };

  if (match[1] === '') {
    const suffixLength = Number(match[2]);
    if (suffixLength === 0 || lengthBytes === 0) return { kind: 'unsatisfiable' };
    return { kind: 'single', first: Math.max(0, lengthBytes - suffixLength), last: lengthBytes - 1 };
  }
  const first = Number(match[1]);
  const last = match[2] === '' ? Number.POSITIVE_INFINITY : Number(match[2]);
  if (last < first) return { kind: 'whole' };
  if (first >= lengthBytes) return { kind: 'unsatisfiable' };
  return { kind: 'single', first, last: Math.min(last, lengthBytes - 1) };
}
