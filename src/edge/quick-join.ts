import type { FieldLines } from '../formats/http-fields/field-lines.ts';
import type { AnswerTaker, ComingAnswer } from '../http/coming-answer.ts';
import type { Peer } from '../http/peer.ts';
import type { PlainGet } from '../http/plain-get.ts';
import type { QuickResponder } from '../http/quick-connection.ts';
import { freshness } from '../policy/freshness.ts';
import type { Guest } from '../policy/limits/viewings.ts';
import type { ByteRange } from '../policy/range-selection.ts';
import type { BodyReader } from '../stores/body-reader.ts';
import { collectBody } from './collect-body.ts';
import { CachedResponse, type GrowingResponse, selectVariant } from './edge-response.ts';
import type { AnsweredOutcome, FetchOutcome, FetchWaiter } from './fetch-waiters.ts';
import { BodyFollower, type FollowedBody } from './follow-body.ts';
import { informationText, type JoinedHead, joinedHead } from './joined-head.ts';
import { FirstBytes, type FirstBytesTaker } from './first-bytes.ts';
import type { TokenCarriage } from './grant-carriage.ts';
import { fieldsForOrigin, isFor, isSpecial, type Joining, tokenFor } from './joining.ts';
import { OriginFetch } from './origin-fetch.ts';
import { quickGuest } from './limits/limit-admission.ts';
import { isPaced } from './limits/viewer-limits.ts';
import { ownPlaylist } from './own-playlist.ts';
import { isPlaylistName } from './personal-playlist.ts';
import { opens, plainCarriage } from './plain-address.ts';
import { answeredProvenance, hitProvenance, type Provenance, ttlSecondsOf } from './provenance.ts';
import type { QuickHitContext } from './quick-hit.ts';

/**
 * The steps of a request for one of a crowd: a plain GET for something that others wait for, or that is arriving. With
 * hundreds of them, what each costs decides when the last one has its first byte. What this does not answer, `request-steps.ts` does; what it answers, that would answer in the same words.
 */
export function quickJoins(
  context: QuickHitContext,
): Required<Pick<QuickResponder, 'join'>> & { readonly joins: number } {
  const crowd: Crowd = { ...context, joins: 0 };
  return {
    /** Given, or begun to be, since the start. */
    get joins() {
      return crowd.joins;
    },
    join: (get, peer) => join(crowd, get, peer),
  };
}

/** What those who join have in common. */
interface Crowd extends QuickHitContext {
  joins: number;
}

function join(context: Crowd, get: PlainGet, peer: Peer): ComingAnswer | undefined {
  const { edge } = context;
  const address = context.findAddress(get);
  if (typeof address === 'string') return undefined;
  const { behaviour, cacheKey } = address;
  if (behaviour.viewerProtocol !== 'allow-all' && peer.tls === undefined) return undefined;
  // What is stored and will not do is for the steps to judge.
  if (edge.store.has(cacheKey)) return undefined;
  if (!opens(edge, address, get, peer)) return undefined;
  // What is arriving may be large: its pace is for the steps to see to.
  if (isPaced(behaviour.limits)) return undefined;
  const carriage = plainCarriage(edge, address, get, peer);
  if (carriage?.kind === 'cookies' && isPlaylistName(address.target)) return undefined;
  const grant = address.lastGrant?.grant;
  const nowMs = edge.clock.monotonicMs();
  const growing = edge.fetches.growing(cacheKey);
  const fetch = growing.length > 0 ? undefined : edge.fetches.waiting(cacheKey);
  if (growing.length === 0 && fetch === undefined) return undefined;
  const requestId = edge.nextRequestId();
  const requestFields = () => fieldsForOrigin(edge.identity, { get, peer, requestId, behaviour });
  const joined = fetch === undefined ? selectVariant(growing, requestFields) : fetch;
  if (joined === undefined) return undefined;
  if (joined instanceof OriginFetch) {
    if (joined.waiterCount >= edge.maxWaiting || edge.fetches.verdict(cacheKey, nowMs) !== undefined) return undefined;
  } else if (freshness(joined.head.facts, nowMs).kind !== 'fresh' || isSpecial({ address, carriage }, joined)) {
    return undefined;
  }
  let guest: Guest | undefined;
  if (edge.attendance.concerns(behaviour)) {
    guest = quickGuest(edge.attendance, behaviour, peer.address, grant, address.resource.path, nowMs);
    if (guest === undefined) return undefined;
  }
  return new JoinedAnswer(context, { get, peer, guest, requestId, address, carriage, requestFields }, joined, nowMs);
}

/** A body from a byte on. */
function restOf({ lengthBytes }: GrowingResponse | CachedResponse, fromByte: number): ByteRange {
  return { first: fromByte, last: (lengthBytes ?? Number.POSITIVE_INFINITY) - 1 };
}

/** What all get who wait for the same fetch. */
interface SharedBeginning {
  readonly first: FirstBytes;
  readonly howAt: HowAt;
}

