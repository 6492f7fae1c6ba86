import { parseContentRange } from '../formats/http-fields/content-range.ts';
import { parseEntityTag } from '../formats/http-fields/entity-tag.ts';
import { type FieldLines, fieldValue, fieldValues } from '../formats/http-fields/field-lines.ts';
import { splitList } from '../formats/http-fields/list.ts';

/** Where a slice of an object lies; `end` is exclusive. */
export interface SliceBounds {
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

/** The slice that holds the byte at `offset`. All are `sliceBytes` long but the last. */
export function sliceAt(
  offset: number,
  object: { readonly sliceBytes: number; readonly lengthBytes: number },
): SliceBounds {
  const index = Math.floor(offset / object.sliceBytes);
  const start = index * object.sliceBytes;
  return { index, start, end: Math.min(start + object.sliceBytes, object.lengthBytes) };
}

/**
 * The ETag by which parts of a response can be told from parts of any other (RFC 9110 §8.8.3, RFC 9111 §3.4);
 * `undefined` when it cannot be kept in slices: for want of a strong one, of a length of at least `minBytes`, or because the
 * origin gives no ranges.
 */
export function slicingTag(
  response: { readonly status: number; readonly fields: FieldLines; readonly lengthBytes: number | undefined },
  minBytes: number,
): string | undefined {
  const { fields, lengthBytes, status } = response;
  if (status !== 200 || lengthBytes === undefined || lengthBytes < minBytes) return undefined;
  if (splitList(fieldValue(fields, 'accept-ranges')?.toLowerCase() ?? '').includes('none')) return undefined;
  return strongTag(fields);
}

function strongTag(fields: FieldLines): string | undefined {
  const [text, second] = fieldValues(fields, 'etag');
  const tag = text === undefined || second !== undefined ? undefined : parseEntityTag(text);
  return tag === undefined || tag.weak ? undefined : tag.opaque;
}

/** What was asked for by Range and If-Match; positions are inclusive. */
export interface WantedPart {
  readonly entityTag: string;
  readonly lengthBytes: number;
  readonly contentEncoding: string | undefined;
  readonly first: number;
  readonly last: number;
}

/** What an origin's answer to a request for a part of a known version is good for. */
export type PartVerdict =
  /** What was asked for, to the byte. */
  | { readonly kind: 'part' }
  /** The same version from its first byte: the origin does not do ranges. */
  | { readonly kind: 'whole' }
  /** There is another version now, or none. */
  | { readonly kind: 'changed' }
  /** It contradicts itself or the question: nothing of it can be used. */
  | { readonly kind: 'invalid'; readonly reason: string }
  /** It is no answer to the question, such as 503. */
  | { readonly kind: 'failed' };

/**
 * Judges the head of an answer (RFC 9110 §15.3.7). Parts are combined only on a strong ETag that is repeated to the
 * letter, and only if the place, the complete length and the coding are those of the known version.
 */
export function judgePart(status: number, fields: FieldLines, wanted: WantedPart): PartVerdict {
  if (status === 412 || status === 416 || status === 404 || status === 410) return { kind: 'changed' };
  if (status !== 200 && status !== 206) return { kind: 'failed' };
  const [etag] = fieldValues(fields, 'etag');
  if (etag === undefined) return { kind: 'invalid', reason: 'no ETag, by which the version could be known' };
  if (strongTag(fields) !== wanted.entityTag) return { kind: 'changed' };
  if (fieldValue(fields, 'content-encoding') !== wanted.contentEncoding) {
    return { kind: 'invalid', reason: 'another content coding under the same ETag' };
  }
  const announced = fieldValue(fields, 'content-length');
  if (status === 200) {
    return announced === undefined || Number(announced) === wanted.lengthBytes
      ? { kind: 'whole' }
      : { kind: 'invalid', reason: `${announced} bytes under an ETag that had ${wanted.lengthBytes}` };
  }
  const text = fieldValue(fields, 'content-range');
  const range = parseContentRange(text ?? '');
  if (range?.kind !== 'part' || range.first !== wanted.first || range.last !== wanted.last) {
    return {
      kind: 'invalid',
      reason: `asked for ${wanted.first}-${wanted.last}, got Content-Range: ${text ?? 'none'}`,
    };
  }
  if (range.completeBytes !== undefined && range.completeBytes !== wanted.lengthBytes) {
    return { kind: 'invalid', reason: `${range.completeBytes} bytes under an ETag that had ${wanted.lengthBytes}` };
  }
  if (announced !== undefined && Number(announced) !== range.last - range.first + 1) {
    return { kind: 'invalid', reason: `Content-Length ${announced} does not fit Content-Range: ${text ?? ''}` };
  }
  return { kind: 'part' };
}
