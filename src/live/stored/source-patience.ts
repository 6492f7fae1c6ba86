import { UpstreamError } from '../../base/errors.ts';

/** How long bytes may fail to come. A player has what it has buffered meanwhile. */
export const patienceMs = 30_000;

/** Until a source that failed is asked again. */
const retryMs = 1_000;

/** How long bytes of a file are waited for that do not come, or whose source fails: that may be otherwise in a moment. */
export class SourcePatience {
  /** Since then there have been none. */
  #sinceMs: number | undefined;

  /** Some have come. */
  rest(): void {
    this.#sinceMs = undefined;
  }

  /** How long to wait now, `error` being what the source failed with; `undefined` when there is nothing to wait for. */
  waitMs(error: unknown, nowMs: number): number | undefined {
    this.#sinceMs ??= nowMs;
    const leftMs = this.#sinceMs + patienceMs - nowMs;
    const mayCome = error === undefined || (error instanceof UpstreamError && error.code !== 'ORIGIN_CHANGED');
    if (!mayCome || leftMs <= 0) return undefined;
    return error === undefined ? leftMs : Math.min(leftMs, retryMs);
  }
}
