import type { UpstreamError } from '../base/errors.ts';
import { type BanList, everyTag } from '../policy/ban-list.ts';
import type { GrowingResponse } from './edge-response.ts';

/** What was learnt about a cache key lately, kept for seconds. */
export type Verdict =
  /** Its answers are for one viewer each: asking the origin together is no use. */
  | (Learnt & { readonly kind: 'hit-for-miss' })
  /** The origin failed: whoever comes now gets the same error, and the origin a moment's rest. */
  | (Learnt & { readonly kind: 'failed'; readonly error: UpstreamError });

interface Learnt {
  readonly untilMs: number;
  /** The ban list's number when the fetch began that learnt it. */
  readonly sequence: number;
}

/** A fetch as far as it is to be found here. */
interface Fetching {
  /** The ban list's number when it began. */
  readonly sequence: number;
}

const maxVerdicts = 10_000;

/**
 * What is under way, by cache key: fetches without an answer yet, bodies that are arriving, verdicts for seconds. What
 * has been banned since it began goes on for those who have it, and is not found any more by those who come.
 */
export class RunningFetches<Fetch extends Fetching> {
  readonly #bans: BanList;
  readonly #waiting = new Map<string, Fetch>();
  readonly #growing = new Map<string, GrowingResponse[]>();
  readonly #verdicts = new Map<string, Verdict>();

  constructor(bans: BanList) {
    this.#bans = bans;
  }

  /** The fetch that a request for this key can wait for. */
  waiting(cacheKey: string): Fetch | undefined {
    const fetch = this.#waiting.get(cacheKey);
    // Its answer may bring any tag.
    if (fetch === undefined || this.#bans.isOutdated(cacheKey, everyTag, fetch.sequence)) return undefined;
    return fetch;
  }

  /** Whether something is asked for, or is arriving, that is newer than anything a lower tier holds. */
  isComing(cacheKey: string): boolean {
    return this.waiting(cacheKey) !== undefined || this.growing(cacheKey).length > 0;
  }

  setWaiting(cacheKey: string, fetch: Fetch): void {
    this.#waiting.set(cacheKey, fetch);
  }

  endWaiting(cacheKey: string, fetch: Fetch): void {
    if (this.#waiting.get(cacheKey) === fetch) this.#waiting.delete(cacheKey);
  }

  /** Storable responses that are arriving and can still be read from their first byte, the newest first. */
  growing(cacheKey: string): readonly GrowingResponse[] {
    const allowed = ({ body, head }: GrowingResponse) =>
      body.keeping && !this.#bans.isOutdated(cacheKey, head.tags, head.sequence);
    return this.#growing.get(cacheKey)?.filter(allowed) ?? [];
  }

  addGrowing(cacheKey: string, response: GrowingResponse): void {
    this.#growing.set(cacheKey, [response, ...(this.#growing.get(cacheKey) ?? [])]);
  }

  removeGrowing(cacheKey: string, response: GrowingResponse): void {
    const others = (this.#growing.get(cacheKey) ?? []).filter((other) => other !== response);
    if (others.length === 0) this.#growing.delete(cacheKey);
    else this.#growing.set(cacheKey, others);
  }

  verdict(cacheKey: string, nowMs: number): Verdict | undefined {
    if (this.#verdicts.size === 0) return undefined;
    const verdict = this.#verdicts.get(cacheKey);
    if (verdict === undefined) return undefined;
    if (verdict.untilMs > nowMs && !this.#bans.isOutdated(cacheKey, everyTag, verdict.sequence)) return verdict;
    this.#verdicts.delete(cacheKey);
    return undefined;
  }

  setVerdict(cacheKey: string, verdict: Verdict): void {
    this.#verdicts.delete(cacheKey);
    this.#verdicts.set(cacheKey, verdict);
    const oldest = this.#verdicts.size > maxVerdicts ? this.#verdicts.keys().next().value : undefined;
    if (oldest !== undefined) this.#verdicts.delete(oldest);
  }

  clearVerdict(cacheKey: string): void {
    this.#verdicts.delete(cacheKey);
  }
}
