import type { Clock } from '../base/clock.ts';
import { UpstreamError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { parseContentRange } from '../formats/http-fields/content-range.ts';
import { type FieldLines, fieldValue, fieldValues, withoutFields } from '../formats/http-fields/field-lines.ts';
import { endToEndFields } from '../formats/http-fields/hop-by-hop.ts';
import { formatHttpDate } from '../formats/http-fields/http-date.ts';
import type { UpstreamExchange, UpstreamHandler } from '../http/upstream.ts';
import type { BanList } from '../policy/ban-list.ts';
import { isUpstreamUnreachable } from '../http/upstream-error.ts';
import { failureRestMs } from '../policy/cache-policy.ts';
import { freshness } from '../policy/freshness.ts';
import { slicingTag } from '../policy/slicing.ts';
import { confirms, headSpeaksOf, mergeNotModified, revalidationFields } from '../policy/validation.ts';
import type { CacheStore } from '../stores/cache-store.ts';
import { GrowingBody } from '../stores/growing-body.ts';
import type { EdgeCounters } from './edge-counters.ts';
import { CachedResponse, type GrowingResponse, type ResponseHead } from './edge-response.ts';
import { gatewayAnswer } from './error-page.ts';
import type { FetchOrder } from './fetch-order.ts';
import { type FetchWaiter, FetchWaiters, isKept, isShared } from './fetch-waiters.ts';
import { judgeResponse, type Judgement } from './judge-response.ts';
import type { RecentPlaylists } from './recent-playlists.ts';
import type { RunningFetches } from './running-fetches.ts';
import type { SlicedIntake, SlicedObjects } from './sliced-objects.ts';

/** How long a key whose answers cannot be shared is not waited for together. */
const hitForMissMs = 10_000;

/** What a fetch works with. */
export interface FetchSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly bans: BanList;
  readonly store: CacheStore<CachedResponse>;
  readonly fetches: RunningFetches<OriginFetch>;
  readonly slices: SlicedObjects;
  readonly playlists: RecentPlaylists;
  readonly maxObjectBytes: number;
  readonly counters: EdgeCounters;
}

type FetchState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'arriving'; readonly response: GrowingResponse }
  /** What comes is no concern of this fetch any more. */
  | { readonly kind: 'slicing'; readonly intake: SlicedIntake }
  | { readonly kind: 'done' };

/**
 * One request to the origin, with all who wait for its answer. Until the head is there, viewers wait; when the last
 * one leaves, the request is given up. From then on viewers read the growing body; when the last one leaves, the fetch
 * goes on if it fills the store, as CloudFront does, and is given up otherwise.
 */
export class OriginFetch implements UpstreamHandler {
  /** The ban list's number when it began: what is banned from then on, it neither stores nor gives to those who come. */
  readonly sequence: number;
  readonly #surroundings: FetchSurroundings;
  readonly #order: FetchOrder;
  readonly #waiters = new FetchWaiters();
  #state: FetchState = { kind: 'waiting' };
  #exchange: UpstreamExchange | undefined;
  #requestedMs = 0;
  #conditional = false;
  #asksFirstSlice: boolean;

  constructor(surroundings: FetchSurroundings, order: FetchOrder) {
    this.#surroundings = surroundings;
    this.sequence = surroundings.bans.current;
    this.#order = this.#withoutBanned(order);
    this.#asksFirstSlice = order.firstSliceOnly === true;
  }

  get waiterCount(): number {
    return this.#waiters.count;
  }

  /** The first to wait is the one whose request it is. */
  wait(waiter: FetchWaiter): void {
    this.#waiters.add(waiter);
  }

