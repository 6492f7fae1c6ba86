import { ownText, RecentTexts } from '../base/recent-texts.ts';
import type { PlainGet } from '../http/plain-get.ts';
import type { Peer } from '../http/peer.ts';
import type { QueryGrant } from '../policy/grants/presented-grant.ts';
import { parseRequestTarget, type RequestTarget } from '../policy/request-target.ts';
import { addressOf } from './asked.ts';
import { queryGrant, withoutGrant } from './grant-admission.ts';
import { type GrantCarriage, grantCarriage } from './grant-carriage.ts';
import { comerOf, grantFor, type LastGrant, stillLetsIn } from './quick-grant.ts';
import type { EdgeContext } from './request-steps.ts';
import type { Behaviour, Route } from './routes.ts';

/** Where the object is found that a plain GET asks for. */
export interface PlainAddress {
  readonly host: string;
  /** The request target as it came: as long as the address is kept, the same string for all who ask in these words. */
  readonly text: string;
  readonly behaviour: Behaviour;
  readonly cacheKey: string;
  /** Path and query for the origin. */
  readonly target: string;
  /** As it is read, its grant in it. */
  readonly resource: RequestTarget & { kind: 'resource' };
  /** What of a grant is in its query, where the behaviour is guarded. */
  readonly taken: QueryGrant | undefined;
  /** Where the behaviour is guarded. */
  lastGrant: LastGrant | undefined;
}

/** `whole-way`: the steps of a request answer. `for-good`: somebody else than the cache does. */
export type FindPlainAddress = (get: PlainGet) => PlainAddress | 'whole-way' | 'for-good';

/** Of so many targets addresses are kept. */
const keptAddresses = 4_096;

/** `isElsewhere`: whether somebody else than the cache answers for a path, as it came. */
export function plainAddresses(route: Route, isElsewhere: (path: string) => boolean): FindPlainAddress {
  const addresses = new RecentTexts<PlainAddress>(keptAddresses);
  return ({ fields, target }) => {
    const known = addresses.get(target);
    if (known?.host === fields.host) return known;
    const [host, text] = [ownText(fields.host), ownText(target)];
    const asked = parseRequestTarget(text);
    if (asked.kind !== 'resource') return 'whole-way';
    if (isElsewhere(asked.path)) return 'for-good';
    const behaviour = route(host, asked.path);
    if (typeof behaviour === 'string') return 'whole-way';
    const taken = queryGrant(behaviour, asked);
    const found = addressOf(behaviour, withoutGrant(asked, taken));
    const address = { host, text, behaviour, ...found, resource: asked, taken, lastGrant: undefined };
    addresses.keep(text, address);
    return address;
  };
}

/**
 * Whether the viewer of a plain GET gets in. Who does not is for the steps of a request to refuse. A grant that comes
 * again costs a look at its conditions.
 */
export function opens(
  door: Pick<EdgeContext, 'clock' | 'grants' | 'tokens'>,
  address: PlainAddress,
  get: PlainGet,
  peer: Peer,
): boolean {
  const { behaviour, lastGrant, resource, taken } = address;
  if (behaviour.served?.has(peer.address) === false) return false;
  if (taken === undefined) return true;
  if (lastGrant !== undefined && stillLetsIn(door, lastGrant, get, peer)) return true;
  const grant = grantFor(door, behaviour, resource, taken, get, peer);
  address.lastGrant = grant ?? lastGrant;
  return grant !== undefined;
}

/** How the grant that has just let the viewer of a plain GET in goes on with a playlist. */
export function plainCarriage(
  door: Pick<EdgeContext, 'clock' | 'grants' | 'route' | 'tokens'>,
  { behaviour, lastGrant, resource }: PlainAddress,
  get: PlainGet,
  peer: Peer,
): GrantCarriage | undefined {
  if (behaviour.carryGrants === 'none' || lastGrant === undefined) return undefined;
  return grantCarriage(door, behaviour, resource, comerOf(door, get, peer), lastGrant);
}