/** By outcome: all who wait for a fetch are told the same object. */
const beginnings = new WeakMap<FetchOutcome, SharedBeginning>();

/** One of a crowd: it waits for the head of the answer, then follows the body. */
class JoinedAnswer implements ComingAnswer, FetchWaiter, FirstBytesTaker {
  readonly #context: Crowd;
  readonly #joining: Joining;
  readonly #beganMs: number;
  #joined: OriginFetch | GrowingResponse | CachedResponse;
  /** Why it gets `#joined`: the same object for all who get it for the same reason. */
  #cause: object;
  #howAt: HowAt = hitOf;
  #taker: AnswerTaker | undefined;
  #follower: BodyFollower | undefined;
  /** What it said, and when. */
  #head: Pick<JoinedHead, 'contentLength' | 'contentType' | 'result' | 'status'> | undefined;
  /** No whole number before either: the engine would have to widen the field later, of each of the crowd by itself. */
  #headMs = Number.NaN;
  /** The viewer has not taken all of the first bytes. */
  #full = false;
  #over = false;

  constructor(context: Crowd, joining: Joining, joined: OriginFetch | GrowingResponse, beganMs: number) {
    this.#context = context;
    this.#joining = joining;
    this.#joined = joined;
    this.#cause = joined;
    this.#beganMs = beganMs;
  }

  get guest(): Guest {
    const { guest, peer } = this.#joining;
    return guest ?? this.#context.edge.attendance.anybody(peer.address);
  }

