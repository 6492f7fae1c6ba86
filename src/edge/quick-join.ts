import { normaliseAcceptEncoding } from '../formats/http-fields/accept-encoding.ts';
import type { FieldLines } from '../formats/http-fields/field-lines.ts';
import type { AnswerTaker, ComingAnswer } from '../http/coming-answer.ts';
import type { Peer } from '../http/peer.ts';
import type { PlainGet } from '../http/plain-get.ts';
import type { QuickResponder } from '../http/quick-connection.ts';
import { freshness } from '../policy/freshness.ts';
import { originRequestFields, viewerFieldsForOrigin } from '../policy/origin-request.ts';
import { parseRequestTarget } from '../policy/request-target.ts';
import { addressOf, sharedProtocol } from './asked.ts';
import { CachedResponse, type GrowingResponse, isVariantFor, selectVariant } from './edge-response.ts';
import type { FetchOutcome, FetchWaiter } from './fetch-waiters.ts';
import { BodyFollower } from './follow-body.ts';
import { informationText, type JoinedHead, joinedHead } from './joined-head.ts';
import { OriginFetch } from './origin-fetch.ts';
import { answeredProvenance, hitProvenance, type Provenance, ttlSecondsOf } from './provenance.ts';
import type { QuickHitContext } from './quick-hit.ts';
import type { Behaviour } from './routes.ts';

/** A plain GET for what others have asked for. */
interface Joining {
  readonly get: PlainGet;
  readonly peer: Peer;
  readonly requestId: string;
  readonly behaviour: Behaviour;
  readonly cacheKey: string;
  /** Path and query for the origin. */
  readonly target: string;
  /** As the origin would see them. */
  readonly requestFields: () => FieldLines;
}

/**
 * The steps of a request for one of a crowd: a plain GET for something that others wait for, or that is arriving. With
 * hundreds of them, what each costs decides when the last one has its first byte. What this does not answer, `request-steps.ts` does; what it answers, that would answer in the same words.
 */
export function quickJoins(
  context: Omit<QuickHitContext, 'isElsewhere'>,
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
interface Crowd extends Omit<QuickHitContext, 'isElsewhere'> {
  joins: number;
}

function join(context: Crowd, get: PlainGet, peer: Peer): ComingAnswer | undefined {
  const { edge } = context;
  const asked = parseRequestTarget(get.target);
  if (asked.kind !== 'resource') return undefined;
  const behaviour = edge.route(get.fields.host, asked.path);
  if (typeof behaviour === 'string') return undefined;
  if (behaviour.viewerProtocol !== 'allow-all' && peer.tls === undefined) return undefined;
  const { cacheKey, target } = addressOf(behaviour, asked);
  // What is stored and will not do is for the steps to judge.
  if (edge.store.has(cacheKey)) return undefined;
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
        viewerAddress: peer.address ?? 'unknown',
        viewerProtocol: sharedProtocol(behaviour),
        via: undefined,
        cdnLoop: undefined,
        requestId,
        viewerFields: viewerFieldsForOrigin(linesOf(get), behaviour.forwarded),
      },
      edge.identity,
      [],
    );
  const joining = { get, peer, requestId, behaviour, cacheKey, target, requestFields };
  if (fetch === undefined) {
    const arriving = selectVariant(growing, requestFields);
    const usable = arriving !== undefined && freshness(arriving.head.facts, nowMs).kind === 'fresh';
    return usable && !hasPage(behaviour, arriving) ? new JoinedAnswer(context, joining, arriving, nowMs) : undefined;
  }
  if (fetch.waiterCount >= edge.maxWaiting || edge.fetches.verdict(cacheKey, nowMs) !== undefined) return undefined;
  return new JoinedAnswer(context, joining, fetch, nowMs);
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

/** Whether viewers get something else in place of this error. */
function hasPage(behaviour: Behaviour, { head }: GrowingResponse | CachedResponse): boolean {
  return head.status >= 400 && behaviour.errorPage(head.status) !== undefined;
}

/** One of a crowd: it waits for the head of the answer, then follows the body. */
class JoinedAnswer implements ComingAnswer, FetchWaiter {
  readonly #context: Crowd;
  readonly #joining: Joining;
  readonly #beganMs: number;
  #joined: OriginFetch | GrowingResponse | undefined;
  #taker: AnswerTaker | undefined;
  #follower: BodyFollower | undefined;
  /** When it went out, and what it said. */
  #head: JoinedHead | undefined;
  #headMs: number | undefined;

  constructor(context: Crowd, joining: Joining, joined: OriginFetch | GrowingResponse, beganMs: number) {
    this.#context = context;
    this.#joining = joining;
    this.#joined = joined;
    this.#beganMs = beganMs;
  }

  begin(taker: AnswerTaker): void {
    this.#taker = taker;
    this.#context.edge.counters.requests++;
    const joined = this.#joined;
    if (joined instanceof OriginFetch) joined.wait(this);
    else if (joined !== undefined) this.#carefully(() => this.#give(joined, joined, hitOf));
  }

