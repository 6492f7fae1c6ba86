import type { VerifiedGrant } from '../http/grant-verifier.ts';
import type { Peer } from '../http/peer.ts';
import type { PlainGet } from '../http/plain-get.ts';
import { refusedByConditions } from '../policy/grants/access-policy.ts';
import type { RequestTarget } from '../policy/request-target.ts';
import { decideGrant } from './grant-admission.ts';
import type { EdgeContext } from './request-steps.ts';
import type { Behaviour } from './routes.ts';

type Door = Pick<EdgeContext, 'clock' | 'grants'>;
type Resource = RequestTarget & { kind: 'resource' };

/** What let the last viewer in who asked for a target in these words. */
export interface LastGrant {
  readonly cookie: string | undefined;
  readonly secure: boolean;
  /** Of the keys. */
  readonly version: number;
  readonly grant: VerifiedGrant;
}

/** The grant that lets the viewer of a plain GET in, to be remembered for its host and its target as it came. */
export function grantFor(
  { clock, grants }: Door,
  behaviour: Behaviour,
  target: Resource,
  { fields, target: text }: PlainGet,
  { address, tls }: Peer,
): LastGrant | undefined {
  const { cookie, host } = fields;
  const secure = tls !== undefined;
  const comer = { text, host, secure, cookie, address, nowMs: clock.wallMs() };
  const decision = decideGrant(grants, behaviour, target, comer);
  return decision.kind === 'refused' ? undefined : { cookie, secure, version: grants.version, grant: decision.grant };
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
