import { normaliseAcceptEncoding } from '../formats/http-fields/accept-encoding.ts';
import type { FieldLines } from '../formats/http-fields/field-lines.ts';
import type { AnswerTaker, ComingAnswer } from '../http/coming-answer.ts';
import type { Peer } from '../http/peer.ts';
import type { PlainGet } from '../http/plain-get.ts';
import type { QuickResponder } from '../http/quick-connection.ts';
import { freshness } from '../policy/freshness.ts';
import type { Guest } from '../policy/limits/viewings.ts';
import { originRequestFields, viewerFieldsForOrigin } from '../policy/origin-request.ts';
import type { ByteRange } from '../policy/range-selection.ts';
import type { BodyReader } from '../stores/body-reader.ts';
import { sharedProtocol } from './asked.ts';
import { CachedResponse, type GrowingResponse, isVariantFor, selectVariant } from './edge-response.ts';
import type { AnsweredOutcome, FetchOutcome, FetchWaiter } from './fetch-waiters.ts';
import { BodyFollower, type FollowedBody } from './follow-body.ts';
import { informationText, type JoinedHead, joinedHead } from './joined-head.ts';
import { FirstBytes, type FirstBytesTaker } from './first-bytes.ts';
import { fieldsWithoutGrant } from './grant-admission.ts';
import { OriginFetch } from './origin-fetch.ts';
import { quickGuest } from './limits/limit-admission.ts';
import { isPaced } from './limits/viewer-limits.ts';
import { isPlaylist, isPlaylistName } from './personal-playlist.ts';
import { mayGoOn, opens, type PlainAddress } from './plain-address.ts';
import { isPlainlySelected, plainSelectingFields } from './plain-variant.ts';
import { answeredProvenance, hitProvenance, type Provenance, ttlSecondsOf } from './provenance.ts';
import type { QuickHitContext } from './quick-hit.ts';

/** A plain GET for what others have asked for. */
interface Joining {
  readonly get: PlainGet;
  readonly peer: Peer;
  /** `undefined`: nobody has asked who it is. */
  readonly guest: Guest | undefined;
  readonly requestId: string;
  readonly address: PlainAddress;
  /** What let the viewer in may have to go on with a playlist: that is for the steps to do. */
  readonly carries: boolean;
  /** As the origin would see them. */
  readonly requestFields: () => FieldLines;
}

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
  const carries = mayGoOn(address);
  if (carries && isPlaylistName(address.target)) return undefined;
  const grant = address.lastGrant?.grant;
  const nowMs = edge.clock.monotonicMs();
  const growing = edge.fetches.growing(cacheKey);
  const fetch = growing.length > 0 ? undefined : edge.fetches.waiting(cacheKey);
  if (growing.length === 0 && fetch === undefined) return undefined;
  const requestId = edge.nextRequestId();
  const requestFields = () =>
    originRequestFields(
      {
        acceptEncoding: normaliseAcceptEncoding(get.fields.acceptEncoding),
        forwardedFor: get.fields.forwardedFor,
        connectedFrom: peer.proxyAddress ?? peer.address ?? 'unknown',
        viewerProtocol: sharedProtocol(behaviour),
        via: undefined,
        cdnLoop: undefined,
        requestId,
        viewerFields: [
          ...fieldsWithoutGrant(behaviour, viewerFieldsForOrigin(linesOf(get), behaviour.forwarded)),
          ...(behaviour.viewerCountry?.fieldsFor(peer.address) ?? []),
        ],
      },
      edge.identity,
      [],
    );
  const joined = fetch === undefined ? selectVariant(growing, requestFields) : fetch;
  if (joined === undefined) return undefined;
  if (joined instanceof OriginFetch) {
    if (joined.waiterCount >= edge.maxWaiting || edge.fetches.verdict(cacheKey, nowMs) !== undefined) return undefined;
  } else if (freshness(joined.head.facts, nowMs).kind !== 'fresh' || isSpecial({ address, carries }, joined)) {
    return undefined;
  }
  let guest: Guest | undefined;
  if (edge.attendance.concerns(behaviour)) {
    guest = quickGuest(edge.attendance, behaviour, peer.address, grant, address.resource.path);
    if (guest === undefined) return undefined;
  }
  return new JoinedAnswer(context, { get, peer, guest, requestId, address, carries, requestFields }, joined, nowMs);
}

/** The fields of a plain GET as lines. */
function linesOf({ fields }: PlainGet): FieldLines {
  return fields.text
    .split('\r\n')
    .slice(1)
    .flatMap((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
}

/** Whether the viewer gets something else: a page in place of an error, a playlist of its own. */
function isSpecial(
  { address, carries }: Pick<Joining, 'address' | 'carries'>,
  { head }: GrowingResponse | CachedResponse,
): boolean {
  const { behaviour, target } = address;
  if (head.status >= 400) return behaviour.errorPage(head.status) !== undefined;
  return carries && isPlaylist(head, target);
}

/** A body from a byte on. */
function restOf({ lengthBytes }: GrowingResponse | CachedResponse, fromByte: number): ByteRange {
  return { first: fromByte, last: (lengthBytes ?? Number.POSITIVE_INFINITY) - 1 };
}

/** By outcome, and by Accept-Encoding as it came: whether it is for those who said that. */
const fitting = new WeakMap<AnsweredOutcome, Map<string | undefined, boolean>>();

/** All of a crowd are asked this before any gets a byte, and most of them said the same. */
function isFor(outcome: AnsweredOutcome, { get, requestFields }: Joining): boolean {
  const { head } = outcome.response;
  if (!isPlainlySelected(head)) return isVariantFor(head, requestFields);
  let known = fitting.get(outcome);
  if (known === undefined) fitting.set(outcome, (known = new Map<string | undefined, boolean>()));
  const { acceptEncoding } = get.fields;
  let fits = known.get(acceptEncoding);
  if (fits === undefined) {
    fits = isVariantFor(head, () => plainSelectingFields(get));
    known.set(acceptEncoding, fits);
  }
  return fits;
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
  #head: JoinedHead | undefined;
  #headMs = 0;
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
      this.follow(0);
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
      this.#writeHead(taker);
      this.#full = !taker.write(bytes);
      if (bytes.length !== this.#response.lengthBytes) return;
      this.#over = true;
      taker.end();
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
    shared.first.add(this);
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
    const { clock, name } = this.#context.edge;
    const { address, get, requestId } = this.#joining;
    const nowMs = clock.monotonicMs();
    const given = { cause: this.#cause, cors: address.behaviour.cors.of(get.fields.origin), nowMs, howAt: this.#howAt };
    this.#head = joinedHead(name, this.#response, given);
    this.#headMs = nowMs;
    taker.writeHead(this.#head.text, requestId, this.#response.lengthBytes === undefined);
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
      target: get.target,
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
