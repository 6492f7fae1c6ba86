import { once } from 'node:events';
import { closeBudgetMs } from '../base/close-budget.ts';
import type { Log } from '../base/log.ts';

/** Later than `CloseBudget` lets anybody take: for what does not keep to it. */
const shutdownDeadlineMs = closeBudgetMs + 500;

/**
 * A signal that comes again this soon is the same one: a terminal and a service manager signal every process of a
 * group, and npm hands its own on besides.
 */
const sameSignalMs = 500;

/**
 * Waits for SIGTERM or SIGINT, then closes what runs. Whatever has not ended by the deadline is left
 * behind: the process ends in under five seconds either way. A second signal, half a second later or more, ends it at
 * once.
 */
export async function runUntilSignal(close: () => Promise<void>, log: Log): Promise<void> {
  const signal = await Promise.race([
    once(process, 'SIGTERM').then(() => 'SIGTERM'),
    once(process, 'SIGINT').then(() => 'SIGINT'),
  ]);
  log.info({ signal }, 'closing listeners and ending streams');
  const begunMs = performance.now();
  const leave = (why: string): never => {
    log.warn({}, `${why}; leaving now`);
    process.exit(1);
  };
  for (const again of ['SIGTERM', 'SIGINT']) {
    process.on(again, () => {
      if (performance.now() - begunMs > sameSignalMs) leave('second signal');
    });
  }
  setTimeout(() => leave('some connections did not end in time'), shutdownDeadlineMs).unref();
  await close();
  log.info({}, 'stopped');
}
