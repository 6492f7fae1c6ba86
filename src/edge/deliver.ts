import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { UpstreamError } from '../base/errors.ts';
import { type CacheStatus, formatCacheStatus } from '../formats/http-fields/cache-status.ts';
import { type FieldLines, withoutFields } from '../formats/http-fields/field-lines.ts';
import { type Freshness, freshness } from '../policy/freshness.ts';
import { type AllowedMethods, allowedMethodsText } from '../policy/methods.ts';
import { notModifiedFields, viewerHasIt } from '../policy/validation.ts';
import type { ByteRange } from '../policy/range-selection.ts';
import type { BodyReader } from '../stores/body-reader.ts';
import { type Portion, portionFor } from '../http/body-portion.ts';
import type { CrossSite } from './cross-site.ts';
import { CachedResponse, type GrowingResponse, type ResponseHead } from './edge-response.ts';
import { gatewayAnswer, type PlainAnswer, renderPlainAnswer } from './error-page.ts';
import { followBody } from './follow-body.ts';
import type { GrantCarriage } from './grant-carriage.ts';
import { hitProvenance, type Provenance } from './provenance.ts';
import { type EdgeName, hitFields, ownAnswerFields, preflightFields, viewerFields } from './viewer-fields.ts';

/** One viewer's request, with what is needed to answer it. */
export interface Viewer {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly edge: EdgeName;
  readonly clock: Clock;
  /** What is said of pages of other sites. */
  readonly cors: CrossSite;
  /** Known as soon as it is known what is asked for. */
  readonly slices?: ViewerSlices;
  /** How the grant that let it in goes on with a playlist, if it does. */
  readonly carriage?: () => GrantCarriage | undefined;
}

/** How the body of a sliced response is had. */
export interface ViewerSlices {
  open(manifest: CachedResponse, range: ByteRange, onProgress: () => void): BodyReader;
  /** The version that was to be delivered is gone before its first byte: the request begins again, once. */
  askAnew(): boolean;
}

/** A fresh stored response, sent to most viewers whole: one array of fields, one write. */
export function deliverHit(viewer: Viewer, response: CachedResponse, fresh: Freshness & { kind: 'fresh' }): void {
  const { headers, method } = viewer.request;
  const plain =
    method === 'GET' &&
    response.head.sliced === undefined &&
    headers.range === undefined &&
    headers['if-none-match'] === undefined &&
    headers['if-modified-since'] === undefined;
  if (!plain) {
    deliverStored(viewer, response, hitProvenance(response.head, Math.floor(fresh.remainingMs / 1_000)));
    return;
  }
  viewer.response.writeHead(response.head.status, hitFields(viewer.edge, response, fresh, viewer));
  viewer.response.end(response.body);
}

/** A response, stored or arriving. `ownFields`: as in those. */
export function deliverAnswer(
  viewer: Viewer,
  given: CachedResponse | GrowingResponse,
  how: Provenance,
  ownFields: FieldLines,
): void {
  if (given instanceof CachedResponse) deliverStored(viewer, given, how, ownFields);
  else deliverArriving(viewer, given, how, ownFields);
}

/**
 * A stored response as this viewer wants it: whole, a part, the head only, or 304. `ownFields`: the viewer gets these,
 * some of which may be for nobody else.
 */
export function deliverStored(
  viewer: Viewer,
  stored: CachedResponse,
  how: Provenance,
  ownFields: FieldLines = stored.head.fields,
): void {
  const { head, body } = stored;
  const fields = fieldsFor(viewer, head, how, ownFields);
  if (isNotModifiedFor(viewer, head)) {
    viewer.response.writeHead(304, notModifiedFields(fields)).end();
    return;
  }
  const portion = portionFor(viewer.request, head, stored.lengthBytes, viewer.clock.wallMs());
  if (portion.kind === 'unsatisfiable') {
    deliverUnsatisfiable(viewer, head, how, portion.contentRange);
    return;
  }
  const { response, slices } = viewer;
  if (head.sliced !== undefined && slices !== undefined && viewer.request.method === 'GET') {
    followSlices(viewer, stored, slices, portion, fields);
    return;
  }
  response.cork();
  writePortionHead(viewer, portion, fields);
  for (const leg of portion.legs) {
    if (leg.head !== undefined) response.write(leg.head, 'latin1');
    if (leg.range !== undefined) response.write(body.subarray(leg.range.first, leg.range.last + 1));
  }
  response.end(portion.closing);
}

function followSlices(
  viewer: Viewer,
  manifest: CachedResponse,
  slices: ViewerSlices,
  portion: Portion,
  fields: readonly string[],
): void {
  followBody(viewer.response, {
    legs: portion.legs,
    closing: portion.closing,
    open: (range, onProgress) => (range === undefined ? undefined : slices.open(manifest, range, onProgress)),
    writeHead: () => writePortionHead(viewer, portion, fields),
    onNoFirstByte: (error) => {
      if (!(error instanceof UpstreamError)) viewer.response.destroy(error);
      else if (error.code !== 'ORIGIN_CHANGED' || !slices.askAnew()) deliverPlain(viewer, gatewayAnswer(error));
    },
  });
}

