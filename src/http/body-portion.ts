import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { multipartByteranges } from '../formats/http-body/multipart-byteranges.ts';
import { formatContentRange } from '../formats/http-fields/content-range.ts';
import { type FieldLines, fieldValue } from '../formats/http-fields/field-lines.ts';
import { type ByteRange, type RangeSelection, selectRanges } from '../policy/range-selection.ts';
import { rangeApplies } from '../policy/validation.ts';

/** What of a representation decides which part of it is sent. */
export interface PortionedHead {
  readonly status: number;
  readonly fields: FieldLines;
}

/** A piece of a body, with what stands before it. */
export interface Leg {
  readonly head?: string;
  /** `undefined`: from the first byte to the last, wherever that is. */
  readonly range: ByteRange | undefined;
}

/** What of a body goes to a viewer: the whole, or ranges of it. */
export interface Portion {
  readonly kind: 'body';
  readonly status: number;
  /** Content-Length, and Content-Range or Content-Type where it is not the whole. */
  readonly fields: FieldLines;
  /** Its Content-Type takes the place of the representation's. */
  readonly ownContentType: boolean;
  readonly legs: readonly Leg[];
  readonly closing?: string;
}

/**
 * What a viewer gets of a representation of `lengthBytes`, by method, Range and If-Range (RFC 9110 §14.2). A body that
 * `passesOnce` is sent whole where several ranges are asked for: it is not kept, and nothing is left to begin anew on.
 */
export function portionFor(
  request: IncomingMessage,
  head: PortionedHead,
  lengthBytes: number,
  nowMs: number,
  passesOnce = false,
): Portion | { readonly kind: 'unsatisfiable'; readonly contentRange: string } {
  const asked = selectionFor(request, head, lengthBytes, nowMs);
  const selection = passesOnce && asked.kind === 'multiple' ? ({ kind: 'whole' } as const) : asked;
  switch (selection.kind) {
    case 'unsatisfiable':
      return {
        kind: 'unsatisfiable',
        contentRange: formatContentRange({ kind: 'unsatisfied', completeBytes: lengthBytes }),
      };
    case 'single': {
      const { first, last } = selection.range;
      const contentRange = formatContentRange({ kind: 'part', first, last, completeBytes: lengthBytes });
      return {
        kind: 'body',
        status: 206,
        fields: ['Content-Length', String(last - first + 1), 'Content-Range', contentRange],
        ownContentType: false,
        legs: [{ range: selection.range }],
      };
    }
    case 'multiple': {
      const { ranges } = selection;
      const contentType = fieldValue(head.fields, 'content-type');
      const multipart = multipartByteranges(ranges, { contentType, lengthBytes }, randomBytes(18).toString('hex'));
      return {
        kind: 'body',
        status: 206,
        fields: ['Content-Length', String(multipart.lengthBytes), 'Content-Type', multipart.contentType],
        ownContentType: true,
        legs: ranges.map((range, i) => ({ head: multipart.heads[i] ?? '', range })),
        closing: multipart.closing,
      };
    }
    case 'whole':
      return {
        kind: 'body',
        status: head.status,
        fields: wholeBodyFields(head.status, lengthBytes),
        ownContentType: false,
        legs: lengthBytes === 0 ? [] : [{ range: { first: 0, last: lengthBytes - 1 } }],
      };
  }
}

/** How a whole body is announced; a status without one has no length (RFC 9110 §8.6). */
export function wholeBodyFields(status: number, lengthBytes: number): string[] {
  if (status === 204) return [];
  const fields = ['Content-Length', String(lengthBytes)];
  if (status === 200) fields.push('Accept-Ranges', 'bytes');
  return fields;
}

/** Range is for GET and for what would be 200 otherwise. */
function selectionFor(
  { headers, method }: IncomingMessage,
  head: PortionedHead,
  lengthBytes: number,
  nowMs: number,
): RangeSelection {
  const { range } = headers;
  if (range === undefined || method !== 'GET' || head.status !== 200) return { kind: 'whole' };
  if (!rangeApplies(headers['if-range']?.toString(), head.fields, nowMs)) return { kind: 'whole' };
  return selectRanges(range, lengthBytes);
}
