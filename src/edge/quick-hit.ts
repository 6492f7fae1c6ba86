import { STATUS_CODES } from 'node:http';
import { wallClockBeside } from '../base/clock.ts';
import type { Peer } from '../http/peer.ts';
import type { PlainGet } from '../http/plain-get.ts';
import type { QuickHead } from '../http/answer-images.ts';
import type { QuickAnswer, QuickResponder } from '../http/quick-connection.ts';
import type { ExchangeRecorder } from '../observe/exchange.ts';
import { type Freshness, freshness } from '../policy/freshness.ts';
import type { Guest } from '../policy/limits/viewings.ts';
import type { Loan } from '../stores/cache-store.ts';
import { quickGuest } from './limits/limit-admission.ts';
import { withoutWithheld } from './limits/reduced-playlist.ts';
import type { CrossSite } from './cross-site.ts';
import { type CachedResponse, type QuickHit, selectVariant } from './edge-response.ts';
import { ownPlaylist } from './own-playlist.ts';
import { isPlaylist } from './personal-playlist.ts';
import { type FindPlainAddress, opens, plainCarriage } from './plain-address.ts';
import { isPlainlySelected, plainSelectingFields } from './plain-variant.ts';
import { hitProvenance } from './provenance.ts';
import type { EdgeContext } from './request-steps.ts';
import { quickHit } from './viewer-fields.ts';

/** What a quick hit works with. */
export interface QuickHitContext {
  readonly edge: EdgeContext;
  readonly recorder: ExchangeRecorder;
  readonly findAddress: FindPlainAddress;
}

const statusLine = `HTTP/1.1 200 ${STATUS_CODES[200]}`;

/**
 * The steps of a request for the most frequent case: a plain GET whose answer is in memory, fresh, and sent whole. What
 * this does not answer, `request-steps.ts` does; what it answers, that would answer in the same words.
 */
export function quickHits(context: QuickHitContext): QuickResponder & { readonly hits: number } {
  const { edge, findAddress } = context;
  const answering: Answering = { ...context, wallMs: wallClockBeside(edge.clock) };
  let hits = 0;
  return {
    /** Answered since the start. */
    get hits() {
      return hits;
    },
    answer(get, peer) {
      const beganMs = edge.clock.monotonicMs();
      const address = findAddress(get);
      if (typeof address === 'string') return address;
      const { behaviour, cacheKey } = address;
      if (!opens(edge, address, get, peer)) return 'whole-way';
      if (behaviour.viewerProtocol !== 'allow-all' && peer.tls === undefined) return 'whole-way';
      const variants = edge.store.get(cacheKey);
      const loan = variants.length === 0 ? borrow(edge, cacheKey, get, beganMs) : undefined;
      const hit = plainHit(loan === undefined ? variants : [loan.stored], get, beganMs);
      if (hit === undefined) return 'whole-way';
      const { stored, state } = hit;
      const goesOn = behaviour.carryGrants !== 'none' && isPlaylist(stored.head, address.target);
      const carriage = goesOn ? plainCarriage(edge, address, get, peer) : undefined;
      // Cookies are for the steps to set.
      if (carriage?.kind === 'cookies') {
        loan?.giveBack(true);
        return 'whole-way';
      }
      let guest: Guest | undefined;
      if (edge.attendance.concerns(behaviour)) {
        guest = quickGuest(
          edge.attendance,
          behaviour,
          peer.address,
          address.lastGrant?.grant,
          address.resource.path,
          beganMs,
        );
        if (guest === undefined) {
          loan?.giveBack(true);
          return 'whole-way';
        }
        const { egress } = behaviour.limits ?? {};
        const { path } = address.resource;
        if (egress !== undefined && withoutWithheld(egress, behaviour.distribution, path, stored, beganMs) !== stored) {
          loan?.giveBack(true);
          edge.attendance.giveBack(behaviour.limits, guest);
          return 'whole-way';
        }
      }
      const cors = behaviour.cors.of(get.fields.origin);
      const own = carriage && ownPlaylist(edge.name, carriage, stored, () => stored.body, hitSaid(stored, state, cors));
      const body = own?.body ?? stored.keptBody;
      if (guest !== undefined)
        edge.attendance.spend(behaviour.limits, guest, guest.viewing?.stream, body.length, beganMs);
      edge.counters.requests++;
      edge.counters.hits++;
      hits++;
      const quick = own?.quick ?? quickHit(edge.name, stored, state, { cors, statusLine });
      return new QuickHitAnswer(answering, { get, target: address.text, peer, guest, body, quick, beganMs, loan });
    },
  };
}

interface FreshHit {
  readonly stored: CachedResponse;
  readonly state: Freshness & { kind: 'fresh' };
}

/** What is said of such a hit. */
function hitSaid({ head }: CachedResponse, { ageMs, remainingMs }: FreshHit['state'], cors: CrossSite) {
  return { how: hitProvenance(head, Math.floor(remainingMs / 1_000)), ageMs, cors };
}

/** What of the variants of a key answers a plain GET as it is. */
function plainHit(variants: readonly CachedResponse[], get: PlainGet, nowMs: number): FreshHit | undefined {
  const [first] = variants;
  if (first === undefined) return undefined;
  if (variants.length === 1 && first.plainLines !== undefined) {
    const ageMs = nowMs - first.bornMs;
    const remainingMs = first.lifetimeSeconds * 1_000 - ageMs;
    return remainingMs > 0 ? { stored: first, state: { kind: 'fresh', ageMs, remainingMs } } : undefined;
  }
  if (!variants.every(({ head }) => isPlainlySelected(head))) return undefined;
  const stored = selectVariant(variants, () => plainSelectingFields(get));
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

interface Answering extends QuickHitContext {
  readonly wallMs: (monotonicMs: number) => number;
}

interface Hit {
  readonly get: PlainGet;
  /** Of it, for the log, which knows again what comes again. */
  readonly target: string;
  readonly peer: Peer;
  /** `undefined`: nobody has asked who it is. */
  readonly guest: Guest | undefined;
  readonly body: Buffer | string;
  readonly quick: QuickHit;
  readonly beganMs: number;
  /** The body lies in borrowed bytes. */
  readonly loan: Loan<CachedResponse> | undefined;
}

/** One answer, and what the log says of it. */
class QuickHitAnswer implements QuickAnswer {
  readonly head: QuickHead;
  readonly requestId: string;
  readonly body: Buffer | string;
  readonly #context: Answering;
  readonly #hit: Hit;

  constructor(context: Answering, hit: Hit) {
    this.#context = context;
    this.#hit = hit;
    this.head = hit.quick.head;
    this.requestId = context.edge.nextRequestId();
    this.body = hit.body;
  }

  get guest(): Guest {
    const { guest, peer } = this.#hit;
    return guest ?? this.#context.edge.attendance.anybody(peer.address);
  }

  ended(whole: boolean, sentBytes: number, isFree: boolean): void {
    const { edge, recorder, wallMs } = this.#context;
    const { get, target, peer, quick, beganMs, loan } = this.#hit;
    loan?.giveBack(isFree);
    const endedMs = edge.clock.monotonicMs();
    recorder.record({
      endedWallMs: wallMs(endedMs),
      durationMs: endedMs - beganMs,
      // The head goes out with the first bytes of the body, at once.
      firstByteMs: 0,
      client: peer,
      method: 'GET',
      target,
      fields: get.fields,
      requestBytes: get.headBytes,
      requestId: this.requestId,
      status: 200,
      result: 'Hit',
      whole,
      sentBytes,
      contentType: quick.contentType,
      contentLength: quick.contentLength,
      contentRange: undefined,
    });
  }
}
