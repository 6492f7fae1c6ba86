import { STATUS_CODES } from 'node:http';
import { type FieldLines, fieldValue } from '../formats/http-fields/field-lines.ts';
import { freshness } from '../policy/freshness.ts';
import { QuickHead } from '../http/answer-images.ts';
import { wholeBodyFields } from '../http/body-portion.ts';
import type { CrossSite } from './cross-site.ts';
import type { CachedResponse, GrowingResponse } from './edge-response.ts';
import { type Provenance, ttlSecondsOf } from './provenance.ts';
import { type EdgeName, headText, viewerFields } from './viewer-fields.ts';

/** What is the same for all who get an answer for the same reason within a second. */
export interface JoinedHead {
  readonly cors: CrossSite;
  readonly ageSeconds: number;
  readonly ttlSeconds: number;
  readonly status: number;
  readonly result: Provenance['xCache'];
  readonly quick: QuickHead;
  readonly contentType: string | undefined;
  readonly contentLength: string | undefined;
}

/** By cause. */
const joinedHeads = new WeakMap<object, JoinedHead>();

export function joinedHead(
  name: EdgeName,
  response: GrowingResponse | CachedResponse,
  {
    cause,
    cors,
    nowMs,
    howAt,
  }: {
    readonly cause: object;
    readonly cors: CrossSite;
    readonly nowMs: number;
    readonly howAt: (nowMs: number, response: GrowingResponse | CachedResponse) => Provenance;
  },
): JoinedHead {
  const { head, lengthBytes } = response;
  const { ageMs } = freshness(head.facts, nowMs);
  const ageSeconds = Math.floor(ageMs / 1_000);
  const ttlSeconds = ttlSecondsOf(head, nowMs);
  const known = joinedHeads.get(cause);
  if (known?.cors === cors && known.ageSeconds === ageSeconds && known.ttlSeconds === ttlSeconds) return known;
  const how = howAt(nowMs, response);
  const fields = [
    ...(lengthBytes === undefined ? [] : wholeBodyFields(head.status, lengthBytes)),
    ...viewerFields(name, head.fields, how, { ageMs, cors, requestId: '' }),
  ];
  const made: JoinedHead = {
    cors,
    ageSeconds,
    ttlSeconds,
    status: head.status,
    result: how.xCache,
    quick: new QuickHead(headText(statusLine(head.status), fields)),
    contentType: fieldValue(fields, 'content-type'),
    contentLength: fieldValue(fields, 'content-length'),
  };
  joinedHeads.set(cause, made);
  return made;
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}`;
}

/** An interim answer with these fields (RFC 9110 §15.2). */
export function informationText(status: number, fields: FieldLines): string {
  let text = `${statusLine(status)}\r\n`;
  for (let i = 0; i + 1 < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return `${text}\r\n`;
}
