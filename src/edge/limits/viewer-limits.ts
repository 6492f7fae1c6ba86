import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { Allowances } from '../../policy/limits/allowances.ts';
import { EgressCaps } from '../../policy/limits/egress-caps.ts';
import type { ViewerLimitSettings } from './limit-settings.ts';

/** What the viewers of one distribution may have, and have left. */
export interface ViewerLimits {
  readonly perAddress: Allowances | undefined;
  readonly perGrant: Allowances | undefined;
  /** Of the distribution and of each of its streams. */
  readonly egress: EgressCaps | undefined;
}

/** Where limits are looked at. */
export interface LimitSurroundings {
  readonly clock: Clock;
  readonly log: Log;
}

/** `undefined` where nothing is bounded. `distribution`: its name, for the log. */
export function compileViewerLimits(
  settings: ViewerLimitSettings,
  distribution: string,
  { clock, log }: LimitSurroundings,
): ViewerLimits | undefined {
  const { perAddress, perGrant, egress, egressPerStream } = settings ?? {};
  const isCapped = egress !== undefined || egressPerStream !== undefined;
  if (perAddress === undefined && perGrant === undefined && !isCapped) return undefined;
  const caps = { bytesPerSecond: egress && egress / 8, streamBytesPerSecond: egressPerStream && egressPerStream / 8 };
  return {
    egress: isCapped
      ? new EgressCaps(caps, clock.monotonicMs(), (stream, withheld) =>
          logWithheld(log, distribution, stream, withheld),
        )
      : undefined,
    perAddress: perAddress && new Allowances(perAddress),
    perGrant: perGrant && new Allowances(perGrant),
  };
}

function logWithheld(log: Log, distribution: string, stream: string | undefined, withheld: number): void {
  const whose = stream === undefined ? `of distribution ${distribution}` : `of stream ${stream}`;
  const what =
    withheld === 0 ? 'no rendition is withheld any more' : `renditions withheld, the largest first: ${withheld}`;
  const fields = { code: 'EGRESS_NEAR_CAP', distribution, ...(stream !== undefined && { stream }), withheld };
  log.warn(fields, `EGRESS_NEAR_CAP: the egress ${whose} is near its cap, or has been: ${what}`);
}

/** Whether answers are sent at a pace. */
export function isPaced(limits: ViewerLimits | undefined): boolean {
  return limits?.perAddress?.meters === true || limits?.perGrant?.meters === true;
}
