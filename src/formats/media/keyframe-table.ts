import type { KeyframeTable } from './stored-media.ts';

/** Of a file that does not say where its keyframes are. */
export const noKeyframes: KeyframeTable = { timesMs: new Float64Array(0), offsets: new Float64Array(0) };

/** Where in ascending numbers the last one stands that is not beyond `bound`; -1 where all are. */
export function lastAtOrBefore(ascending: Float64Array, bound: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) <= bound) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
