import type { VerifiedGrant } from '../../http/grant-verifier.ts';
import type { Guest } from '../../policy/limits/viewings.ts';
import type { PlainAnswer } from '../error-page.ts';
import type { AskedPlace, Attendance } from './attendance.ts';
import { excessAnswer } from './excess.ts';

/** Somebody who asks for something over HTTP. */
export interface Comer {
  readonly address: string | undefined;
  /** Of the request. */
  readonly query: string;
}

/** What somebody is told whose address has asked too often, or was revoked; `undefined`: it may go on. */
export function refusedByAddress(
  attendance: Attendance,
  { limits }: AskedPlace,
  { address, query }: Comer,
): PlainAnswer | undefined {
  const excess = attendance.ofAddress(limits, address);
  if (excess === undefined) return undefined;
  attendance.note(excess, address, undefined);
  return excessAnswer(excess, query);
}

/** Behind the grant: a guest, or what somebody is told who is none. */
export function admittedGuest(
  attendance: Attendance,
  place: AskedPlace,
  { address, query }: Comer,
  grant: VerifiedGrant | undefined,
  path: string,
): { readonly kind: 'guest'; readonly guest: Guest } | { readonly kind: 'refused'; readonly answer: PlainAnswer } {
  if (!attendance.concerns(place)) {
    return { kind: 'guest', guest: attendance.anybody(address) };
  }
  const decided = attendance.ofRequest(place, address, grant, path);
  if (!('kind' in decided)) return { kind: 'guest', guest: decided };
  attendance.note(decided, address, grant);
  return { kind: 'refused', answer: excessAnswer(decided, query) };
}

/**
 * The guest of a plain GET that is about to be answered; `undefined`: who does not get in is for the steps of a request to
 * refuse. `grant`: where the behaviour is guarded.
 */
export function quickGuest(
  attendance: Attendance,
  place: AskedPlace,
  address: string | undefined,
  grant: VerifiedGrant | undefined,
  path: string,
  nowMs: number,
): Guest | undefined {
  if (attendance.ofAddress(place.limits, address, nowMs) !== undefined) return undefined;
  const decided = attendance.ofRequest(place, address, grant, path, nowMs);
  return 'kind' in decided ? undefined : decided;
}
