import type { UpstreamError } from '../base/errors.ts';
import type { CacheStatus } from '../formats/http-fields/cache-status.ts';
import type { FieldLines } from '../formats/http-fields/field-lines.ts';
import { isUpstreamUnreachable } from '../http/upstream-error.ts';
import { freshness } from '../policy/freshness.ts';
import type { EdgeIdentity } from '../policy/origin-request.ts';
import { insists, storedUse } from '../policy/request-directives.ts';
import { type Asked, askedForPage, orderOf } from './asked.ts';
import type { Doorkeeper } from './admission.ts';
import { awaitRecall } from './await-recall.ts';
import {
  deliverAnswer,
  deliverHit,
  deliverInformation,
  deliverPlain,
  type Viewer,
  type ViewerSlices,
} from './deliver.ts';
import { deliverPlaylist } from './deliver-playlist.ts';
import { CachedResponse, type GrowingResponse, isVariantFor, selectVariant, withStatus } from './edge-response.ts';
import { gatewayAnswer, originErrorAnswer, type PlainAnswer, refusals } from './error-page.ts';
import type { FetchOutcome } from './fetch-waiters.ts';
import { type FetchSurroundings, OriginFetch } from './origin-fetch.ts';
import { isFarInto, withPassedRange } from './passed-range.ts';
import {
  answeredProvenance,
  errorPageProvenance,
  hitProvenance,
  type Provenance,
  staleHitProvenance,
  staleProvenance,
  ttlSecondsOf,
} from './provenance.ts';
import { withoutWithheld } from './limits/reduced-playlist.ts';
import type { OpenAnswers } from './limits/open-answers.ts';
import { isPlaylist } from './personal-playlist.ts';
import type { NewestPlaylist } from './recent-playlists.ts';
import { leaveBody } from './request-body.ts';
import type { Route } from './routes.ts';
import { mayStandIn } from './stand-in.ts';
import type { EdgeName } from './viewer-fields.ts';

/*
 * A request is a walk through named steps, each of which says the next. The first ones, up to who gets in, are in
 * `request-arrival.ts`; what was let in goes on here:
 *
 *   lookup       ─ is it in the store, and good enough?                           → (hit) | recall | look further
 *   recall       ─ does a lower tier of the store hold it?                        → (hit) | look further
 *   look further ─ is it arriving? has the origin just failed? may it be stale?   → give | stand in | fetch
 *   fetch        ─ wait with others for one answer of the origin, or ask alone    → deliver
 *   deliver      ─ is the answer for this viewer?                                 → give | lookup | fetch | stand in
 *   stand in     ─ the origin failed: what is stored, if it may, else an error    → give | lookup (a page) | refuse
 *   give         ─ the answer, or the page that the distribution has for an error → (done) | lookup (a page) | refuse
 */

/** What the steps of one edge share. */
export interface EdgeContext extends FetchSurroundings, Doorkeeper {
  readonly name: EdgeName;
  readonly identity: EdgeIdentity;
  readonly route: Route;
  readonly maxWaiting: number;
  readonly openAnswers: OpenAnswers;
  nextRequestId(): string;
}

/** The next step, or nothing more to do for now: an answer was given, or the request waits to be called on. */
export type Step = (() => Step) | undefined;

/** What the store has for a request that it cannot answer, and why not, as Cache-Status says it. */
interface Held {
  readonly reason: 'uri-miss' | 'vary-miss' | 'stale' | 'request';
  readonly stored: CachedResponse | undefined;
}

/** An origin that does not tell what a playlist request waits for is asked again so often. */
const askAgainMs = 1_000;
/** For so many target durations, as an origin does that has nothing new (rfc8216bis §6.2.5.2). */
const waitedTargetDurations = 3;
/** So long for media: hls.js waits ten seconds for the first byte, and has more patience with errors that come slowly. */
const longestMediaWaitMs = 8_000;

/** After so many answers that were for others, a request asks alone. */
const maxTries = 3;

