import type { IncomingMessage, ServerResponse } from 'node:http';
import type { UpstreamError } from '../base/errors.ts';
import { normaliseAcceptEncoding } from '../formats/http-fields/accept-encoding.ts';
import type { FieldLines } from '../formats/http-fields/field-lines.ts';
import { splitList } from '../formats/http-fields/list.ts';
import { cacheKey, chooseQuery } from '../policy/cache-key.ts';
import { freshness } from '../policy/freshness.ts';
import { type EdgeIdentity, originRequestFields } from '../policy/origin-request.ts';
import { parseRequestTarget, type RequestTarget } from '../policy/request-target.ts';
import { awaitRecall } from './await-recall.ts';
import { deliverArriving, deliverHit, deliverPlain, deliverPreflight, deliverStored, type Viewer } from './deliver.ts';
import { type CachedResponse, isVariantFor, type ResponseHead, selectVariant } from './edge-response.ts';
import { gatewayAnswer, type PlainAnswer, refusals } from './error-page.ts';
import { type FetchOrder, type FetchOutcome, type FetchSurroundings, OriginFetch } from './origin-fetch.ts';
import { lookUp } from './lookup.ts';
import type { Behaviour, Route } from './routes.ts';
import { type EdgeName, hitProvenance, type Provenance, ttlSecondsOf } from './viewer-fields.ts';

/*
 * A request is a walk through named steps, each of which says the next:
 *
 *   receive ─ is it well formed, and of a kind that is answered here?          → match | refuse
 *   match   ─ which distribution and behaviour, and so which cache key?        → lookup | refuse
 *   lookup  ─ is it in the store, and fresh?                                   → (hit) | recall | look further
 *   recall  ─ does a lower tier of the store hold it?                          → (hit) | look further
 *   look further ─ is it arriving? has the origin just failed? may it be stale? → (hit) | stand in | fetch
 *   fetch   ─ wait with others for one answer of the origin, or ask alone       → deliver
 *   deliver ─ the answer, if it is for this viewer                             → (done) | lookup | fetch | stand in
 *   stand in ─ the origin failed: what is stored, if it may, else an error     → (done)
 */

/** What the steps of one edge share. */
export interface EdgeContext extends FetchSurroundings {
  readonly name: EdgeName;
  readonly identity: EdgeIdentity;
  readonly route: Route;
  readonly maxWaiting: number;
  nextRequestId(): string;
}

/** The next step, or nothing more to do for now: an answer was given, or the request waits to be called on. */
type Step = (() => Step) | undefined;

/** What a viewer wants of an origin. */
interface Asked {
  readonly viewer: Viewer;
  readonly behaviour: Behaviour;
  readonly method: 'GET' | 'HEAD';
  readonly cacheKey: string;
  /** Path and query for the origin. */
  readonly target: string;
  /** What the origin gets to see of the request. */
  readonly requestFields: () => FieldLines;
  /** How often an answer that was waited for turned out to be for others. */
  readonly tries: number;
}

/** After so many answers that were for others, a request asks alone. */
const maxTries = 3;

/** Answers one request. */
export function serveRequest(edge: EdgeContext, request: IncomingMessage, response: ServerResponse): void {
  edge.counters.requests++;
  const requestId = edge.nextRequestId();
  walk(receive(edge, { request, response, requestId, edge: edge.name, clock: edge.clock, cors: false }));
}

function walk(first: Step): void {
  let step = first;
  while (step !== undefined) step = step();
}

/** Goes on after a wait. A bug of ours costs this viewer the answer, and not those who waited for the same. */
function walkLater(edge: EdgeContext, asked: Asked, step: () => Step): void {
  try {
    walk(step);
  } catch (error) {
    edge.log.error({ err: error, cacheKey: asked.cacheKey }, 'an answer could not be delivered');
    asked.viewer.response.destroy();
  }
}

function receive(edge: EdgeContext, viewer: Viewer): Step {
  const { method, url = '', headers } = viewer.request;
  if (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') return () => refuse(edge, viewer, refusals.method);
  if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0') {
    return () => refuse(edge, viewer, refusals.bodyWithGet);
  }
  const cdnLoop = headers['cdn-loop'];
  if (cdnLoop !== undefined && splitList(String(cdnLoop)).includes(edge.identity.cdnId)) {
    return () => refuse(edge, viewer, refusals.loop);
  }
  const target = parseRequestTarget(url);
  if (target.kind === 'resource') return () => match(edge, viewer, method, target);
  if (target.kind === 'server' && method === 'OPTIONS') {
    deliverPreflight(viewer);
    return undefined;
  }
  return () => refuse(edge, viewer, refusals.malformedUrl);
}

