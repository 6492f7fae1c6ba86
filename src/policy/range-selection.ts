import { parseRange, type RangeSpec } from '../formats/http-fields/range.ts';

/** A part of a representation; both positions are inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** What a Range field means for a representation of a known length. */
export type RangeSelection =
  | { readonly kind: 'whole' }
  | { readonly kind: 'single'; readonly range: ByteRange }
  /** In ascending order, and none overlaps another. */
  | { readonly kind: 'multiple'; readonly ranges: readonly ByteRange[] }
  | { readonly kind: 'unsatisfiable' };

/** More ranges than this in one request are not worth their heads: the whole is sent. */
export const maxRanges = 64;

/**
 * Which bytes a Range field asks for (RFC 9110 §14.1.2, §14.2). Ranges that lie behind the end are left out; if all
 * do, that is 416. Where §14.2 leaves the choice, and CloudFront answers 200, the whole is sent: for what is invalid,
 * unordered or overlapping, and for more than `maxRanges`.
 */
export function selectRanges(value: string, lengthBytes: number): RangeSelection {
  const specs = parseRange(value);
  if (specs === undefined || specs.length > maxRanges) return { kind: 'whole' };
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = rangeOf(spec, lengthBytes);
    if (range === 'all-of-nothing') return { kind: 'whole' };
    if (range !== undefined) ranges.push(range);
  }
  const [first] = ranges;
  if (first === undefined) return { kind: 'unsatisfiable' };
  if (ranges.length === 1) return { kind: 'single', range: first };
  const ordered = ranges.every((range, i) => i === 0 || range.first > (ranges[i - 1]?.last ?? 0));
  return ordered ? { kind: 'multiple', ranges } : { kind: 'whole' };
}

/** `undefined`: unsatisfiable. The end of an empty body can be had (§14.1.2), but no Content-Range can say so. */
function rangeOf(spec: RangeSpec, lengthBytes: number): ByteRange | 'all-of-nothing' | undefined {
  if (spec.kind === 'suffix') {
    if (spec.lengthBytes === 0) return undefined;
    if (lengthBytes === 0) return 'all-of-nothing';
    return { first: Math.max(0, lengthBytes - spec.lengthBytes), last: lengthBytes - 1 };
  }
  if (spec.first >= lengthBytes) return undefined;
  return { first: spec.first, last: Math.min(spec.last ?? lengthBytes - 1, lengthBytes - 1) };
}
