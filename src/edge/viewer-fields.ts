import { formatCacheStatus } from '../formats/http-fields/cache-status.ts';
import { type FieldLines, fieldValue, withoutFields } from '../formats/http-fields/field-lines.ts';
import type { Freshness } from '../policy/freshness.ts';
import { QuickHead } from '../http/answer-images.ts';
import { wholeBodyFields } from '../http/body-portion.ts';
import type { CrossSite } from './cross-site.ts';
import type { CachedResponse, HitFields, QuickHit } from './edge-response.ts';
import { ownFieldNames, ownFieldNamesWithCors } from './own-fields.ts';
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

/** The fields of an answer that has an origin behind it, up to and including `X-Request-Id`, which is last. */
export function viewerFields(
  name: EdgeName,
  fields: FieldLines,
  how: Provenance,
  answer: { readonly ageMs: number; readonly cors: CrossSite; readonly requestId: string },
): string[] {
  const upstream = { via: fieldValue(fields, 'via'), cacheStatus: fieldValue(fields, 'cache-status') };
  return [
    ...withoutFields(fields, answer.cors.fields.length > 0 ? ownFieldNamesWithCors : ownFieldNames),
    ...saidFields(name, upstream, how, answer),
  ];
}

/** What the edge says of such an answer. `upstream`: what the origin said. */
function saidFields(
  name: EdgeName,
  upstream: { readonly via: string | undefined; readonly cacheStatus: string | undefined },
  how: Provenance,
  answer: { readonly ageMs: number; readonly cors: CrossSite; readonly requestId: string },
): string[] {
  const status = formatCacheStatus(name.cacheName, how.cacheStatus);
  return [
    ...answer.cors.fields,
    'Via',
    upstream.via === undefined ? name.via : `${upstream.via}, ${name.via}`,
    'X-Edge-Location',
    name.location,
    'Age',
    String(Math.floor(answer.ageMs / 1_000)),
    'X-Cache',
    `${how.xCache} from streamfront`,
    'Cache-Status',
    upstream.cacheStatus === undefined ? status : `${upstream.cacheStatus}, ${status}`,
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
  answer: { readonly cors: CrossSite; readonly requestId: string },
): string[] {
  const made = madeHitFields(response, fresh, answer.cors);
  made.lines ??= [
    ...wholeBodyFields(response.head.status, response.lengthBytes),
    ...viewerFields(name, response.head.fields, hitProvenance(response.head, made.ttlSeconds), {
      ...answer,
      ageMs: fresh.ageMs,
    }),
  ];
  made.lines[made.lines.length - 1] = answer.requestId;
  return made.lines;
}

/** The same hit for the fast path. */
export function quickHit(
  name: EdgeName,
  response: CachedResponse,
  fresh: Freshness & { kind: 'fresh' },
  answer: { readonly cors: CrossSite; readonly statusLine: string },
): QuickHit {
  const made = madeHitFields(response, fresh, answer.cors);
  made.quick ??= makeQuickHit(name, response, fresh, answer);
  return made.quick;
}

function makeQuickHit(
  name: EdgeName,
  response: CachedResponse,
  fresh: Freshness & { kind: 'fresh' },
  { cors, statusLine }: { readonly cors: CrossSite; readonly statusLine: string },
): QuickHit {
  const { keptBody, plainLines } = response;
  const contentLength = String(keptBody.length);
  if (plainLines === undefined) {
    return {
      head: new QuickHead(headText(statusLine, hitFields(name, response, fresh, { cors, requestId: '' }))),
      contentType: fieldValue(response.head.fields, 'content-type'),
      contentLength,
    };
  }
  // Neither head nor fields are touched: each text of them is a place in memory of its own.
  const ttlSeconds = Math.floor(fresh.remainingMs / 1_000);
  const how = { xCache: 'Hit', cacheStatus: { kind: 'hit', ttlSeconds } } as const;
  const said = saidFields(name, nothingSaid, how, { ageMs: fresh.ageMs, cors, requestId: '' });
  const beginning = headLines(wholeBodyFields(200, keptBody.length));
  return {
    head: new QuickHead(headText(`${statusLine}\r\n${beginning}${plainLines}`.slice(0, -2), said)),
    contentType: /^content-type: (.*)\r$/im.exec(plainLines)?.[1],
    contentLength,
  };
}

const nothingSaid = { via: undefined, cacheStatus: undefined };

/** Status line and fields as text, up to the value of the last. */
export function headText(statusLine: string, lines: FieldLines): string {
  return `${statusLine}\r\n${headLines(lines.slice(0, -2))}${lines.at(-2)}: `;
}

function headLines(lines: FieldLines): string {
  let text = '';
  for (let i = 0; i + 1 < lines.length; i += 2) text += `${lines[i]}: ${lines[i + 1]}\r\n`;
  return text;
}

/** What was made for hits within this second, or is to be. */
function madeHitFields(response: CachedResponse, fresh: Freshness & { kind: 'fresh' }, cors: CrossSite): HitFields {
  const ageSeconds = Math.floor(fresh.ageMs / 1_000);
  const ttlSeconds = Math.floor(fresh.remainingMs / 1_000);
  const known = response.hitFields;
  if (
    typeof known === 'object' &&
    known.ageSeconds === ageSeconds &&
    known.ttlSeconds === ttlSeconds &&
    known.cors === cors
  ) {
    return known;
  }
  const made = { ageSeconds, ttlSeconds, cors, lines: undefined, quick: undefined };
  // What is asked for once in a second is not worth keeping: among a million objects that is most of them, and garbage
  // collection would have to carry each.
  response.hitFields = known === ageSeconds ? made : ageSeconds;
  return made;
}

/** The fields of an answer that the edge makes itself. */
export function ownAnswerFields(
  name: EdgeName,
  answer: { readonly cors: CrossSite; readonly requestId: string },
): string[] {
  return [...answer.cors.fields, 'Via', name.via, 'X-Edge-Location', name.location, 'X-Request-Id', answer.requestId];
}
