import type { UpstreamError } from '../base/errors.ts';
import type { GrowingResponse } from './edge-response.ts';

/** What was learnt about a cache key lately, kept for seconds. */
export type Verdict =
  /** Its answers are for one viewer each: asking the origin together is no use. */
  | { readonly kind: 'hit-for-miss'; readonly untilMs: number }
  /** The origin failed: whoever comes now gets the same error, and the origin a moment's rest. */
  | { readonly kind: 'failed'; readonly untilMs: number; readonly error: UpstreamError };

const maxVerdicts = 10_000;

/** What is under way, by cache key: fetches without an answer yet, bodies that are arriving, verdicts for seconds. */
export class RunningFetches<Fetch> {
  readonly #waiting = new Map<string, Fetch>();
  readonly #growing = new Map<string, GrowingResponse[]>();
  readonly #verdicts = new Map<string, Verdict>();

  /** The fetch that a request for this key can wait for. */
  waiting(cacheKey: string): Fetch | undefined {
    return this.#waiting.get(cacheKey);
  }

  setWaiting(cacheKey: string, fetch: Fetch): void {
    this.#waiting.set(cacheKey, fetch);
  }

  endWaiting(cacheKey: string, fetch: Fetch): void {
    if (this.#waiting.get(cacheKey) === fetch) this.#waiting.delete(cacheKey);
  }

  /** Storable responses that are arriving and can still be read from their first byte, the newest first. */
  growing(cacheKey: string): readonly GrowingResponse[] {
    return this.#growing.get(cacheKey)?.filter((response) => response.body.keeping) ?? [];
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
    if (verdict === undefined || verdict.untilMs > nowMs) return verdict;
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
