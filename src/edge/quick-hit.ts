import { STATUS_CODES } from 'node:http';
import { normaliseAcceptEncoding } from '../formats/http-fields/accept-encoding.ts';
import { type FieldLines, fieldValue } from '../formats/http-fields/field-lines.ts';
import type { Peer } from '../http/peer.ts';
import type { PlainGet } from '../http/plain-get.ts';
import type { QuickAnswer, QuickResponder } from '../http/quick-connection.ts';
import type { ExchangeRecorder } from '../observe/exchange.ts';
import { cacheKey, chooseQuery } from '../policy/cache-key.ts';
import { type Freshness, freshness } from '../policy/freshness.ts';
import { parseRequestTarget } from '../policy/request-target.ts';
import type { Loan } from '../stores/cache-store.ts';
import { type CachedResponse, selectVariant } from './edge-response.ts';
import type { EdgeContext } from './request-steps.ts';
import { hitHead } from './viewer-fields.ts';

/** What a quick hit works with. */
export interface QuickHitContext {
  readonly edge: EdgeContext;
  readonly recorder: ExchangeRecorder;
  /** Whether somebody else than the cache answers for a path, as it came. */
  readonly isElsewhere: (path: string) => boolean;
}

const statusLine = `HTTP/1.1 200 ${STATUS_CODES[200]}`;

/**
 * The steps of a request for the most frequent case: a plain GET whose answer is in memory, fresh, and sent whole. What
 * this does not answer, `request-steps.ts` does; what it answers, that would answer in the same words.
 */
export function quickHits(context: QuickHitContext): QuickResponder & { readonly hits: number } {
  const { edge, isElsewhere } = context;
  let hits = 0;
  return {
    /** Answered since the start. */
    get hits() {
      return hits;
    },
    answer(get, peer) {
      const beganMs = edge.clock.monotonicMs();
      const target = parseRequestTarget(get.target);
      if (target.kind !== 'resource') return 'whole-way';
      if (isElsewhere(target.path)) return 'for-good';
      const behaviour = edge.route(get.fields.host, target.path);
      if (typeof behaviour === 'string') return 'whole-way';
      if (behaviour.viewerProtocol !== 'allow-all' && peer.tls === undefined) return 'whole-way';
      const query = chooseQuery(target.query, behaviour.chosenQuery);
      const key = cacheKey(behaviour.distribution, target.path, query);
      const variants = edge.store.get(key);
      const loan = variants.length === 0 ? borrow(edge, key, get, beganMs) : undefined;
      const hit = plainHit(loan === undefined ? variants : [loan.stored], get, beganMs);
      if (hit === undefined) return 'whole-way';
      const { stored, state } = hit;
      edge.counters.requests++;
      edge.counters.hits++;
      hits++;
      const head = hitHead(edge.name, stored, state, { cors: behaviour.cors, statusLine });
      return new QuickHit(context, { get, peer, stored, head, beganMs, loan });
    },
  };
}

interface FreshHit {
  readonly stored: CachedResponse;
  readonly state: Freshness & { kind: 'fresh' };
}

/** What of the variants of a key answers a plain GET as it is. */
function plainHit(variants: readonly CachedResponse[], get: PlainGet, nowMs: number): FreshHit | undefined {
  if (!variants.every(isPlainlySelected)) return undefined;
  const stored = selectVariant(variants, () => selectingFields(get));
  if (stored === undefined || stored.head.status !== 200 || stored.head.sliced !== undefined) return undefined;
  const state = freshness(stored.head.facts, nowMs);
  return state.kind === 'fresh' ? { stored, state } : undefined;
}

/** What a lower tier lends at once. */
function borrow(
  { fetches, store }: EdgeContext,
  key: string,
  get: PlainGet,
  nowMs: number,
): Loan<CachedResponse> | undefined {
  return fetches.isComing(key) ? undefined : store.lend(key, (stored) => plainHit([stored], get, nowMs) !== undefined);
}

/** Any other field may be one that not every origin gets to see: the steps of a request know. */
function isPlainlySelected({ head }: CachedResponse): boolean {
  return head.selecting.every((name) => name === 'accept-encoding');
}

/** What the origin would see of a plain GET, as far as it chooses a variant that is `isPlainlySelected`. */
function selectingFields({ fields }: PlainGet): FieldLines {
  const encoding = normaliseAcceptEncoding(fields.acceptEncoding);
  return encoding === undefined ? [] : ['Accept-Encoding', encoding];
}

interface Hit {
  readonly get: PlainGet;
  readonly peer: Peer;
  readonly stored: CachedResponse;
  /** Up to the value of the request id. */
  readonly head: string;
  readonly beganMs: number;
  /** The body lies in borrowed bytes. */
  readonly loan: Loan<CachedResponse> | undefined;
}

/** One answer, and what the log says of it. */
class QuickHit implements QuickAnswer {
  readonly head: string;
  readonly requestId: string;
  readonly body: Buffer | string;
  readonly #context: QuickHitContext;
  readonly #hit: Hit;

  constructor(context: QuickHitContext, hit: Hit) {
    this.#context = context;
    this.#hit = hit;
    this.head = hit.head;
    this.requestId = context.edge.nextRequestId();
    this.body = hit.stored.keptBody;
  }

  ended(whole: boolean, sentBytes: number, isFree: boolean): void {
    const { edge, recorder } = this.#context;
    const { get, peer, stored, beganMs, loan } = this.#hit;
    loan?.giveBack(isFree);
    const { fields, target } = get;
    const durationMs = edge.clock.monotonicMs() - beganMs;
    recorder.record({
      endedWallMs: edge.clock.wallMs(),
      durationMs,
      // The head goes out with the first bytes of the body, at once.
      firstByteMs: 0,
      client: peer,
      method: 'GET',
      target,
      fields,
      requestBytes: get.headBytes,
      requestId: this.requestId,
      status: stored.head.status,
      result: 'Hit',
      whole,
      sentBytes,
      contentType: fieldValue(stored.head.fields, 'content-type'),
      contentLength: String(stored.keptBody.length),
      contentRange: undefined,
    });
  }
}
