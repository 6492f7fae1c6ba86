import { parseEntityTag, parseIfNoneMatch, sameStrongly, sameWeakly } from '../formats/http-fields/entity-tag.ts';
import { endToEndFields } from '../formats/http-fields/hop-by-hop.ts';
import { type FieldLines, fieldNames, fieldValues, withoutFields } from '../formats/http-fields/field-lines.ts';
import { parseHttpDate } from '../formats/http-fields/http-date.ts';

/** The viewer's conditional fields that a cache answers; each `undefined` when absent. */
export interface ViewerConditions {
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
}

/**
 * Whether a viewer who sent these conditions has what would be sent (RFC 9110 §13.2.2, RFC 9111 §4.3.2): then 304.
 * If-None-Match beats If-Modified-Since. If-Match and If-Unmodified-Since are not for caches and are not read.
 */
export function viewerHasIt(conditions: ViewerConditions, fields: FieldLines, nowMs: number): boolean {
  if (conditions.ifNoneMatch !== undefined) {
    const wanted = parseIfNoneMatch(conditions.ifNoneMatch);
    if (wanted === 'any') return true;
    const etag = parseEntityTag(fieldValues(fields, 'etag')[0] ?? '');
    return etag !== undefined && wanted.some((tag) => sameWeakly(tag, etag));
  }
  if (conditions.ifModifiedSince === undefined) return false;
  const since = parseHttpDate(conditions.ifModifiedSince, nowMs);
  // What says nothing of its last change was not changed after it was made (RFC 9111 §4.3.2).
  const changed = fieldValues(fields, 'last-modified')[0] ?? fieldValues(fields, 'date')[0];
  const modified = parseHttpDate(changed ?? '', nowMs);
  return since !== undefined && modified !== undefined && modified <= since;
}

/**
 * Whether a Range field counts, given If-Range (RFC 9110 §13.1.5): without If-Range, or when it names exactly the
 * stored representation. A weak tag never counts. A date counts when it is the Last-Modified to the letter, and only
 * if nothing can have changed within the second that it names: Date must be later (§8.8.2.2).
 */
export function rangeApplies(ifRange: string | undefined, fields: FieldLines, nowMs: number): boolean {
  if (ifRange === undefined) return true;
  const wanted = parseEntityTag(ifRange);
  if (wanted !== undefined) {
    const etag = parseEntityTag(fieldValues(fields, 'etag')[0] ?? '');
    return etag !== undefined && sameStrongly(wanted, etag);
  }
  if (ifRange !== fieldValues(fields, 'last-modified')[0]) return false;
  const modifiedMs = parseHttpDate(ifRange, nowMs);
  const dateMs = parseHttpDate(fieldValues(fields, 'date')[0] ?? '', nowMs);
  return modifiedMs !== undefined && dateMs !== undefined && dateMs - modifiedMs >= 1_000;
}

/**
 * The conditions to ask the origin with (RFC 9111 §4.3.1): one ETag as it came, for origins compare it letter by
 * letter, and Last-Modified; empty if there is neither.
 */
export function revalidationFields(fields: FieldLines): string[] {
  const conditions: string[] = [];
  const etag = fieldValues(fields, 'etag')[0];
  if (etag !== undefined && parseEntityTag(etag) !== undefined) conditions.push('If-None-Match', etag);
  const lastModified = fieldValues(fields, 'last-modified')[0];
  // What is no date would be ignored, and the answer be a 200 to a condition that never was one (RFC 9110 §13.1.3).
  if (lastModified !== undefined && parseHttpDate(lastModified, 0) !== undefined) {
    conditions.push('If-Modified-Since', lastModified);
  }
  return conditions;
}

/**
 * Whether a 304 speaks of this stored response (RFC 9111 §4.3.4): a validator that it carries must be ours; one without
 * any speaks of the only one that was asked about. Tags are compared weakly, as the origin did to answer 304: origins
 * that compress send the strong tag with one and the weak one with the other.
 */
export function confirms(notModified: FieldLines, stored: FieldLines): boolean {
  const newTag = parseEntityTag(fieldValues(notModified, 'etag')[0] ?? '');
  const oldTag = parseEntityTag(fieldValues(stored, 'etag')[0] ?? '');
  if (newTag !== undefined && oldTag !== undefined) return sameWeakly(newTag, oldTag);
  const newDate = fieldValues(notModified, 'last-modified')[0];
  const oldDate = fieldValues(stored, 'last-modified')[0];
  return newTag !== undefined || newDate === undefined || oldDate === undefined || newDate === oldDate;
}

/**
 * Whether a 200 to a HEAD speaks of this stored response to a GET (RFC 9111 §4.3.5): all of ETag, Last-Modified and
 * Content-Length that it carries are those of the stored one.
 */
export function headSpeaksOf(head: FieldLines, stored: FieldLines, storedLengthBytes: number): boolean {
  const length = fieldValues(head, 'content-length')[0];
  if (length !== undefined && length !== String(storedLengthBytes)) return false;
  return ['etag', 'last-modified'].every((name) => {
    const validator = fieldValues(head, name)[0];
    return validator === undefined || validator === fieldValues(stored, name)[0];
  });
}

/** These describe the stored body, whatever a 304 says (RFC 9111 §3.2). */
const keptFields = new Set(['content-length', 'content-encoding', 'content-range']);

/** The stored fields, updated by those of a 304, or of a 200 to a HEAD (RFC 9111 §3.2). Age is not stored: it is counted. */
export function mergeNotModified(stored: FieldLines, notModified: FieldLines): string[] {
  const fresh = withoutFields(endToEndFields(notModified), keptFields);
  return [...withoutFields(stored, fieldNames(fresh)), ...fresh];
}

/** Fields that a 304 to a viewer leaves out: they describe a body that is not sent (RFC 9110 §15.4.5). */
const bodyFields = new Set(['content-length', 'content-encoding', 'content-range', 'content-type', 'content-language']);

export function notModifiedFields(fields: FieldLines): string[] {
  return withoutFields(fields, bodyFields);
}
