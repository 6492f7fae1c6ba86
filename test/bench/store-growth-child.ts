import { CachedResponse } from '../../src/edge/edge-response.ts';
import { MemoryCache } from '../../src/stores/memory-cache.ts';

/*
 * To be loaded into an edge before its program, with `--expose-gc`: `/1000/fill-N`, once asked for, puts N answers like it
 * under `/1000/0` to `/1000/N-1`. To have a million answered by an origin takes minutes, and what is measured is what comes
 * after. What so many at once leave behind is collected then: a second of marking, which would fall into the first rounds.
 */

const prototype = MemoryCache.prototype as MemoryCache<CachedResponse>;
const put = Reflect.get<MemoryCache<CachedResponse>, 'put'>(prototype, 'put');

prototype.put = function (this: MemoryCache<CachedResponse>, cacheKey: string, stored: CachedResponse) {
  const asked = /^(.*\/)fill-(\d+)$/.exec(cacheKey);
  for (let n = 0; n < Number(asked?.[2] ?? 0); n++) {
    // Nothing of it is shared, as nothing would be of what an origin sends.
    put.call(this, `${asked?.[1]}${n}`, new CachedResponse(structuredClone(stored.head), Buffer.from(stored.body)));
  }
  if (asked) globalThis.gc?.();
  return put.call(this, cacheKey, stored);
};
