import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ControlClient } from '../control/control-client.ts';
import type { InvalidationReport } from '../control/invalidation-routes.ts';
import { loadConfiguration } from './configuration.ts';

const pollMs = 200;

export interface InvalidateFlags {
  readonly config?: string;
  readonly data?: string;
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
  const { distribution, wait, ...where } = flags;
  const client = new ControlClient(resolve(loadConfiguration(where).configuration.data));
  const report = await client.invalidate(items, distribution);
  const lines = [`In force for distribution ${report.distribution}:`, ...report.items.map((item) => `  ${item}`)];
  process.stdout.write(`${lines.join('\n')}\n`);
  process.stdout.write(`${standing(wait === true ? await completed(client, report) : report)}\n`);
}

/** Asks again and again; whoever has waited enough ends the command. */
async function completed(client: ControlClient, first: InvalidationReport): Promise<InvalidationReport> {
  let report = first;
  while (report.status === 'in-progress') {
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