  begin(taker: AnswerTaker): void {
    this.#taker = taker;
    this.#context.edge.counters.requests++;
    if (this.#joined instanceof OriginFetch) {
      this.#joined.wait(this);
    } else {
      this.#countIn();
      if (!this.#giveOwn(this.#joined)) this.follow(0);
    }
  }

  drained(): void {
    this.#full = false;
    this.#follower?.drained();
  }

  ended(whole: boolean, sentBytes: number): void {
    const joined = this.#joined;
    this.#over = true;
    if (joined instanceof OriginFetch) joined.leave(this);
    else if (this.#follower !== undefined) this.#follower.closed();
    else if (!(joined instanceof CachedResponse)) joined.onReaderLeft();
    this.#record(whole, sentBytes);
  }

  onInformation(status: number, fields: FieldLines): void {
    this.#taker?.writeInformation(informationText(status, fields));
  }

  onOutcome(outcome: FetchOutcome): void {
    this.#carefully(() => {
      if (
        (outcome.kind === 'arriving' || outcome.kind === 'slicing') &&
        isFor(outcome, this.#joining) &&
        !isSpecial(this.#joining, outcome.response)
      ) {
        this.#give(outcome);
      } else {
        this.#passOn();
      }
    });
  }

  takeFirst(bytes: Buffer): void {
    this.#carefully(() => {
      const taker = this.#taker;
      if (taker === undefined || this.#over) return;
      if (bytes.length === this.#response.lengthBytes) {
        this.#over = true;
        taker.writeWhole(this.#sayHead().quick, this.#joining.requestId, bytes);
      } else {
        this.#writeHead(taker);
        this.#full = !taker.write(bytes);
      }
    });
  }

  follow(fromByte: number): void {
    this.#carefully(() => {
      const taker = this.#taker;
      if (taker === undefined || this.#over) return;
      const response = this.#response;
      const isSliced = response instanceof CachedResponse;
      const range = restOf(response, fromByte);
      const body: FollowedBody = {
        legs: response.lengthBytes === 0 ? [] : [{ range }],
        writeHead: () => {
          if (fromByte === 0) this.#writeHead(taker);
        },
        open: (_range, onProgress) => this.#openBody(response, range, onProgress),
        ...(isSliced ? {} : { onEnd: () => response.onReaderLeft() }),
        // What has begun cannot be passed on.
        ...(isSliced && fromByte === 0 ? { onNoFirstByte: () => this.#passOn() } : {}),
      };
      this.#follower = new BodyFollower(taker, body, this.#full);
      this.#follower.start();
    });
  }

  /** What is given: there is a response as soon as anything is. */
  get #response(): GrowingResponse | CachedResponse {
    if (this.#joined instanceof OriginFetch) throw new TypeError('nothing to give before the origin has answered');
    return this.#joined;
  }

  #give(outcome: AnsweredOutcome): void {
    const { response } = outcome;
    this.#joined = response;
    this.#cause = outcome;
    this.#countIn();
    let shared = beginnings.get(outcome);
    if (shared === undefined) {
      const first = new FirstBytes((onProgress) => this.#openBody(response, restOf(response, 0), onProgress));
      shared = { first, howAt: (nowMs) => answeredProvenance(outcome, { first: false, reason: 'uri-miss' }, nowMs) };
      beginnings.set(outcome, shared);
    }
    this.#howAt = shared.howAt;
    if (!this.#giveOwn(response)) shared.first.add(this);
  }

  /** A playlist of the viewer's own waits for its end; `false`: it is none. */
  #giveOwn(response: GrowingResponse | CachedResponse): boolean {
    const carriage = tokenFor(this.#joining, response);
    const taker = this.#taker;
    if (carriage === undefined || taker === undefined || response instanceof CachedResponse) return false;
    this.#follower = collectBody({
      lengthBytes: response.lengthBytes,
      open: (range, onProgress) => response.body.openReader(onProgress, range),
      onWhole: (body) => this.#carefully(() => this.#writeOwn(taker, carriage, response, body)),
      onFailed: () => this.#passOn(),
      onEnd: () => response.onReaderLeft(),
    });
    return true;
  }

  #writeOwn(taker: AnswerTaker, carriage: TokenCarriage, response: GrowingResponse, body: Buffer): void {
    if (this.#over) return;
    const { clock, name } = this.#context.edge;
    const { address, get, requestId } = this.#joining;
    const nowMs = clock.monotonicMs();
    const { ageMs } = freshness(response.head.facts, nowMs);
    const cors = address.behaviour.cors.of(get.fields.origin);
    const how = this.#howAt(nowMs, response);
    const own = ownPlaylist(name, carriage, response, () => body, { how, ageMs, cors });
    if (own === undefined) {
      this.#writeHead(taker);
    } else {
      const { contentLength, contentType, head } = own.quick;
      this.#head = { status: response.head.status, result: how.xCache, contentLength, contentType };
      this.#headMs = nowMs;
      taker.writeHead(head.text, requestId, false);
    }
    const bytes = own?.body ?? body;
    if (bytes.length > 0) taker.write(bytes);
    this.#over = true;
    taker.end();
  }

  #openBody(
    response: GrowingResponse | CachedResponse,
    range: ByteRange,
    onProgress: () => void,
  ): BodyReader | undefined {
    if (!(response instanceof CachedResponse)) return response.body.openReader(onProgress, range);
    const { address, requestFields } = this.#joining;
    const { behaviour, cacheKey, target } = address;
    const source = { upstream: behaviour.upstream, target, requestFields };
    return this.#context.edge.slices.openReader(cacheKey, response, source, range, onProgress);
  }

  #writeHead(taker: AnswerTaker): void {
    taker.writeHead(this.#sayHead().quick.text, this.#joining.requestId, this.#response.lengthBytes === undefined);
  }

  /** What is said now. */
  #sayHead(): JoinedHead {
    const { clock, name } = this.#context.edge;
    const { address, get } = this.#joining;
    const nowMs = clock.monotonicMs();
    const given = { cause: this.#cause, cors: address.behaviour.cors.of(get.fields.origin), nowMs, howAt: this.#howAt };
    const head = joinedHead(name, this.#response, given);
    this.#head = head;
    this.#headMs = nowMs;
    return head;
  }

  #countIn(): void {
    this.#context.edge.counters.hits++;
    this.#context.joins++;
  }

  /** As if it had come now: what was learnt of the origin meanwhile is known there. */
  #passOn(): void {
    const { attendance, counters } = this.#context.edge;
    const { address, guest } = this.#joining;
    if (guest !== undefined) attendance.giveBack(address.behaviour.limits, guest);
    counters.requests--;
    if (!(this.#joined instanceof OriginFetch)) {
      counters.hits--;
      this.#context.joins--;
    }
    this.#over = true;
    this.#taker?.passOn();
  }

  /** A bug of ours costs this viewer the answer, and not those who wait for the same. */
  #carefully(action: () => void): void {
    try {
      action();
    } catch (error) {
      const { cacheKey } = this.#joining.address;
      this.#context.edge.log.error({ err: error, cacheKey }, 'an answer could not be delivered');
      this.#taker?.destroy();
    }
  }

  #record(whole: boolean, sentBytes: number): void {
    const { edge, recorder } = this.#context;
    const { address, get, guest, peer, requestId } = this.#joining;
    const head = this.#head;
    if (guest !== undefined) edge.attendance.spend(address.behaviour.limits, guest, guest.viewing?.stream, sentBytes);
    recorder.record({
      endedWallMs: edge.clock.wallMs(),
      durationMs: edge.clock.monotonicMs() - this.#beganMs,
      firstByteMs: head && this.#headMs - this.#beganMs,
      client: peer,
      method: 'GET',
      target: address.text,
      fields: get.fields,
      requestBytes: get.headBytes,
      requestId: head && requestId,
      status: head?.status ?? 0,
      result: head?.result ?? 'Error',
      whole,
      sentBytes,
      contentType: head?.contentType,
      contentLength: head?.contentLength,
      contentRange: undefined,
    });
  }
}

type HowAt = (nowMs: number, response: GrowingResponse | CachedResponse) => Provenance;

function hitOf(nowMs: number, { head }: GrowingResponse | CachedResponse): Provenance {
  return hitProvenance(head, ttlSecondsOf(head, nowMs));
}
