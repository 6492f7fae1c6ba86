import { CachedResponse } from '../../src/edge/edge-response.ts';
import { MemoryCache } from '../../src/stores/memory-cache.ts';

/*
 * To be loaded into an edge before its program, with `--expose-gc`: `/1000/fill-F-T`, once asked for, puts answers like it
 * under `/1000/F` to `/1000/T-1`. To have a million answered by an origin takes minutes, and what is measured is what comes
 * after. `/1000/filled` collects what so many leave behind: a second of marking, which would fall into the first rounds.
 */

const prototype = MemoryCache.prototype as MemoryCache<CachedResponse>;
const put = Reflect.get<MemoryCache<CachedResponse>, 'put'>(prototype, 'put');

prototype.put = function (this: MemoryCache<CachedResponse>, cacheKey: string, stored: CachedResponse) {
  const asked = /^(.*\/)fill-(\d+)-(\d+)$/.exec(cacheKey);
  for (let n = Number(asked?.[2]); n < Number(asked?.[3]); n++) {
    // Nothing of it is shared, as nothing would be of what an origin sends.
    put.call(this, `${asked?.[1]}${n}`, new CachedResponse(structuredClone(stored.head), Buffer.from(stored.body)));
  }
  if (cacheKey.endsWith('/filled')) globalThis.gc?.();
  return put.call(this, cacheKey, stored);
};
