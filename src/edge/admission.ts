import type { IncomingMessage } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { isSecure } from '../http/peer.ts';
import { viewerAddress } from '../http/viewer-address.ts';
import { isAllowedMethod } from '../policy/methods.ts';
import type { RequestTarget } from '../policy/request-target.ts';
import type { Guest } from '../policy/limits/viewings.ts';
import { methodRefusal, type PlainAnswer, refusals } from './error-page.ts';
import { countryRefusal } from './geo/served-countries.ts';
import {
  decideGrant,
  type GrantDoor,
  grantRefusal,
  type HttpComer,
  queryGrant,
  withoutGrant,
} from './grant-admission.ts';
import { type GrantCarriage, grantCarriage } from './grant-carriage.ts';
import type { Attendance } from './limits/attendance.ts';
import { admittedGuest, refusedByAddress } from './limits/limit-admission.ts';
import { hasBody } from './request-body.ts';
import type { Behaviour, Route } from './routes.ts';
import { protocolAnswer } from './viewer-protocol.ts';

type Resource = RequestTarget & { kind: 'resource' };

/** What becomes of a request whose behaviour is known. `target` holds nothing of a grant. */
export type Admission =
  | { readonly kind: 'refused'; readonly answer: PlainAnswer }
  /** Answered by the edge itself. */
  | { readonly kind: 'preflight' }
  /** For the cache. */
  | {
      readonly kind: 'read';
      readonly method: 'GET' | 'HEAD';
      readonly target: Resource;
      readonly guest: Guest;
      /** How what lets the viewer in goes on with a playlist, where it may. */
      readonly carriage: (() => GrantCarriage | undefined) | undefined;
    }
  /** For the origin. */
  | { readonly kind: 'passed-through'; readonly target: Resource; readonly guest: Guest };

/** What decides who gets in. */
export interface Doorkeeper extends GrantDoor {
  readonly clock: Clock;
  readonly route: Route;
  readonly attendance: Attendance;
  /** Where viewers are sent that shall come over HTTPS. */
  httpsPort(): number;
}

/** Whether a viewer may ask this, and who answers. */
export function admission(
  door: Doorkeeper,
  request: IncomingMessage,
  behaviour: Behaviour,
  requested: Resource,
): Admission {
  const { method = '' } = request;
  const { methods, policy } = behaviour;
  const unsafe = protocolAnswer(request, behaviour, requested, door.httpsPort());
  if (unsafe !== undefined) return refused(unsafe);
  const comer = { address: viewerAddress(request), query: requested.query };
  if (behaviour.served?.has(comer.address) === false) return refused(countryRefusal);
  const tooMuch = refusedByAddress(door.attendance, behaviour, comer);
  if (tooMuch !== undefined) return refused(tooMuch);
  // Without a grant too: browsers show none when they ask whether they may ask.
  if (method === 'OPTIONS' && isAnsweredHere(behaviour, request)) return { kind: 'preflight' };
  const taken = queryGrant(behaviour, requested);
  const shower = taken && showerOf(door, request, comer.address);
  const decision = shower && decideGrant(door, behaviour, requested, taken, shower);
  if (decision?.kind === 'refused') return refused(grantRefusal(decision.reason));
  const target = withoutGrant(requested, taken);
  const admitted = admittedGuest(door.attendance, behaviour, comer, decision?.grant, target.path);
  if (admitted.kind === 'refused') return admitted;
  const { guest } = admitted;
  if (method === 'GET' || method === 'HEAD') {
    if (hasBody(request)) return refused(refusals.bodyWithGet);
    const carriage =
      shower === undefined || decision === undefined || behaviour.carryGrants === 'none'
        ? undefined
        : () => grantCarriage(door, behaviour, target, shower, decision);
    return { kind: 'read', method, target, guest, carriage };
  }
  return isAllowedMethod(method, methods, policy.name)
    ? { kind: 'passed-through', target, guest }
    : refused(methodRefusal(methods));
}

/** Who may read across sites is said by the edge, and so is what may be asked where the origin has no say. */
function isAnsweredHere({ cors, methods }: Behaviour, { headers }: IncomingMessage): boolean {
  return methods === 'read' || (cors.isSaid && headers['access-control-request-method'] !== undefined);
}

function showerOf({ clock }: Doorkeeper, request: IncomingMessage, address: string | undefined): HttpComer {
  const { headers, socket, url = '' } = request;
  return {
    text: url,
    host: headers.host ?? '',
    secure: isSecure(socket),
    cookie: headers.cookie,
    address,
    nowMs: clock.wallMs(),
  };
}

function refused(answer: PlainAnswer): Admission {
  return { kind: 'refused', answer };
}
