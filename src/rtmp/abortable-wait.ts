import type { Clock } from '../base/clock.ts';

/** Resolves `delayMs` from now; rejects with the reason of `signal` as soon as it is aborted. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortErrorOf(signal));
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(abortErrorOf(signal));
    };
    const timer = clock.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** What `promise` gives, or a rejection with the reason of `signal` if that comes first. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortErrorOf(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** What `promise` gives, or a rejection with `late()` when it takes longer than `deadlineMs`. */
export function withinDeadline<T>(
  clock: Clock,
  deadlineMs: number,
  promise: Promise<T>,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(deadlineMs, () => reject(late()));
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** Resolves when `promise` has, or after `graceMs`: what is still under way then is left behind. */
export function settledWithin(clock: Clock, graceMs: number, promise: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(graceMs, resolve);
    promise.then(() => resolve(), reject).finally(() => timer.cancel());
  });
}

/** Resolves with the reason of `awaited` when that is aborted; rejects with the reason of `signal` if that comes first. */
export function untilAborted(awaited: AbortSignal, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (signal.aborted) reject(abortErrorOf(signal));
      else if (awaited.aborted) resolve(awaited.reason);
      else return;
      signal.removeEventListener('abort', look);
      awaited.removeEventListener('abort', look);
    };
    signal.addEventListener('abort', look);
    awaited.addEventListener('abort', look);
    look();
  });
}

function abortErrorOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted');
}