/** Takes step after step. */
export function walk(first: Step): void {
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

/** Sliced bodies are fetched for the one who reads them, with this request's fields. */
export function withSlices(edge: EdgeContext, asked: Asked): Asked {
  const { behaviour, cacheKey, requestFields, target } = asked;
  const source = { upstream: behaviour.upstream, target, requestFields };
  let askedAnew = false;
  const slices: ViewerSlices = {
    open: (manifest, range, onProgress) => edge.slices.openReader(cacheKey, manifest, source, range, onProgress),
    askAnew: () => {
      if (askedAnew) return false;
      askedAnew = true;
      walkLater(edge, complete, () => lookup(edge, complete));
      return true;
    },
  };
  const complete: Asked = { ...asked, viewer: { ...asked.viewer, slices } };
  return complete;
}

/** Looks for what was asked for. */
export function lookup(edge: EdgeContext, asked: Asked): Step {
  const stored = inMemory(edge, asked);
  return stored === undefined ? () => recall(edge, asked) : use(edge, asked, stored);
}

function inMemory({ store }: EdgeContext, { cacheKey, requestFields }: Asked): CachedResponse | undefined {
  return selectVariant(store.get(cacheKey), requestFields);
}

function recall(edge: EdgeContext, asked: Asked): Step {
  const { fetches, store } = edge;
  const { cacheKey, requestFields, viewer } = asked;
  const others = store.get(cacheKey).length > 0;
  const recalled = fetches.isComing(cacheKey) ? undefined : store.recall(cacheKey);
  if (recalled === undefined) return () => lookFurther(edge, asked, nothingHeld(others));
  awaitRecall(viewer, recalled, (variants) => {
    walkLater(edge, asked, () => {
      const stored = selectVariant(variants, requestFields);
      return stored === undefined
        ? lookFurther(edge, asked, nothingHeld(others || variants.length > 0))
        : use(edge, asked, stored);
    });
  });
  return undefined;
}

/** What is stored, if it will do for this request. */
function use(edge: EdgeContext, asked: Asked, stored: CachedResponse): Step {
  const nowMs = edge.clock.monotonicMs();
  const { facts } = stored.head;
  const state = freshness(facts, nowMs);
  const use = storedUse(state, facts, asked.wants);
  if (use !== 'as-it-is') {
    return () => lookFurther(edge, asked, { reason: use === 'stale' ? 'stale' : 'request', stored });
  }
  if (state.kind === 'stale') {
    return () => give(edge, asked, stored, staleHitProvenance(stored.head, nowMs, 'max-stale'), 'staleHits');
  }
  const isSpecial =
    asked.viewer.carriage !== undefined ||
    (asked.behaviour.limits?.egress !== undefined && asked.playlistPath !== undefined);
  if (stored.head.status >= 400 || asked.inPlaceOf !== undefined || isSpecial) {
    return () => give(edge, asked, stored, hitProvenance(stored.head, ttlSecondsOf(stored.head, nowMs)), 'hits');
  }
  edge.counters.hits++;
  deliverHit(asked.viewer, stored, state);
  return undefined;
}

function lookFurther(edge: EdgeContext, asked: Asked, held: Held): Step {
  const nowMs = edge.clock.monotonicMs();
  const growing = edge.fetches
    .growing(asked.cacheKey)
    .filter(({ head: { facts } }) => storedUse(freshness(facts, nowMs), facts, asked.wants) === 'as-it-is');
  const arriving = selectVariant(growing, asked.requestFields);
  if (arriving !== undefined) {
    return () => give(edge, asked, arriving, hitProvenance(arriving.head, ttlSecondsOf(arriving.head, nowMs)), 'hits');
  }
  const verdict = edge.fetches.verdict(asked.cacheKey, nowMs);
  if (verdict?.kind === 'failed') return () => standIn(edge, asked, verdict.error, held);
  if (asked.wants?.onlyIfCached === true) return () => fail(edge, asked, refusals.notCached);
  if (verdict?.kind === 'hit-for-miss' || asked.tries >= maxTries) {
    return () => fetch(edge, withPassedRange(asked), 'alone', held);
  }
  if (asked.alone) return () => fetch(edge, asked, 'alone', held);
  const { stored: stale, reason } = held;
  const state = stale === undefined ? undefined : freshness(stale.head.facts, nowMs);
  if (stale !== undefined && reason === 'stale' && state?.kind === 'stale' && state.mayServeWhileRevalidating) {
    if (edge.fetches.waiting(asked.cacheKey) === undefined) {
      new OriginFetch(edge, orderOf(asked, 'background', stale)).start();
    }
    const how = staleHitProvenance(stale.head, nowMs, 'stale-while-revalidate');
    return () => give(edge, asked, stale, how, 'staleHits');
  }
  return () => fetch(edge, asked, 'together', held);
}

function fetch(edge: EdgeContext, asked: Asked, kind: 'together' | 'alone', held: Held): Step {
  const { response } = asked.viewer;
  // Left while it waited for an answer that was not for it.
  if (response.destroyed) return undefined;
  const running = kind === 'together' ? edge.fetches.waiting(asked.cacheKey) : undefined;
  if (running !== undefined && running.waiterCount >= edge.maxWaiting) {
    return () => fail(edge, asked, refusals.crowded);
  }
  const origin = running ?? new OriginFetch(edge, orderOf(asked, kind, held.stored));
  const first = running === undefined;
  const leave = (): void => origin.leave(waiter);
  const waiter = {
    onInformation: (status: number, fields: FieldLines): void => deliverInformation(asked.viewer, status, fields),
    onOutcome: (outcome: FetchOutcome): void => {
      response.off('close', leave);
      walkLater(edge, asked, () => deliver(edge, asked, outcome, first, held));
    },
  };
  response.on('close', leave);
  origin.wait(waiter);
  if (first) origin.start();
  return undefined;
}

function deliver(edge: EdgeContext, asked: Asked, outcome: FetchOutcome, first: boolean, held: Held): Step {
  if (outcome.kind === 'failed') return () => standIn(edge, asked, outcome.error, held);
  if (outcome.kind === 'not-shared') return () => fetch(edge, withPassedRange(asked), 'alone', held);
  const { response, told } = outcome;
  if (!isVariantFor(response.head, asked.requestFields)) {
    return () => lookup(edge, { ...asked, tries: asked.tries + 1 });
  }
  if (outcome.kind === 'arriving' && isFarInto(asked, outcome.response)) {
    const passed = withPassedRange(asked);
    if (passed.rangePassed) return () => fetch(edge, passed, 'alone', held);
  }
  const how = answeredProvenance(outcome, { first, reason: held.reason }, edge.clock.monotonicMs());
  const counter = !first ? 'hits' : outcome.kind === 'confirmed' ? 'refreshHits' : 'misses';
  return () => give(edge, asked, response, how, counter, first ? told.firstFields : response.head.fields);
}

/** The origin failed. RFC 9111 §4.2.4: a stale answer, if nothing forbids it; else an error, as short-lived as it gets. */
function standIn(edge: EdgeContext, asked: Asked, error: UpstreamError, held: Held): Step {
  const nowMs = edge.clock.monotonicMs();
  const isMedia = isUpstreamUnreachable(error) && edge.playlists.noteLoss(asked.cacheKey, nowMs);
  const newest = insists(asked.wants) ? undefined : asked.playlist && edge.playlists.newest(asked.playlist);
  if (newest !== undefined && mayStandIn(freshness(newest.response.head.facts, nowMs), error)) {
    return () => giveNewest(edge, asked, newest, error);
  }
  const stored = inMemory(edge, asked) ?? held.stored;
  if (stored === undefined || insists(asked.wants) || !mayStandIn(freshness(stored.head.facts, nowMs), error)) {
    const { waitsSinceMs = nowMs } = asked;
    if (isMedia && nowMs - waitsSinceMs < longestMediaWaitMs) return () => askAgain(edge, { ...asked, waitsSinceMs });
    const forward = { kind: 'forward', reason: held.reason, detail: error.code } as const;
    return () => fail(edge, asked, gatewayAnswer(error), forward);
  }
  return () => give(edge, asked, stored, staleProvenance(stored.head, nowMs, error.code), 'staleHits');
}

/**
 * A live playlist in place of the origin's. Who waits for what is to come goes on waiting, for the origin may be back, and
 * gets nothing that may be older than what they have.
 */
function giveNewest(edge: EdgeContext, asked: Asked, newest: NewestPlaylist, error: UpstreamError): Step {
  const { response } = newest;
  const nowMs = edge.clock.monotonicMs();
  const { waitsSinceMs = nowMs } = asked;
  if (!newest.isReached) {
    const longestMs = waitedTargetDurations * newest.targetDurationSeconds * 1_000;
    if (nowMs - waitsSinceMs < longestMs) return () => askAgain(edge, { ...asked, waitsSinceMs });
    if (!newest.isJustBefore) return () => fail(edge, asked, refusals.notYet);
  }
  return () => give(edge, asked, response, staleProvenance(response.head, nowMs, error.code), 'staleHits');
}

function askAgain(edge: EdgeContext, asked: Asked): Step {
  const { response } = asked.viewer;
  if (response.destroyed) return undefined;
  const leave = (): void => timer.cancel();
  const timer = edge.clock.after(askAgainMs, () => {
    response.off('close', leave);
    walkLater(edge, asked, () => lookup(edge, asked));
  });
  response.once('close', leave);
  return undefined;
}

/** `fields`: the viewer gets these, some of which may be for nobody else. */
function give(
  edge: EdgeContext,
  asked: Asked,
  response: CachedResponse | GrowingResponse,
  how: Provenance,
  counter: 'hits' | 'misses' | 'refreshHits' | 'staleHits',
  fields: FieldLines = response.head.fields,
): Step {
  const { inPlaceOf, viewer } = asked;
  const { status } = response.head;
  const isLost = status === 404 && edge.playlists.maybeLost(asked.cacheKey, edge.clock.monotonicMs());
  const error = isLost ? refusals.notYet : originErrorAnswer(status);
  const hasPage = status >= 400 && asked.behaviour.errorPage(status) !== undefined;
  if (isLost || (inPlaceOf === undefined ? hasPage : status !== 200)) {
    if (!(response instanceof CachedResponse)) response.onReaderLeft();
    return () => fail(edge, asked, error);
  }
  edge.counters[counter]++;
  const whole = inPlaceOf === undefined ? response : withStatus(response, inPlaceOf.status);
  const given = leftOver(edge, asked, whole);
  const told = inPlaceOf === undefined ? how : errorPageProvenance(how);
  const { fields: errorFields = [] } = inPlaceOf?.error ?? {};
  const all = errorFields.length === 0 ? fields : [...fields, ...errorFields];
  const carriage = viewer.carriage && isPlaylist(given.head, asked.target) ? viewer.carriage() : undefined;
  const own = given === whole ? all : [...given.head.fields, ...errorFields];
  if (carriage !== undefined) deliverPlaylist(viewer, carriage, given, told, own);
  else deliverAnswer(viewer, given, told, own);
  return undefined;
}

/** A multivariant playlist without what is withheld because too much goes out; anything else as it is. */
function leftOver(
  { clock }: EdgeContext,
  { behaviour, playlistPath }: Asked,
  given: CachedResponse | GrowingResponse,
): CachedResponse | GrowingResponse {
  const egress = behaviour.limits?.egress;
  if (egress === undefined || playlistPath === undefined || !(given instanceof CachedResponse)) return given;
  return withoutWithheld(egress, behaviour.distribution, playlistPath, given, clock.monotonicMs());
}

/**
 * An error of the edge, or the page that the distribution has for it. Of what was asked for in place of an error the viewer
 * hears nothing: it gets that error.
 */
function fail(edge: EdgeContext, asked: Asked, answer: PlainAnswer, forward?: CacheStatus & { kind: 'forward' }): Step {
  const page = askedForPage(edge.identity, asked, answer);
  if (page !== undefined) return lookup(edge, withSlices(edge, page));
  return refuse(edge, asked.viewer, asked.inPlaceOf?.error ?? answer, forward);
}

/** Answers with an error of the edge's own. */
export function refuse(
  edge: EdgeContext,
  viewer: Viewer,
  answer: PlainAnswer,
  forward?: CacheStatus & { kind: 'forward' },
): Step {
  if (answer.status >= 400) edge.counters.errors++;
  leaveBody(viewer.request, viewer.response);
  deliverPlain(viewer, answer, forward);
  return undefined;
}

function nothingHeld(othersHeld: boolean): Held {
  return { reason: othersHeld ? 'vary-miss' : 'uri-miss', stored: undefined };
}