/** A response whose body is arriving: what is there at once, the rest as it comes, at this viewer's pace. */
export function deliverArriving(
  viewer: Viewer,
  arriving: GrowingResponse,
  how: Provenance,
  ownFields: FieldLines = arriving.head.fields,
): void {
  const { head, body, lengthBytes } = arriving;
  const fields = fieldsFor(viewer, head, how, ownFields);
  if (isNotModifiedFor(viewer, head)) {
    viewer.response.writeHead(304, notModifiedFields(fields)).end();
    arriving.onReaderLeft();
    return;
  }
  // Ranges of a body whose length nobody knows cannot be named: it is sent whole.
  const portion =
    lengthBytes === undefined
      ? ({
          kind: 'body',
          status: head.status,
          fields: [],
          ownContentType: false,
          legs: [{ range: undefined }],
        } as const)
      : portionFor(viewer.request, head, lengthBytes, viewer.clock.wallMs(), !body.keeping);
  if (portion.kind === 'unsatisfiable') {
    deliverUnsatisfiable(viewer, head, how, portion.contentRange);
    arriving.onReaderLeft();
  } else if (viewer.request.method === 'HEAD') {
    writePortionHead(viewer, portion, fields);
    viewer.response.end();
    arriving.onReaderLeft();
  } else {
    followBody(viewer.response, {
      legs: portion.legs,
      closing: portion.closing,
      open: (range, onProgress) => body.openReader(onProgress, range),
      writeHead: () => writePortionHead(viewer, portion, fields),
      onEnd: () => arriving.onReaderLeft(),
    });
  }
}

/** An answer of the edge's own; `forward`: how the origin was asked in vain. */
export function deliverPlain(viewer: Viewer, answer: PlainAnswer, forward?: CacheStatus & { kind: 'forward' }): void {
  const { contentType, body } = renderPlainAnswer(answer, viewer.request.headers.accept, viewer.requestId);
  viewer.response
    .writeHead(answer.status, [
      'Content-Type',
      contentType,
      'Content-Length',
      String(Buffer.byteLength(body)),
      'Cache-Control',
      'no-store',
      'X-Cache',
      `${answer.result ?? 'Error'} from streamfront`,
      'Cache-Status',
      formatCacheStatus(viewer.edge.cacheName, forward ?? { kind: 'own', detail: answer.code }),
      ...(answer.fields ?? []),
      ...ownAnswerFields(viewer.edge, viewer),
    ])
    .end(body);
}

/** What may be asked here, for a browser that asks before it asks (Fetch §3.2.2), and for OPTIONS in general. */
export function deliverPreflight(viewer: Viewer, allowed: AllowedMethods): void {
  const methods = allowedMethodsText(allowed);
  const status = formatCacheStatus(viewer.edge.cacheName, { kind: 'own', detail: 'OPTIONS' });
  const own = ['Cache-Status', status, ...ownAnswerFields(viewer.edge, viewer)];
  viewer.response
    .writeHead(204, ['Allow', methods, ...(viewer.cors.fields.length > 0 ? preflightFields(methods) : []), ...own])
    .end();
}

/** An interim answer of the origin (RFC 9110 §15.2); HTTP/1.0 knows none. */
export function deliverInformation({ request, response }: Viewer, status: number, fields: FieldLines): void {
  if (request.httpVersion === '1.1' && !response.headersSent && !response.destroyed) {
    response.writeInformation(status, [...fields]);
  }
}

function fieldsFor(viewer: Viewer, head: ResponseHead, how: Provenance, ownFields: FieldLines): string[] {
  const { ageMs } = freshness(head.facts, viewer.clock.monotonicMs());
  return viewerFields(viewer.edge, ownFields, how, { ageMs, cors: viewer.cors, requestId: viewer.requestId });
}

function isNotModifiedFor({ request, clock }: Viewer, head: ResponseHead): boolean {
  const conditions = {
    ifNoneMatch: request.headers['if-none-match'],
    ifModifiedSince: request.headers['if-modified-since'],
  };
  return head.status === 200 && viewerHasIt(conditions, head.fields, clock.wallMs());
}

function writePortionHead({ response }: Viewer, portion: Portion, fields: readonly string[]): void {
  const rest = portion.ownContentType ? withoutFields(fields, contentType) : fields;
  response.writeHead(portion.status, [...portion.fields, ...rest]);
}

const contentType = new Set(['content-type']);

/** 416 (RFC 9110 §15.5.17): in the edge's own words; what the origin said is of another answer. */
function deliverUnsatisfiable(viewer: Viewer, head: ResponseHead, how: Provenance, contentRange: string): void {
  const fields = fieldsFor(viewer, head, { ...how, xCache: 'Error' }, []);
  viewer.response.writeHead(416, ['Content-Length', '0', 'Content-Range', contentRange, ...fields]).end();
}