function match(
  edge: EdgeContext,
  received: Viewer,
  method: 'GET' | 'HEAD' | 'OPTIONS',
  target: RequestTarget & { kind: 'resource' },
): Step {
  const { headers } = received.request;
  const behaviour = edge.route(target.authority ?? headers.host ?? '', target.path);
  if (behaviour === 'no-distribution') return () => refuse(edge, received, refusals.unknownHost);
  if (behaviour === 'ambiguous') return () => refuse(edge, received, refusals.ambiguousUrl);
  if (behaviour === 'no-behaviour') return () => refuse(edge, received, refusals.unknownPath);
  const viewer = { ...received, cors: behaviour.cors };
  if (method === 'OPTIONS') {
    deliverPreflight(viewer);
    return undefined;
  }
  const query = chooseQuery(target.query, behaviour.chosenQuery);
  const asked: Asked = {
    viewer,
    behaviour,
    method,
    cacheKey: cacheKey(behaviour.distribution, target.path, query),
    target: query === '' ? target.path : `${target.path}?${query}`,
    requestFields: () => originRequestFields(forwarded(viewer), edge.identity, []),
    tries: 0,
  };
  return () => lookup(edge, asked);
}

function lookup(edge: EdgeContext, asked: Asked): Step {
  const stored = lookUp(edge.store, asked.cacheKey, asked.requestFields);
  return stored === undefined ? () => recall(edge, asked) : use(edge, asked, stored);
}

function recall(edge: EdgeContext, asked: Asked): Step {
  const { fetches, store } = edge;
  const { cacheKey, requestFields, viewer } = asked;
  // What is asked for, or is arriving, is newer.
  const arriving = fetches.waiting(cacheKey) !== undefined || fetches.growing(cacheKey).length > 0;
  const recalled = arriving ? undefined : store.recall(cacheKey);
  if (recalled === undefined) return () => lookFurther(edge, asked, undefined);
  awaitRecall(viewer, recalled, (variants) => {
    walkLater(edge, asked, () => {
      const stored = selectVariant(variants, requestFields);
      return stored === undefined ? lookFurther(edge, asked, undefined) : use(edge, asked, stored);
    });
  });
  return undefined;
}

/** What is stored, if it is fresh. */
function use(edge: EdgeContext, asked: Asked, stored: CachedResponse): Step {
  const state = freshness(stored.head.facts, edge.clock.monotonicMs());
  if (state.kind === 'stale') return () => lookFurther(edge, asked, stored);
  edge.counters.hits++;
  deliverHit(asked.viewer, stored, state);
  return undefined;
}

function lookFurther(edge: EdgeContext, asked: Asked, stale: CachedResponse | undefined): Step {
  const nowMs = edge.clock.monotonicMs();
  const growing = edge.fetches
    .growing(asked.cacheKey)
    .filter((response) => freshness(response.head.facts, nowMs).kind === 'fresh');
  const arriving = selectVariant(growing, asked.requestFields);
  if (arriving !== undefined) {
    edge.counters.hits++;
    deliverArriving(asked.viewer, arriving, hitProvenance(arriving.head, ttlSecondsOf(arriving.head, nowMs)));
    return undefined;
  }
  const verdict = edge.fetches.verdict(asked.cacheKey, nowMs);
  if (verdict?.kind === 'failed') return () => standIn(edge, asked, verdict.error, stale);
  if (asked.method === 'HEAD' || verdict?.kind === 'hit-for-miss' || asked.tries >= maxTries) {
    return () => fetch(edge, asked, 'alone', stale);
  }
  const state = stale === undefined ? undefined : freshness(stale.head.facts, nowMs);
  if (stale !== undefined && state?.kind === 'stale' && state.mayServeWhileRevalidating) {
    if (edge.fetches.waiting(asked.cacheKey) === undefined) {
      new OriginFetch(edge, orderOf(asked, 'background', stale)).start();
    }
    edge.counters.staleHits++;
    deliverStored(asked.viewer, stale, staleProvenance(stale.head, nowMs, 'stale-while-revalidate'));
    return undefined;
  }
  return () => fetch(edge, asked, 'together', stale);
}

