import { once } from 'node:events';
import type { Log } from '../base/log.ts';

const shutdownDeadlineMs = 4_500;

/**
 * Waits for SIGTERM or SIGINT, then closes what runs, all at once. Whatever has not ended by the deadline is left
 * behind: the process ends in under five seconds either way. A second signal ends it at once.
 */
export async function runUntilSignal(close: () => Promise<void>, log: Log): Promise<void> {
  const signal = await Promise.race([
    once(process, 'SIGTERM').then(() => 'SIGTERM'),
    once(process, 'SIGINT').then(() => 'SIGINT'),
  ]);
  log.info({ signal }, 'closing listeners and ending streams');
  const leave = (why: string): never => {
    log.warn({}, `${why}; leaving now`);
    process.exit(1);
  };
  process.once('SIGTERM', () => leave('second signal'));
  process.once('SIGINT', () => leave('second signal'));
  setTimeout(() => leave('some connections did not end in time'), shutdownDeadlineMs).unref();
  await close();
  log.info({}, 'stopped');
}