  drained(): void {
    this.#follower?.drained();
  }

  ended(whole: boolean, sentBytes: number): void {
    if (this.#joined instanceof OriginFetch) this.#joined.leave(this);
    const follower = this.#follower;
    // Not from within the body's own call, which may be what ended it.
    if (follower !== undefined) queueMicrotask(() => follower.closed());
    const { clock } = this.#context.edge;
    const over = { whole, sentBytes, endedMs: clock.monotonicMs(), endedWallMs: clock.wallMs() };
    // The rest of the crowd first.
    if (whole) setImmediate(() => this.#record(over));
    else this.#record(over);
  }

  onInformation(status: number, fields: FieldLines): void {
    this.#taker?.writeInformation(informationText(status, fields));
  }

  onOutcome(outcome: FetchOutcome): void {
    this.#joined = undefined;
    this.#carefully(() => this.#take(outcome));
  }

  /** A bug of ours costs this viewer the answer, and not those who wait for the same. */
  #carefully(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#context.edge.log.error(
        { err: error, cacheKey: this.#joining.cacheKey },
        'an answer could not be delivered',
      );
      this.#taker?.destroy();
    }
  }

  #take(outcome: FetchOutcome): void {
    const { behaviour, requestFields } = this.#joining;
    if (
      (outcome.kind === 'arriving' || outcome.kind === 'slicing') &&
      isVariantFor(outcome.response.head, requestFields) &&
      !hasPage(behaviour, outcome.response)
    ) {
      const how = (nowMs: number) => answeredProvenance(outcome, { first: false, reason: 'uri-miss' }, nowMs);
      this.#give(outcome.response, outcome, how);
    } else {
      this.#passOn();
    }
  }

  /** As if it had come now: what was learnt of the origin meanwhile is known there. */
  #passOn(): void {
    this.#context.edge.counters.requests--;
    this.#taker?.passOn();
  }

  /** `cause`: the same object for all who get it for the same reason. */
  #give(
    response: GrowingResponse | CachedResponse,
    cause: object,
    howAt: (nowMs: number, response: GrowingResponse | CachedResponse) => Provenance,
  ): void {
    const taker = this.#taker;
    if (taker === undefined) return;
    const { edge } = this.#context;
    const { behaviour, cacheKey, requestFields, requestId, target } = this.#joining;
    const { lengthBytes } = response;
    edge.counters.hits++;
    this.#context.joins++;
    const common = {
      legs: lengthBytes === 0 ? [] : [{ range: lengthBytes === undefined ? undefined : wholeRange(lengthBytes) }],
      writeHead: () => {
        const nowMs = edge.clock.monotonicMs();
        this.#head = joinedHead(edge.name, response, { cause, cors: behaviour.cors, nowMs, howAt });
        this.#headMs = nowMs;
        taker.writeHead(this.#head.text, requestId, lengthBytes === undefined);
      },
    };
    if (response instanceof CachedResponse) {
      const source = { upstream: behaviour.upstream, target, requestFields };
      const range = wholeRange(response.lengthBytes);
      this.#follower = new BodyFollower(taker, {
        ...common,
        open: (_range, onProgress) => edge.slices.openReader(cacheKey, response, source, range, onProgress),
        onNoFirstByte: () => {
          edge.counters.hits--;
          this.#context.joins--;
          this.#passOn();
        },
      });
    } else {
      this.#follower = new BodyFollower(taker, {
        ...common,
        open: (range, onProgress) => response.body.openReader(onProgress, range),
        onEnd: () => response.onReaderLeft(),
      });
    }
    this.#follower.start();
  }

  #record(over: { whole: boolean; sentBytes: number; endedMs: number; endedWallMs: number }): void {
    const { get, peer, requestId } = this.#joining;
    this.#context.recorder.record({
      endedWallMs: over.endedWallMs,
      durationMs: over.endedMs - this.#beganMs,
      firstByteMs: this.#headMs === undefined ? undefined : this.#headMs - this.#beganMs,
      client: peer,
      method: 'GET',
      target: get.target,
      fields: get.fields,
      requestBytes: get.headBytes,
      requestId: this.#head && requestId,
      status: this.#head?.status ?? 0,
      result: this.#head?.result ?? 'Error',
      whole: over.whole,
      sentBytes: over.sentBytes,
      contentType: this.#head?.contentType,
      contentLength: this.#head?.contentLength,
      contentRange: undefined,
    });
  }
}

function hitOf(nowMs: number, { head }: GrowingResponse | CachedResponse): Provenance {
  return hitProvenance(head, ttlSecondsOf(head, nowMs));
}

function wholeRange(lengthBytes: number): { readonly first: number; readonly last: number } {
  return { first: 0, last: lengthBytes - 1 };
}