function fetch(edge: EdgeContext, asked: Asked, kind: 'together' | 'alone', stale: CachedResponse | undefined): Step {
  const { response } = asked.viewer;
  // Left while it waited for an answer that was not for it.
  if (response.destroyed) return undefined;
  const running = kind === 'together' ? edge.fetches.waiting(asked.cacheKey) : undefined;
  if (running !== undefined && running.waiterCount >= edge.maxWaiting) {
    return () => refuse(edge, asked.viewer, refusals.crowded);
  }
  const origin = running ?? new OriginFetch(edge, orderOf(asked, kind, stale));
  const first = running === undefined;
  const leave = (): void => origin.leave(waiter);
  const waiter = {
    onOutcome: (outcome: FetchOutcome): void => {
      response.off('close', leave);
      walkLater(edge, asked, () => deliver(edge, asked, outcome, first, stale));
    },
  };
  response.on('close', leave);
  origin.wait(waiter);
  if (first) origin.start();
  return undefined;
}

function deliver(
  edge: EdgeContext,
  asked: Asked,
  outcome: FetchOutcome,
  first: boolean,
  stale: CachedResponse | undefined,
): Step {
  if (outcome.kind === 'failed') return () => standIn(edge, asked, outcome.error, stale);
  if (outcome.kind === 'not-shared') return () => fetch(edge, asked, 'alone', stale);
  const { response } = outcome;
  if (!isVariantFor(response.head, asked.requestFields)) {
    return () => lookup(edge, { ...asked, tries: asked.tries + 1 });
  }
  if (!first) edge.counters.hits++;
  else if (outcome.kind === 'confirmed') edge.counters.refreshHits++;
  else edge.counters.misses++;
  const reason = asked.method === 'HEAD' ? 'method' : stale === undefined ? 'uri-miss' : 'stale';
  const how: Provenance = {
    xCache: xCacheOf(response.head, first, outcome.kind),
    cacheStatus: {
      kind: 'forward',
      reason,
      status: outcome.kind === 'confirmed' ? 304 : response.head.status,
      ttlSeconds: ttlSecondsOf(response.head, edge.clock.monotonicMs()),
      stored: outcome.kind === 'arriving' && outcome.response.storable,
      collapsed: !first,
    },
  };
  if (outcome.kind === 'confirmed') deliverStored(asked.viewer, outcome.response, how);
  else deliverArriving(asked.viewer, outcome.response, how);
  return undefined;
}

/** The origin failed. RFC 9111 §4.2.4: a stale answer, if nothing forbids it; else an error, as short-lived as it gets. */
function standIn(edge: EdgeContext, asked: Asked, error: UpstreamError, stale: CachedResponse | undefined): Step {
  const nowMs = edge.clock.monotonicMs();
  const stored = lookUp(edge.store, asked.cacheKey, asked.requestFields) ?? stale;
  const state = stored === undefined ? undefined : freshness(stored.head.facts, nowMs);
  if (stored === undefined || (state?.kind === 'stale' && !state.mayServeOnError)) {
    return () => refuse(edge, asked.viewer, gatewayAnswer(error));
  }
  edge.counters.staleHits++;
  deliverStored(asked.viewer, stored, staleProvenance(stored.head, nowMs, error.code));
  return undefined;
}

function refuse(edge: EdgeContext, viewer: Viewer, answer: PlainAnswer): Step {
  edge.counters.errors++;
  deliverPlain(viewer, answer);
  return undefined;
}

function orderOf(asked: Asked, kind: FetchOrder['kind'], stale: CachedResponse | undefined): FetchOrder {
  const { behaviour, cacheKey, method, target } = asked;
  return {
    cacheKey,
    upstream: behaviour.upstream,
    method,
    target,
    requestFields: asked.requestFields(),
    ttl: behaviour.ttl,
    stale: method === 'GET' ? stale : undefined,
    kind,
  };
}

function forwarded({ request, requestId }: Viewer) {
  const { headers, socket } = request;
  return {
    acceptEncoding: normaliseAcceptEncoding(headers['accept-encoding']),
    forwardedFor: singleValue(headers['x-forwarded-for']),
    viewerAddress: socket.remoteAddress ?? 'unknown',
    via: headers.via,
    cdnLoop: singleValue(headers['cdn-loop']),
    requestId,
  };
}

function singleValue(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(', ');
}

function xCacheOf(head: ResponseHead, first: boolean, outcome: 'arriving' | 'confirmed'): Provenance['xCache'] {
  if (head.status >= 400) return 'Error';
  if (!first) return 'Hit';
  return outcome === 'confirmed' ? 'RefreshHit' : 'Miss';
}

function staleProvenance(head: ResponseHead, nowMs: number, detail: string): Provenance {
  return {
    xCache: 'Hit',
    cacheStatus: { kind: 'forward', reason: 'stale', ttlSeconds: ttlSecondsOf(head, nowMs), detail },
  };
}
