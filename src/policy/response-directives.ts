import { type CacheControl, parseCacheControl } from '../formats/http-fields/cache-control.ts';
import { type FieldLines, fieldValues, withoutFields } from '../formats/http-fields/field-lines.ts';
import { parseSurrogateControl } from '../formats/http-fields/surrogate-control.ts';
import { parseTargetedCacheControl } from '../formats/http-fields/targeted-cache-control.ts';

/** What a response says to this cache. */
export interface ResponseDirectives {
  readonly cacheControl: CacheControl;
  /** They come from a field for CDNs: Cache-Control and Expires say nothing to this cache (RFC 9213 §2.2). */
  readonly targeted: boolean;
}

/** A response as the rules look at it. */
export interface JudgedResponse {
  readonly status: number;
  readonly fields: FieldLines;
  readonly directives: ResponseDirectives;
}

/** `surrogateControl`: the value of that field, where it is listened to; then it is the foremost of the targeted ones. */
export function responseDirectives(fields: FieldLines, surrogateControl?: string): ResponseDirectives {
  const forSurrogates = surrogateControl === undefined ? undefined : parseSurrogateControl(surrogateControl);
  if (forSurrogates !== undefined) return { cacheControl: forSurrogates, targeted: true };
  const targeted = parseTargetedCacheControl(fieldValues(fields, 'cdn-cache-control'));
  if (targeted !== undefined) return { cacheControl: targeted, targeted: true };
  return { cacheControl: parseCacheControl(fieldValues(fields, 'cache-control')), targeted: false };
}

/**
 * The fields without those that a qualified `private="…"` keeps for the first viewer, or a qualified `no-cache="…"`
 * forbids to send again unconfirmed (RFC 9111 §5.2.2.4, §5.2.2.7).
 */
export function sharedFields(fields: FieldLines, { cacheControl }: ResponseDirectives): FieldLines {
  const { noCacheFields, privateFields } = cacheControl;
  if (noCacheFields.length === 0 && privateFields.length === 0) return fields;
  return withoutFields(fields, new Set([...noCacheFields, ...privateFields]));
}
