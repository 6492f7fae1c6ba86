import { setTimeout as pause } from 'node:timers/promises';
import type { ControlClient } from '../control/control-client.ts';
import type { InvalidationReport } from '../control/invalidation-routes.ts';
import { type PlaceFlags, runningEdge } from './place.ts';
import { say } from './say.ts';
import { systemClock } from './system-clock.ts';

const pollMs = 100;
/** Without `--wait`: long enough for most caches to say how many objects went. */
const shortWaitMs = 1_000;

export interface InvalidateFlags extends PlaceFlags {
  readonly distribution?: string;
  readonly wait?: boolean;
}

export const invalidateHelp = `
What to invalidate; put it in quotes, as the shell has plans of its own for * and #:
  '/news/today.html'   this path without a query string; letters in upper case are other letters
  '/search?q=cats'     this path with this query string
  '/news/*'            every path that begins so, with any query string; * stands at the end only
  '/news/today.html*'  this path with any query string, and every path that goes on from it
  '#product-12'        everything that the origin has given this tag (see cacheTags in the README)

Examples:
  $ streamfront invalidate /index.html '/assets/*'
  $ streamfront invalidate --distribution shop --wait '#product-12'
`;

/**
 * `streamfront invalidate PATH…`: in force when it returns. Throws a `ConfigError` or an `UpstreamError` when it is not.
 */
export async function invalidate(items: readonly string[], flags: InvalidateFlags): Promise<void> {
  const { distribution, wait, ...place } = flags;
  const client = runningEdge(place);
  const report = await client.invalidate(items, distribution);
  say([`In force for distribution ${report.distribution}:`, ...report.items.map((item) => `  ${item}`)]);
  say([standing(await lastReport(client, report, wait === true ? Infinity : shortWaitMs))]);
}

/** Asks until it is completed or the time is over; whoever has waited enough ends the command. */
async function lastReport(
  client: ControlClient,
  first: InvalidationReport,
  waitMs: number,
): Promise<InvalidationReport> {
  const endMs = systemClock.monotonicMs() + waitMs;
  let report = first;
  while (report.status === 'in-progress' && systemClock.monotonicMs() < endMs) {
    await pause(pollMs);
    report = await client.invalidation(report.id);
  }
  return report;
}

function standing({ dropped, status }: InvalidationReport): string {
  const objects = `${dropped} object${dropped === 1 ? '' : 's'}`;
  return status === 'completed'
    ? `${objects} removed from the cache.`
    : `${objects} removed from the cache so far; the rest follows in the background (--wait waits for it).`;
}
