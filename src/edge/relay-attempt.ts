import type { Clock } from '../base/clock.ts';
import { UpstreamError } from '../base/errors.ts';
import { asError } from '../base/thrown.ts';
import { edgesOnly } from '../policy/edge-signature.ts';
import { RtmpRefusal } from '../rtmp/server-failure.ts';
import type { RelayOrigin } from './relay-origin.ts';

export interface FailedAttempt {
  readonly origin: RelayOrigin;
  readonly error: Error;
}

export type GroupOutcome<Opened> =
  | { readonly kind: 'opened'; readonly opened: Opened; readonly origin: RelayOrigin }
  /** In the order in which they were asked. */
  | { readonly kind: 'failed'; readonly failures: readonly FailedAttempt[] };

/**
 * Asks the origins of a group one after the other until one gives what is wanted. Each has `answerTimeoutMs` for all it
 * does. `isFinal` says for which refusals the next is not asked any more. Rejects only with the reason of `signal`.
 */
export async function askGroup<Opened>({
  origins,
  answerTimeoutMs,
  clock,
  signal,
  open,
  isFinal = () => false,
}: {
  readonly origins: readonly RelayOrigin[];
  readonly answerTimeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly open: (origin: RelayOrigin, signal: AbortSignal) => Promise<Opened>;
  readonly isFinal?: (refusal: RtmpRefusal) => boolean;
}): Promise<GroupOutcome<Opened>> {
  const failures: FailedAttempt[] = [];
  for (const origin of origins) {
    signal.throwIfAborted();
    const late = new AbortController();
    const timer = clock.after(answerTimeoutMs, () =>
      late.abort(
        new UpstreamError('RTMP_TIMEOUT', `the origin ${origin.name} did not answer in ${answerTimeoutMs} ms`),
      ),
    );
    try {
      const opened = await open(origin, AbortSignal.any([signal, late.signal]));
      return { kind: 'opened', opened, origin };
    } catch (cause) {
      signal.throwIfAborted();
      const error = refusedEdge(cause) ?? asError(cause);
      failures.push({ origin, error });
      if (error instanceof RtmpRefusal && isFinal(error)) break;
    } finally {
      timer.cancel();
    }
  }
  return { kind: 'failed', failures };
}

/** An origin that does not know this edge has said nothing about the stream: neither encoder nor viewer can mend that. */
function refusedEdge(cause: unknown): UpstreamError | undefined {
  if (!(cause instanceof RtmpRefusal) || !cause.description.startsWith(edgesOnly)) return undefined;
  return new UpstreamError('ORIGIN_REFUSES_EDGE', cause.message, { cause });
}

/** For the log: what each origin did. Holds no stream key. */
export function failureSentence(failures: readonly FailedAttempt[]): string {
  return failures.map(({ origin, error }) => `${origin.name}: ${error.message}`).join('; ');
}
