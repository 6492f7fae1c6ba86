import type { UpstreamError } from '../base/errors.ts';
import type { Freshness } from '../policy/freshness.ts';

/** Whether what is stored may stand in for an answer that failed so. */
export function mayStandIn(state: Freshness, error: UpstreamError): boolean {
  if (state.kind === 'fresh') return true;
  const answered = error.code === 'ORIGIN_STATUS' || error.code === 'ORIGIN_INVALID';
  return answered ? state.mayServeOnError : state.mayServeOnDisconnect;
}
