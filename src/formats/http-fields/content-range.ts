/** A Content-Range field (RFC 9110 §14.4); positions are inclusive, `completeBytes` is `undefined` when it is not told. */
export type ContentRange =
  | {
      readonly kind: 'part';
      readonly first: number;
      readonly last: number;
      readonly completeBytes: number | undefined;
    }
  | { readonly kind: 'unsatisfied'; readonly completeBytes: number };

/** `undefined` for another unit than bytes, for what the grammar forbids, and for positions that contradict each other. */
export function parseContentRange(value: string): ContentRange | undefined {
  const match = /^bytes (?:(\d{1,16})-(\d{1,16})|\*)\/(?:(\d{1,16})|\*)$/i.exec(value);
  if (match === null) return undefined;
  const [first, last, complete] = match.slice(1).map((digits) => (digits === undefined ? undefined : Number(digits)));
  if (first === undefined || last === undefined) {
    return complete === undefined ? undefined : { kind: 'unsatisfied', completeBytes: complete };
  }
  if (last < first || (complete !== undefined && last >= complete)) return undefined;
  return { kind: 'part', first, last, completeBytes: complete };
}

export function formatContentRange(range: ContentRange): string {
  if (range.kind === 'unsatisfied') return `bytes */${range.completeBytes}`;
  return `bytes ${range.first}-${range.last}/${range.completeBytes ?? '*'}`;
}
