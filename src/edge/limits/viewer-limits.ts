import { Allowances } from '../../policy/limits/allowances.ts';
import type { ViewerLimitSettings } from './limit-settings.ts';

/** What the viewers of one distribution may have, and have left. */
export interface ViewerLimits {
  readonly perAddress: Allowances | undefined;
  readonly perGrant: Allowances | undefined;
}

/** `undefined` where nothing is bounded. */
export function compileViewerLimits(settings: ViewerLimitSettings): ViewerLimits | undefined {
  const { perAddress, perGrant } = settings ?? {};
  if (perAddress === undefined && perGrant === undefined) return undefined;
  return {
    perAddress: perAddress && new Allowances(perAddress),
    perGrant: perGrant && new Allowances(perGrant),
  };
}

/** Whether bytes are counted. */
export function isMetered(limits: ViewerLimits | undefined): boolean {
  return limits?.perAddress?.meters === true || limits?.perGrant?.meters === true;
}
