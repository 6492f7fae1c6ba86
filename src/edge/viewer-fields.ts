import { formatCacheStatus } from '../formats/http-fields/cache-status.ts';
import { type FieldLines, fieldValue, withoutFields } from '../formats/http-fields/field-lines.ts';
import type { Freshness } from '../policy/freshness.ts';
import { QuickHead } from '../http/answer-images.ts';
import { wholeBodyFields } from './body-portion.ts';
import type { CachedResponse, HitFields, QuickHit } from './edge-response.ts';
import { hitProvenance, type Provenance } from './provenance.ts';

/** How this edge calls itself in answers. */
export interface EdgeName {
  /** `X-Edge-Location`. */
  readonly location: string;
  /** Its member of Via: `1.1 local (StreamFront)`. */
  readonly via: string;
  /** Its name in Cache-Status. */
  readonly cacheName: string;
}

/** Without these in `Access-Control-Expose-Headers`, hls.js cannot tell how old a cached live playlist is. */
const exposedFields =
  'Age, Date, X-Cache, X-Edge-Location, Content-Length, Content-Range, ETag, Cache-Status, X-Request-Id, Via';

const corsFields = [
  'Access-Control-Allow-Origin',
  '*',
  'Access-Control-Expose-Headers',
  exposedFields,
  'Timing-Allow-Origin',
  '*',
];

/** The answer to a CORS preflight, beyond `ownAnswerFields`. `*` covers names not listed where browsers know it. */
export function preflightFields(methods: string): FieldLines {
  return [
    'Access-Control-Allow-Methods',
    methods,
    'Access-Control-Allow-Headers',
    'Range, If-Range, If-None-Match, If-Modified-Since, Accept, Cache-Control, Content-Type, CMCD-Request, CMCD-Object, CMCD-Status, CMCD-Session, *',
    'Access-Control-Max-Age',
    '86400',
  ];
}

/** What the edge says itself, in place of the origin: ranges, too, it cuts itself. */
const ownFields = [
  'via',
  'cache-status',
  'x-cache',
  'age',
  'x-edge-location',
  'x-request-id',
  'content-length',
  'accept-ranges',
];
const ownFieldNames = new Set(ownFields);
/** With CORS switched on, the edge's word is the only one: two Allow-Origin fields make a browser refuse both. */
const ownFieldNamesWithCors = new Set([
  ...ownFields,
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-expose-headers',
  'access-control-max-age',
  'timing-allow-origin',
]);

/** The fields of an answer that has an origin behind it, up to and including `X-Request-Id`, which is last. */
export function viewerFields(
  name: EdgeName,
  fields: FieldLines,
  how: Provenance,
  answer: { readonly ageMs: number; readonly cors: boolean; readonly requestId: string },
): string[] {
  const upstreamVia = fieldValue(fields, 'via');
  const upstreamStatus = fieldValue(fields, 'cache-status');
  const status = formatCacheStatus(name.cacheName, how.cacheStatus);
  return [
    ...withoutFields(fields, answer.cors ? ownFieldNamesWithCors : ownFieldNames),
    ...(answer.cors ? corsFields : []),
    'Via',
    upstreamVia === undefined ? name.via : `${upstreamVia}, ${name.via}`,
    'X-Edge-Location',
    name.location,
    'Age',
    String(Math.floor(answer.ageMs / 1_000)),
    'X-Cache',
    `${how.xCache} from streamfront`,
    'Cache-Status',
    upstreamStatus === undefined ? status : `${upstreamStatus}, ${status}`,
    'X-Request-Id',
    answer.requestId,
  ];
}

/**
 * The fields of a hit on a stored response that is sent whole. They are the same for all hits within a second but for
 * the request id, which stands last and is overwritten: the array must be used at once and not kept.
 */
export function hitFields(
  name: EdgeName,
  response: CachedResponse,
  fresh: Freshness & { kind: 'fresh' },
  answer: { readonly cors: boolean; readonly requestId: string },
): string[] {
  const { lines } = madeHitFields(name, response, fresh, answer);
  lines[lines.length - 1] = answer.requestId;
  return lines;
}

/** The same hit for the fast path. */
export function quickHit(
  name: EdgeName,
  response: CachedResponse,
  fresh: Freshness & { kind: 'fresh' },
  answer: { readonly cors: boolean; readonly statusLine: string },
): QuickHit {
  const made = madeHitFields(name, response, fresh, { cors: answer.cors, requestId: '' });
  made.quick ??= {
    head: new QuickHead(headText(answer.statusLine, made.lines)),
    contentType: fieldValue(response.head.fields, 'content-type'),
    contentLength: String(response.lengthBytes),
  };
  return made.quick;
}

/** Status line and fields as text, up to the value of the last. */
export function headText(statusLine: string, lines: FieldLines): string {
  let text = `${statusLine}\r\n`;
  for (let i = 0; i + 3 < lines.length; i += 2) text += `${lines[i]}: ${lines[i + 1]}\r\n`;
  return `${text}${lines.at(-2)}: `;
}

function madeHitFields(
  name: EdgeName,
  response: CachedResponse,
  fresh: Freshness & { kind: 'fresh' },
  answer: { readonly cors: boolean; readonly requestId: string },
): HitFields {
  const ageSeconds = Math.floor(fresh.ageMs / 1_000);
  const ttlSeconds = Math.floor(fresh.remainingMs / 1_000);
  let { hitFields: made } = response;
  if (made === undefined || made.ageSeconds !== ageSeconds || made.ttlSeconds !== ttlSeconds) {
    const lines = [
      ...wholeBodyFields(response.head.status, response.lengthBytes),
      ...viewerFields(name, response.head.fields, hitProvenance(response.head, ttlSeconds), {
        ...answer,
        ageMs: fresh.ageMs,
      }),
    ];
    made = { ageSeconds, ttlSeconds, lines, quick: undefined };
    response.hitFields = made;
  }
  return made;
}

/** The fields of an answer that the edge makes itself. */
export function ownAnswerFields(
  name: EdgeName,
  answer: { readonly cors: boolean; readonly requestId: string },
): string[] {
  return [
    ...(answer.cors ? corsFields : []),
    'Via',
    name.via,
    'X-Edge-Location',
    name.location,
    'X-Request-Id',
    answer.requestId,
  ];
}
