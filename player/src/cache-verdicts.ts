/** What the edge did for one response, from its `X-Cache` field. */
export type CacheVerdict = 'hit' | 'miss' | 'error';

/**
 * Reads `X-Cache` as CloudFront writes it: `Hit from …` and `RefreshHit from …` came from the cache, `Miss from …` and
 * `Bypass …` from the origin, `Error from …` from nowhere. Undefined when the field is not there.
 */
export function cacheVerdict(xCache: string | null | undefined): CacheVerdict | undefined {
  const word = (xCache ?? '').trim().split(/\s/)[0]?.toLowerCase() ?? '';
  if (word === '') return undefined;
  if (word.includes('hit')) return 'hit';
  return word.startsWith('error') ? 'error' : 'miss';
}

/** The last verdicts, oldest first, and the share of hits among them. */
export class RecentVerdicts {
  readonly #capacity: number;
  #verdicts: readonly CacheVerdict[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(verdict: CacheVerdict): void {
    this.#verdicts = [...this.#verdicts, verdict].slice(-this.#capacity);
  }

  get verdicts(): readonly CacheVerdict[] {
    return this.#verdicts;
  }

  /** Between 0 and 1; undefined before the first verdict. */
  get hitRatio(): number | undefined {
    if (this.#verdicts.length === 0) return undefined;
    return this.#verdicts.filter((verdict) => verdict === 'hit').length / this.#verdicts.length;
  }
}
