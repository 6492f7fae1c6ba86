import type { Viewer } from './deliver.ts';
import type { CachedResponse } from './edge-response.ts';

/** A disk that takes longer than this is slower than most origins: what it holds counts as missing. */
export const recallDeadlineMs = 1_000;

/**
 * Calls `onRecalled` once: with what the lower tier of the store gave, or with nothing when it takes too long; not at
 * all when the viewer has left meanwhile.
 */
export function awaitRecall(
  { response, clock }: Viewer,
  recalled: Promise<readonly CachedResponse[]>,
  onRecalled: (variants: readonly CachedResponse[]) => void,
): void {
  let waiting = true;
  const end = (variants: readonly CachedResponse[]): void => {
    if (!waiting) return;
    waiting = false;
    deadline.cancel();
    if (!response.destroyed) onRecalled(variants);
  };
  const deadline = clock.after(recallDeadlineMs, () => end([]));
  response.once('close', () => end([]));
  void recalled.then(end);
}
