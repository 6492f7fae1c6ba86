import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { parseRange, type RangeRequest } from '../formats/http-fields/range.ts';
import { type Freshness, freshness } from '../policy/freshness.ts';
import { notModifiedFields, rangeApplies, viewerHasIt } from '../policy/validation.ts';
import type { GrowingBody } from '../stores/growing-body.ts';
import type { CachedResponse, GrowingResponse, ResponseHead } from './edge-response.ts';
import { type PlainAnswer, renderPlainAnswer } from './error-page.ts';
import {
  bodyFields,
  type EdgeName,
  hitFields,
  hitProvenance,
  ownAnswerFields,
  preflightFields,
  type Provenance,
  viewerFields,
} from './viewer-fields.ts';

/** One viewer's request, with what is needed to answer it. */
export interface Viewer {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly edge: EdgeName;
  readonly clock: Clock;
  /** Whether pages of any site may read the answer. */
  readonly cors: boolean;
}

/** A fresh stored response, sent to most viewers whole: one array of fields, one write. */
export function deliverHit(viewer: Viewer, response: CachedResponse, fresh: Freshness & { kind: 'fresh' }): void {
  const { headers, method } = viewer.request;
  const plain =
    method === 'GET' &&
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

/** A stored response as this viewer wants it: whole, a part, the head only, or 304. */
export function deliverStored(viewer: Viewer, stored: CachedResponse, how: Provenance): void {
  const { head, body } = stored;
  const fields = fieldsFor(viewer, head, how);
  if (isNotModifiedFor(viewer, head)) {
    viewer.response.writeHead(304, notModifiedFields(fields)).end();
    return;
  }
  const range = rangeFor(viewer, head, body.length);
  if (range.kind === 'unsatisfiable') {
    const own = ownAnswerFields(viewer.edge, viewer);
    viewer.response.writeHead(416, ['Content-Length', '0', 'Content-Range', `bytes */${body.length}`, ...own]).end();
  } else if (range.kind === 'single') {
    const { first, last } = range;
    viewer.response
      .writeHead(206, [
        'Content-Length',
        String(last - first + 1),
        'Content-Range',
        `bytes ${first}-${last}/${body.length}`,
        ...fields,
      ])
      .end(body.subarray(first, last + 1));
  } else {
    viewer.response.writeHead(head.status, [...bodyFields(stored), ...fields]).end(body);
  }
}

/** A response whose body is arriving: what is there at once, the rest as it comes, at this viewer's pace. */
export function deliverArriving(viewer: Viewer, arriving: GrowingResponse, how: Provenance): void {
  const { head, body, lengthBytes } = arriving;
  const fields = fieldsFor(viewer, head, how);
  if (isNotModifiedFor(viewer, head)) {
    viewer.response.writeHead(304, notModifiedFields(fields)).end();
    arriving.onReaderLeft();
    return;
  }
  // A status without a body has no length to announce (RFC 9110 §8.6).
  if (lengthBytes !== undefined && head.status !== 204) fields.push('Content-Length', String(lengthBytes));
  viewer.response.writeHead(head.status, fields);
  if (viewer.request.method === 'HEAD') {
    viewer.response.end();
    arriving.onReaderLeft();
  } else {
    followBody(viewer, body, () => arriving.onReaderLeft());
  }
}

/** An answer of the edge's own. */
export function deliverPlain(viewer: Viewer, answer: PlainAnswer): void {
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
      'Error from streamfront',
      ...(answer.fields ?? []),
      ...ownAnswerFields(viewer.edge, viewer),
    ])
    .end(body);
}

/** What may be asked here, for a browser that asks before it asks (Fetch §3.2.2), and for OPTIONS in general. */
export function deliverPreflight(viewer: Viewer): void {
  const own = ownAnswerFields(viewer.edge, viewer);
  viewer.response
    .writeHead(204, ['Allow', 'GET, HEAD, OPTIONS', ...(viewer.cors ? preflightFields : []), ...own])
    .end();
}

function fieldsFor(viewer: Viewer, head: ResponseHead, how: Provenance): string[] {
  const { ageMs } = freshness(head.facts, viewer.clock.monotonicMs());
  return viewerFields(viewer.edge, head, how, { ageMs, cors: viewer.cors, requestId: viewer.requestId });
}

function isNotModifiedFor({ request, clock }: Viewer, head: ResponseHead): boolean {
  const conditions = {
    ifNoneMatch: request.headers['if-none-match'],
    ifModifiedSince: request.headers['if-modified-since'],
  };
  return head.status === 200 && viewerHasIt(conditions, head.fields, clock.wallMs());
}

function rangeFor({ request }: Viewer, head: ResponseHead, lengthBytes: number): RangeRequest {
  const { range } = request.headers;
  const ifRange = request.headers['if-range']?.toString();
  const counts =
    range !== undefined && request.method === 'GET' && head.status === 200 && rangeApplies(ifRange, head.fields);
  return counts ? parseRange(range, lengthBytes) : { kind: 'whole' };
}

/** Writes a body as it grows until it ends, breaks, or the viewer leaves. A body that breaks breaks the connection. */
function followBody({ response }: Viewer, body: GrowingBody, onLeft: () => void): void {
  let full = false;
  let begun = false;
  const pump = (): void => {
    while (!full && !response.destroyed) {
      const bytes = reader?.read();
      if (bytes === undefined) break;
      begun = true;
      full = !response.write(bytes);
    }
    if (full || reader === undefined) return;
    if (reader.state === 'ended') response.end();
    else if (reader.state !== 'open') response.destroy();
  };
  const reader = body.openReader(pump);
  if (reader === undefined) {
    response.destroy();
    return;
  }
  response.on('drain', () => {
    full = false;
    pump();
  });
  response.on('close', () => {
    reader.close();
    onLeft();
  });
  pump();
  // The head goes out now, also when the body lets itself be waited for; with the first bytes if they come at once.
  setImmediate(() => {
    if (!begun && !response.writableEnded && !response.destroyed) response.flushHeaders();
  });
}