  /** A viewer does not want to wait any more. */
  leave(waiter: FetchWaiter): void {
    if (!this.#waiters.remove(waiter) || this.waiterCount > 0 || this.#order.kind === 'background') return;
    if (this.#state.kind === 'waiting') this.#giveUp();
  }

  /** Asks the origin. To be called once, after the first `wait`. */
  start(): void {
    if (this.#order.kind !== 'alone') this.#surroundings.fetches.setWaiting(this.#order.cacheKey, this);
    const { method, stale } = this.#order;
    this.#ask(stale === undefined || method === 'HEAD' ? [] : revalidationFields(stale.head.fields));
  }

  #ask(conditions: readonly string[]): void {
    const { upstream, method, target, requestFields } = this.#order;
    this.#conditional = conditions.length > 0;
    this.#surroundings.counters.originRequests++;
    this.#requestedMs = this.#surroundings.clock.monotonicMs();
    const range = this.#asksFirstSlice ? ['Range', `bytes=0-${this.#surroundings.slices.sliceBytes - 1}`] : [];
    this.#exchange = upstream.fetch({ method, target, fields: [...requestFields, ...range, ...conditions] }, this);
    // It may have failed before it could be held.
    if (this.#state.kind === 'done') this.#exchange.abort();
  }

  onInformation(status: number, fields: FieldLines): void {
    this.#waiters.inform(status, fields);
  }

  onHead(status: number, fields: FieldLines): void {
    const { insisting, stale } = this.#order;
    if (status === 304 && this.#conditional && stale !== undefined) {
      if (confirms(fields, stale.head.fields)) {
        this.#confirm(stale, fields);
      } else {
        // The origin speaks of a version that is not here: asked again, for the body.
        this.#exchange?.abort();
        this.#ask([]);
      }
      return;
    }
    if (status === 304) {
      this.#fail(new UpstreamError('ORIGIN_INVALID', 'the origin answered 304 to a request without a condition'));
      return;
    }
    if (status >= 500 && stale !== undefined && !insisting && this.#mayServeOnError(stale)) {
      this.#fail(
        new UpstreamError('ORIGIN_STATUS', `the origin answered ${status} and what is stored may stand in for it`),
      );
      return;
    }
    if (status === 206 && this.#asksFirstSlice) this.#arriveAsFirstSlice(fields);
    // An empty file has no first slice.
    else if (status === 416 && this.#asksFirstSlice) this.#askForWhole();
    else this.#arrive(status, fields);
  }

  onData(bytes: Buffer): void {
    if (this.#state.kind === 'arriving') this.#state.response.body.append(bytes);
    else if (this.#state.kind === 'slicing') this.#state.intake.onData(bytes);
  }

  onEnd(): void {
    if (this.#state.kind === 'slicing') this.#state.intake.onEnd();
    if (this.#state.kind !== 'arriving') return;
    const { response } = this.#state;
    response.body.complete();
    this.#endArrival(response);
  }

  onError(error: UpstreamError): void {
    if (this.#state.kind === 'arriving') {
      const { response } = this.#state;
      this.#surroundings.counters.originErrors++;
      this.#surroundings.log.warn({ err: error, cacheKey: this.#order.cacheKey }, 'an answer of the origin broke off');
      response.body.fail(error);
      this.#endArrival(response);
    } else if (this.#state.kind === 'slicing') {
      this.#state.intake.onFailure({ kind: 'failed', error });
    } else if (this.#state.kind === 'waiting') {
      this.#fail(error);
    }
  }

  #mayServeOnError(stale: CachedResponse): boolean {
    const state = freshness(stale.head.facts, this.#surroundings.clock.monotonicMs());
    return state.kind === 'fresh' || state.mayServeOnError;
  }

  /** 304: the stored body with updated fields (RFC 9111 §4.3.4). */
  #confirm(stale: CachedResponse, notModified: FieldLines): void {
    const { response, judgement } = this.#updated(stale, notModified);
    this.#endWaiting();
    this.#state = { kind: 'done' };
    this.#waiters.settle({ kind: 'confirmed', response, told: judgement }, judgement.rule);
  }

  /** What is stored, with the fields of a newer answer that has no body, in the store in place of the old. */
  #updated(stored: CachedResponse, newer: FieldLines): { response: CachedResponse; judgement: Judgement } {
    const { store, fetches } = this.#surroundings;
    const { cacheKey, mayStore } = this.#order;
    const { fields, sliced, status } = stored.head;
    const judgement = this.#judge(status, mergeNotModified(fields, this.#dated(newer)), newer, stored.head);
    const head = sliced === undefined ? judgement.head : { ...judgement.head, sliced };
    const response = new CachedResponse(head, stored.keptBody);
    const kept = isKept(judgement.rule);
    if (kept && mayStore) store.put(cacheKey, response);
    else if (!kept && !this.#isOutdated(judgement.head)) store.remove(cacheKey);
    if (judgement.rule.kind === 'store') fetches.clearVerdict(cacheKey);
    return { response, judgement };
  }

  /** A 200 to a HEAD says whether what is stored still holds (RFC 9111 §4.3.5). */
  #applyHead(stored: CachedResponse, fields: FieldLines): void {
    if (headSpeaksOf(fields, stored.head.fields, stored.lengthBytes)) this.#updated(stored, fields);
    else this.#surroundings.store.remove(this.#order.cacheKey);
  }

  #arrive(status: number, originFields: FieldLines): void {
    const { store, fetches, maxObjectBytes, slices } = this.#surroundings;
    const { cacheKey, kind, mayStore, method, stale } = this.#order;
    if (method === 'HEAD' && status === 200 && stale !== undefined) this.#applyHead(stale, originFields);
    const judgement = this.#judge(status, endToEndFields(this.#dated(originFields)), originFields);
    const { head, rule } = judgement;
    const lengthBytes = bodyLengthBytes(status, originFields);
    const storable = isKept(rule) && mayStore && !this.#isOutdated(head) && method === 'GET' && isWorthStoring(head);
    const entityTag = storable ? slicingTag({ ...head, lengthBytes }, slices.slicedFromBytes) : undefined;
    if (entityTag !== undefined && lengthBytes !== undefined && this.#exchange !== undefined) {
      const sliced = slices.manifest(entityTag, lengthBytes, this.sequence);
      this.#arriveInSlices(new CachedResponse({ ...head, sliced }, emptyBody), this.#exchange, judgement);
      return;
    }
    const body = new GrowingBody({
      lengthBytes: method === 'HEAD' ? undefined : lengthBytes,
      maxKeptBytes: storable ? maxObjectBytes : 0,
      reserve: (bytes) => store.reserve(bytes),
      onPressure: (paused) => (paused ? this.#exchange?.pause() : this.#exchange?.resume()),
    });
    const response: GrowingResponse = {
      head,
      lengthBytes,
      body,
      storable,
      onReaderLeft: () => this.#giveUpIfUnread(response),
    };
    this.#endWaiting();
    this.#state = { kind: 'arriving', response };
    if (storable) fetches.addGrowing(cacheKey, response);
    if (rule.kind === 'store' && storable) {
      fetches.clearVerdict(cacheKey);
    } else if (!isShared(rule) && kind !== 'alone') {
      fetches.setVerdict(cacheKey, {
        kind: 'hit-for-miss',
        sequence: this.sequence,
        untilMs: this.#surroundings.clock.monotonicMs() + hitForMissMs,
      });
    }
    this.#waiters.settle({ kind: 'arriving', response, told: judgement }, rule);
    this.#giveUpIfUnread(response);
  }

  /** What a whole answer would have said of this object, and the first of its slices. */
  #arriveAsFirstSlice(originFields: FieldLines): void {
    const { slices } = this.#surroundings;
    const range = parseContentRange(fieldValue(originFields, 'content-range') ?? '');
    const lengthBytes = range?.kind === 'part' && range.first === 0 ? range.completeBytes : undefined;
    const isFirst = range?.kind === 'part' && range.last === Math.min(slices.sliceBytes, lengthBytes ?? 0) - 1;
    const judgement = this.#judge(
      200,
      endToEndFields(this.#dated(withoutFields(originFields, rangeFields))),
      originFields,
    );
    const { head, rule } = judgement;
    const mayKeep = isKept(rule) && this.#order.mayStore && !this.#isOutdated(head) && isWorthStoring(head);
    const entityTag = isFirst && mayKeep ? slicingTag({ ...head, lengthBytes }, 1) : undefined;
    if (entityTag === undefined || lengthBytes === undefined || this.#exchange === undefined) {
      // Nobody could tell its parts from those of another version: asked again, for the whole.
      this.#askForWhole();
      return;
    }
    const sliced = slices.manifest(entityTag, lengthBytes, this.sequence);
    this.#arriveInSlices(new CachedResponse({ ...head, sliced }, emptyBody), this.#exchange, judgement, true);
  }

  #askForWhole(): void {
    this.#exchange?.abort();
    this.#asksFirstSlice = false;
    this.#ask([]);
  }

  /**
   * The manifest is stored at once: whoever comes from now on reads what is there of the slices. `firstSliceOnly`: no more
   * than that comes by this exchange.
   */
  #arriveInSlices(manifest: CachedResponse, exchange: UpstreamExchange, told: Judgement, firstSliceOnly = false): void {
    const { store, fetches, slices } = this.#surroundings;
    const { cacheKey } = this.#order;
    this.#endWaiting();
    store.put(cacheKey, manifest);
    if (told.rule.kind === 'store') fetches.clearVerdict(cacheKey);
    const intake = slices.adopt(cacheKey, manifest, exchange, firstSliceOnly);
    this.#state = { kind: 'slicing', intake };
    this.#waiters.settle({ kind: 'slicing', response: manifest, told }, told.rule);
    intake.settle();
  }

  #judge(status: number, fields: FieldLines, originFields: FieldLines, former?: ResponseHead): Judgement {
    const { clock } = this.#surroundings;
    return judgeResponse(status, fields, fieldValues(originFields, 'age'), this.#order, {
      requestedMonotonicMs: this.#requestedMs,
      receivedMonotonicMs: clock.monotonicMs(),
      receivedWallMs: clock.wallMs(),
      sequence: this.sequence,
      former,
    });
  }

  /** What was banned since it was looked up is not to be confirmed by the origin: that would put it back in force. */
  #withoutBanned(order: FetchOrder): FetchOrder {
    const { cacheKey, stale } = order;
    if (stale === undefined || !this.#surroundings.bans.isBanned(cacheKey, stale.tags, stale.sequence)) return order;
    return { ...order, stale: undefined };
  }

  #isOutdated({ tags }: ResponseHead): boolean {
    return this.#surroundings.bans.isOutdated(this.#order.cacheKey, tags, this.sequence);
  }

