import { parseRange } from '../formats/http-fields/range.ts';
import type { Asked } from './asked.ts';
import { portionFor } from '../http/body-portion.ts';
import type { GrowingResponse } from './edge-response.ts';

/** So much of an answer is better read and thrown away than asked for again. */
const skippedBytes = 1_048_576;

/**
 * The same request with the viewer's Range and If-Range as they came, for what is not kept here: the origin's 206 goes
 * to this viewer. Several ranges are not passed on: the edge cannot tell whether they overlap, and the origin is not to
 * send more than is asked of it here. A range is of what was asked for, not of the page in place of an error.
 */
export function withPassedRange(asked: Asked): Asked {
  const { headers, method } = asked.viewer.request;
  const { range } = headers;
  if (asked.rangePassed || asked.inPlaceOf !== undefined || method !== 'GET') return asked;
  if (range === undefined || parseRange(range)?.length !== 1) return asked;
  const ifRange = headers['if-range']?.toString();
  const fields = ['Range', range, ...(ifRange === undefined ? [] : ['If-Range', ifRange])];
  return { ...asked, rangePassed: true, requestFields: () => [...asked.requestFields(), ...fields] };
}

/** Whether a viewer's range begins so far into an answer that is not kept that the origin had better send only that. */
export function isFarInto(asked: Asked, { body, head, lengthBytes }: GrowingResponse): boolean {
  const { clock, request } = asked.viewer;
  if (request.headers.range === undefined || asked.rangePassed || body.keeping || lengthBytes === undefined)
    return false;
  const portion = portionFor(request, head, lengthBytes, clock.wallMs());
  const first = portion.kind === 'body' ? portion.legs[0]?.range?.first : undefined;
  return first !== undefined && first > body.receivedBytes + skippedBytes;
}
