import type { Storable } from '../../src/stores/cache-store.ts';
import { MemoryCache } from '../../src/stores/memory-cache.ts';
import type { BenchRow } from './report.ts';

const objects = 100_000;
const cacheShare = 0.1;

/** What a cache is to a trace. */
interface TracedCache {
  has(cacheKey: string): boolean;
  put(cacheKey: string, costBytes: number): void;
}

/** What most caches do: who was used longest ago goes first. */
class LeastRecentlyUsed implements TracedCache {
  readonly #limitBytes: number;
  readonly #costs = new Map<string, number>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  has(cacheKey: string): boolean {
    const costBytes = this.#costs.get(cacheKey);
    if (costBytes === undefined) return false;
    this.#costs.delete(cacheKey);
    this.#costs.set(cacheKey, costBytes);
    return true;
  }

  put(cacheKey: string, costBytes: number): void {
    this.#costs.set(cacheKey, costBytes);
    this.#bytes += costBytes;
    for (const [oldest, oldestBytes] of this.#costs) {
      if (this.#bytes <= this.#limitBytes) return;
      this.#costs.delete(oldest);
      this.#bytes -= oldestBytes;
    }
  }
}

class Ours implements TracedCache {
  readonly #cache: MemoryCache<Storable>;

  constructor(limitBytes: number) {
    this.#cache = new MemoryCache(limitBytes);
  }

  has(cacheKey: string): boolean {
    return this.#cache.get(cacheKey).length > 0;
  }

  put(cacheKey: string, costBytes: number): void {
    this.#cache.put(cacheKey, { costBytes, variantKey: '', sequence: 0, tags: [] });
  }
}

/** Numbers in [0, 1), the same every time (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ranks from 0, the nth as often as 1/n. */
function zipf(next: () => number): () => number {
  const sums = new Float64Array(objects);
  let sum = 0;
  for (let rank = 0; rank < objects; rank++) {
    sum += 1 / (rank + 1);
    sums[rank] = sum;
  }
  return () => {
    const wanted = next() * sum;
    let low = 0;
    let high = objects - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

function* zipfTrace(requests: number): Generator<string> {
  const rank = zipf(random(1));
  for (let i = 0; i < requests; i++) yield `bench /object/${rank()}`;
}

/** The same, and in bursts of 15,000 what is asked for once: a crawler, or a backup. */
function* scanTrace(requests: number): Generator<string> {
  const rank = zipf(random(2));
  for (let i = 0; i < requests; i++) {
    yield i % 50_000 < 15_000 ? `bench /scanned/${i}` : `bench /object/${rank()}`;
  }
}

const sameSize = (): number => 10_000;

/** From 2 kB to 32 MB, many small ones and few large ones, whatever their rank. */
function cdnSize(cacheKey: string): number {
  let hash = 0;
  for (let i = 0; i < cacheKey.length; i++) hash = Math.imul(hash ^ cacheKey.charCodeAt(i), 0x9e3779b1);
  const uniform = (((hash ^ (hash >>> 15)) >>> 0) + 1) / (2 ** 32 + 1);
  return Math.floor(Math.min(32e6, 2_000 * uniform ** -0.9));
}

function hitRatio(cache: TracedCache, trace: Iterable<string>, sizeOf: (cacheKey: string) => number): number {
  let requests = 0;
  let hits = 0;
  for (const cacheKey of trace) {
    requests++;
    if (cache.has(cacheKey)) hits++;
    else cache.put(cacheKey, sizeOf(cacheKey));
  }
  return hits / requests;
}

/** Hit ratios of the memory store beside those of LRU, of caches that hold a tenth of the bytes that are asked for. */
export function hitRatioRows(quick: boolean): BenchRow[] {
  const requests = quick ? 200_000 : 1_000_000;
  const traces = { Zipf: zipfTrace, 'Zipf with scans': scanTrace };
  const sizes = { 'of one size': sameSize, 'of CDN sizes': cdnSize };
  return Object.entries(traces).flatMap(([traceName, trace]) =>
    Object.entries(sizes).map(([sizeName, sizeOf]) => {
      let allBytes = 0;
      for (let rank = 0; rank < objects; rank++) allBytes += sizeOf(`bench /object/${rank}`);
      const limitBytes = allBytes * cacheShare;
      return {
        name: `hit ratio, ${traceName}, objects ${sizeName}, vs LRU`,
        value: hitRatio(new Ours(limitBytes), trace(requests), sizeOf),
        peer: hitRatio(new LeastRecentlyUsed(limitBytes), trace(requests), sizeOf),
        unit: 'of requests',
        better: 'higher' as const,
        target: { of: 'ratio' as const, bound: 1.001 },
        notes: [],
      };
    }),
  );
}