  /** RFC 9110 §6.6.1: a recipient with a clock adds the Date that is missing. */
  #dated(fields: FieldLines): FieldLines {
    if (fieldValues(fields, 'date').length > 0) return fields;
    return [...fields, 'Date', formatHttpDate(this.#surroundings.clock.wallMs())];
  }

  #fail(error: UpstreamError): void {
    const { clock, counters, fetches, log } = this.#surroundings;
    const { cacheKey, kind, policy } = this.#order;
    counters.originErrors++;
    this.#endWaiting();
    this.#state = { kind: 'done' };
    this.#exchange?.abort();
    log.warn({ err: error, cacheKey, waiters: this.waiterCount }, 'the origin did not answer');
    // One viewer's question may be too hard for an origin that answers others; one that cannot be reached is so for all.
    if (kind !== 'alone' || isUpstreamUnreachable(error)) {
      const untilMs = clock.monotonicMs() + failureRestMs(policy, gatewayAnswer(error).status);
      fetches.setVerdict(cacheKey, { kind: 'failed', sequence: this.sequence, untilMs, error });
    }
    this.#waiters.settle({ kind: 'failed', error });
  }

  #endWaiting(): void {
    this.#surroundings.fetches.endWaiting(this.#order.cacheKey, this);
  }

  /** The last byte has come, or none will: what is whole goes into the store. */
  #endArrival(response: GrowingResponse): void {
    const { store, fetches, playlists } = this.#surroundings;
    const { cacheKey, playlist } = this.#order;
    this.#state = { kind: 'done' };
    store.release(response.body.reservedBytes);
    if (!response.storable) return;
    const whole = response.body.whole();
    if (whole !== undefined) {
      const stored = new CachedResponse(response.head, whole);
      store.put(cacheKey, stored);
      if (playlist !== undefined) playlists.note(playlist, stored);
    }
    fetches.removeGrowing(cacheKey, response);
  }

  #giveUpIfUnread(response: GrowingResponse): void {
    const filling = response.storable && response.body.keeping;
    if (this.#state.kind !== 'arriving' || response.body.readerCount > 0 || filling) return;
    this.#exchange?.abort();
    response.body.fail(new Error('nobody reads it'));
    this.#endArrival(response);
  }

  #giveUp(): void {
    this.#endWaiting();
    this.#state = { kind: 'done' };
    this.#exchange?.abort();
  }
}

const emptyBody = Buffer.alloc(0);

/** These are of a part. */
const rangeFields = new Set(['content-range', 'content-length']);

/** What is stale at once and cannot be confirmed later would only push out what can be used. */
function isWorthStoring({ facts, fields }: ResponseHead): boolean {
  return facts.lifetimeMs > 0 || revalidationFields(fields).length > 0;
}

/** What the origin announced for the body of a GET; no body for 204 (RFC 9110 §15.3.5). */
function bodyLengthBytes(status: number, fields: FieldLines): number | undefined {
  if (status === 204) return 0;
  const announced = fieldValues(fields, 'content-length')[0];
  return announced !== undefined && /^\d+$/.test(announced) ? Number(announced) : undefined;
}
