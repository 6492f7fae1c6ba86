import { ownText } from '../base/recent-texts.ts';
import type { VerifiedGrant } from '../http/grant-verifier.ts';
import type { Peer } from '../http/peer.ts';
import type { PlainGet } from '../http/plain-get.ts';
import { refusedByConditions } from '../policy/grants/access-policy.ts';
import type { QueryGrant } from '../policy/grants/presented-grant.ts';
import type { RequestTarget } from '../policy/request-target.ts';
import { decideGrant, type HttpComer, type ShownGrant } from './grant-admission.ts';
import type { EdgeContext } from './request-steps.ts';
import type { Behaviour } from './routes.ts';

type Door = Pick<EdgeContext, 'clock' | 'grants' | 'tokens'>;
type Resource = RequestTarget & { kind: 'resource' };

/** What let the last viewer in who asked for a target in these words. */
export interface LastGrant {
  readonly cookie: string | undefined;
  readonly secure: boolean;
  /** Of the keys. */
  readonly version: number;
  readonly grant: VerifiedGrant;
  readonly shown: ShownGrant;
}

/** The grant that lets the viewer of a plain GET in, to be remembered for its host and its target as it came. */
export function grantFor(
  door: Door,
  behaviour: Behaviour,
  target: Resource,
  taken: QueryGrant,
  get: PlainGet,
  peer: Peer,
): LastGrant | undefined {
  const comer = comerOf(door, get, peer);
  const { cookie, secure } = comer;
  const decision = decideGrant(door, behaviour, target, taken, comer);
  if (decision.kind === 'refused') return undefined;
  const { grant, shown } = decision;
  return {
    cookie: cookie === undefined ? undefined : ownText(cookie),
    secure,
    version: door.grants.version,
    grant,
    shown,
  };
}

/** The viewer of a plain GET. */
export function comerOf(
  { clock }: Pick<Door, 'clock'>,
  { fields, target: text }: PlainGet,
  { address, tls }: Peer,
): HttpComer {
  const { cookie, host } = fields;
  return { text, host, secure: tls !== undefined, cookie, address, nowMs: clock.wallMs() };
}

/** Whether what let the last one in is shown again and still counts. Host and target are the same. */
export function stillLetsIn({ clock, grants }: Door, last: LastGrant, { fields }: PlainGet, peer: Peer): boolean {
  return (
    last.cookie === fields.cookie &&
    last.secure === (peer.tls !== undefined) &&
    last.version === grants.version &&
    refusedByConditions(last.grant.policy, clock.wallMs(), peer.address) === undefined
  );
}
