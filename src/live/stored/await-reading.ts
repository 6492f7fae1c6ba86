import type { Clock } from '../../base/clock.ts';
import { UpstreamError } from '../../base/errors.ts';
import type { Reading } from '../../formats/media/stored-media.ts';
import type { StoredFile } from '../stored-file.ts';
import { ByteLanes } from './byte-lanes.ts';
import { ReadingRun } from './reading-run.ts';

/** In all: a place is found by a few looks. */
const deadlineMs = 30_000;

/**
 * The outcome of a reading of a file whose bytes may have to come first. Rejects with what it throws, with what the
 * source failed with, at a deadline, and with the reason of `signal`.
 */
export function awaitReading<Result>(
  file: StoredFile,
  reading: Reading<Result>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const run = new ReadingRun(reading);
    const end = (settle: () => void): void => {
      timer.cancel();
      signal.removeEventListener('abort', abort);
      lanes.close();
      settle();
    };
    const fail = (error: unknown): void => {
      end(() => reject(error instanceof Error ? error : new Error('a reading that failed', { cause: error })));
    };
    const abort = (): void => fail(signal.reason);
    const advance = (): void => {
      try {
        const step = run.advance(lanes);
        if (step.kind === 'done') end(() => resolve(step.value));
      } catch (error) {
        fail(error);
      }
    };
    const lanes = new ByteLanes(file, advance);
    const timer = clock.after(deadlineMs, () => {
      fail(
        new UpstreamError('STORED_BYTES_TIMEOUT', `the bytes of the file have not come for ${deadlineMs / 1_000} s`),
      );
    });
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    else advance();
  });
}
