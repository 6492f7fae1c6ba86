import { CachedResponse } from '../../src/edge/edge-response.ts';
import { judgeResponse } from '../../src/edge/judge-response.ts';
import { cloudFront } from '../policy/judged.ts';
import { MemoryCache } from '../../src/stores/memory-cache.ts';

/**
 * `node --expose-gc store-heap-child.ts OBJECTS`: fills a memory store and prints what an object takes, as JSON. The
 * fields are the same list for all, so that they do not count; of the body its bytes do not.
 */
const objects = Number(process.argv[2]);
const bodyBytes = 100;
const fields = ['Content-Type', 'video/mp4', 'Cache-Control', 'public, max-age=31536000', 'ETag', '"abc"'];

function used(): { heap: number; resident: number } {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, resident: rss };
}

function response(receivedMs: number): CachedResponse {
  const { head } = judgeResponse(
    200,
    fields,
    [],
    {
      requestFields: [],
      keyed: [],
      tagField: undefined,
      surrogateControl: false,
      disk: true,
      policy: cloudFront(),
    },
    {
      requestedMonotonicMs: receivedMs,
      receivedMonotonicMs: receivedMs,
      receivedWallMs: 1_767_225_600_000 + receivedMs,
      sequence: 1,
      former: undefined,
    },
  );
  // In its place: a copy of the head would not be the object that an edge has.
  return new CachedResponse(Object.assign(head, { fields }), Buffer.allocUnsafeSlow(bodyBytes));
}

const store = new MemoryCache<CachedResponse>(Number.MAX_SAFE_INTEGER);
response(0);
const before = used();
for (let i = 0; i < objects; i++) store.put(`bench /videos/${i}/segment.m4s`, response(i + 0.5));
const after = used();

/** The cost of `get` among the first `among` of the objects, in nanoseconds: the least of five. */
function getNanoseconds(among: number): number {
  const cacheKeys = Array.from({ length: 200_000 }, (_, i) => `bench /videos/${(i * 7_919) % among}/segment.m4s`);
  for (const cacheKey of cacheKeys) store.get(cacheKey);
  const rounds = Array.from({ length: 5 }, () => {
    const beganAtMs = performance.now();
    for (const cacheKey of cacheKeys) store.get(cacheKey);
    return ((performance.now() - beganAtMs) / cacheKeys.length) * 1e6;
  });
  return Math.min(...rounds);
}

process.stdout.write(
  JSON.stringify({
    // A small body is text, which lies in the heap.
    heapBytes: (after.heap - before.heap) / objects - bodyBytes,
    residentBytes: (after.resident - before.resident) / objects - bodyBytes,
    getFewNanoseconds: getNanoseconds(Math.min(1_000, objects)),
    getAllNanoseconds: getNanoseconds(objects),
  }),
);
