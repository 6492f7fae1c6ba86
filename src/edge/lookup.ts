import type { FieldLines } from '../formats/http-fields/field-lines.ts';
import type { CacheStore } from '../stores/cache-store.ts';
import { type CachedResponse, selectVariant } from './edge-response.ts';

/**
 * The stored response that is for a request, fresh or not: the one place that says so, for the steps of a request and
 * for the quick hit alike. `requestFields` are those that the origin would see, asked for only where they matter.
 */
export function lookUp(
  store: CacheStore<CachedResponse>,
  cacheKey: string,
  requestFields: () => FieldLines,
): CachedResponse | undefined {
  return selectVariant(store.get(cacheKey), requestFields);
}
