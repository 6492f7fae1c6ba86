import { type FieldLines } from '../formats/http-fields/field-lines.ts';
import type { GrantTokens } from '../http/grant-tokens.ts';
import type { GrantRefusal, GrantVerifier, VerifiedGrant } from '../http/grant-verifier.ts';
import { refusedByConditions } from '../policy/grants/access-policy.ts';
import { type AskedResource, askedResource } from '../policy/grants/asked-resource.ts';
import {
  cookieGrant,
  cookieTokens,
  type Presented,
  type PresentedGrant,
  type QueryGrant,
  takeQueryGrant,
  withoutGrantCookies,
} from '../policy/grants/presented-grant.ts';
import { readingsOf, type RequestTarget } from '../policy/request-target.ts';
import type { PlainAnswer } from './error-page.ts';
import type { Behaviour } from './routes.ts';

/** A viewer who wants in over HTTP. */
export interface HttpComer {
  /** The request target as it came. */
  readonly text: string;
  readonly host: string;
  readonly secure: boolean;
  readonly cookie: string | undefined;
  readonly address: string | undefined;
  readonly nowMs: number;
}

type Resource = RequestTarget & { kind: 'resource' };
type Guarded = Pick<Behaviour, 'carryGrants' | 'distribution' | 'trustedKeyGroups'>;
type WithKeyGroups = Pick<Behaviour, 'trustedKeyGroups'>;

/** What looks at grants. */
export interface GrantDoor {
  readonly grants: GrantVerifier;
  readonly tokens: GrantTokens;
}

/** How a viewer has shown a grant. */
export type ShownGrant =
  | { readonly kind: 'url' | 'cookies'; readonly presented: PresentedGrant }
  /** The token of one in the query, which is good below this folder. */
  | { readonly kind: 'token'; readonly token: string; readonly folder: string }
  | { readonly kind: 'token-cookie' };

/** What lets a viewer in. */
export interface LetIn {
  readonly kind: 'granted';
  readonly grant: VerifiedGrant;
  readonly shown: ShownGrant;
}

export type HttpGrantDecision = LetIn | { readonly kind: 'refused'; readonly reason: GrantRefusal };

/** Whether a behaviour lets in those only who have a grant. */
export function isGuarded({ trustedKeyGroups }: WithKeyGroups): boolean {
  return trustedKeyGroups.length > 0;
}

/** What of a grant is in the query of a request; `undefined` where nobody needs one. */
export function queryGrant(behaviour: WithKeyGroups, { query }: Pick<Resource, 'query'>): QueryGrant | undefined {
  return isGuarded(behaviour) ? takeQueryGrant(query) : undefined;
}

/** What is asked for, without the grant in its query: identity is in no cache key, and no origin gets to see it. */
export function withoutGrant<Target extends { readonly query: string }>(
  target: Target,
  taken: QueryGrant | undefined,
): Target {
  return taken === undefined || taken.rest.length === target.query.length ? target : { ...target, query: taken.rest };
}

/** A viewer's fields, without the cookies of a grant. */
export function fieldsWithoutGrant(behaviour: WithKeyGroups, fields: FieldLines): FieldLines {
  if (!isGuarded(behaviour)) return fields;
  const kept: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    const rest = name.toLowerCase() === 'cookie' ? withoutGrantCookies(value) : value;
    if (rest !== undefined) kept.push(name, rest);
  }
  return kept;
}

/**
 * Whether a guarded behaviour lets a viewer in, by its URL or, where nothing of a grant is in it, by its cookies; by the
 * token of a grant where the behaviour carries grants on. `target` still has the grant in it, which is the query's.
 */
export function decideGrant(
  door: GrantDoor,
  behaviour: Guarded,
  target: Resource,
  { rest, presented, token }: QueryGrant,
  comer: HttpComer,
): HttpGrantDecision {
  if (token !== undefined && presented === 'absent') return decideToken(door, behaviour, target, comer, token);
  const resource = askedResource(comer, comer.text, target, rest);
  if (resource === undefined) return { kind: 'refused', reason: 'resource' };
  if (presented !== 'absent') return decidePresented(door, behaviour, resource, comer, presented, 'url');
  const byCookies = decidePresented(door, behaviour, resource, comer, cookieGrant(comer.cookie), 'cookies');
  if (byCookies.kind === 'granted' || behaviour.carryGrants === 'none') return byCookies;
  let refused = byCookies;
  for (const cookieToken of cookieTokens(comer.cookie)) {
    const byToken = decideToken(door, behaviour, target, comer, cookieToken);
    if (byToken.kind === 'granted') return { ...byToken, shown: { kind: 'token-cookie' } };
    if (refused.reason === 'absent') refused = byToken;
  }
  return refused;
}

function decidePresented(
  { grants }: GrantDoor,
  { trustedKeyGroups }: Guarded,
  resource: AskedResource,
  comer: HttpComer,
  presented: Presented,
  kind: 'url' | 'cookies',
): HttpGrantDecision {
  if (typeof presented === 'string') return { kind: 'refused', reason: presented };
  const decision = grants.decide(presented, [resource], trustedKeyGroups, comer);
  return decision.kind === 'refused' ? decision : { ...decision, shown: { kind, presented } };
}

function decideToken(
  { grants, tokens }: GrantDoor,
  { carryGrants, distribution, trustedKeyGroups }: Guarded,
  { path }: Resource,
  { nowMs, address }: HttpComer,
  token: string,
): HttpGrantDecision {
  const opened = carryGrants === 'none' ? undefined : tokens.open(token, distribution, path, nowMs);
  if (opened === undefined) return { kind: 'refused', reason: 'signature' };
  const { folder, grant } = opened;
  // What some server might take for a path outside of the folder is outside of it.
  if (readingsOf(path)?.every((reading) => reading.startsWith(folder)) !== true) {
    return { kind: 'refused', reason: 'resource' };
  }
  if (!grants.trusts(trustedKeyGroups, grant.keyPairId)) return { kind: 'refused', reason: 'unknown-key' };
  const reason = refusedByConditions(grant.policy, nowMs, address);
  return reason === undefined
    ? { kind: 'granted', grant, shown: { kind: 'token', token, folder } }
    : { kind: 'refused', reason };
}

/** What a viewer is told: as much as CloudFront tells. */
export function grantRefusal(reason: GrantRefusal): PlainAnswer {
  switch (reason) {
    case 'absent':
      return forbidden('MissingKey', 'Missing Key-Pair-Id query parameter or cookie value');
    case 'unknown-key':
      return forbidden('InvalidKey', 'Unknown Key');
    case 'policy':
      return forbidden('MalformedPolicy', 'Malformed Policy');
    default:
      return forbidden('AccessDenied', 'Access denied');
  }
}

function forbidden(code: string, sentence: string): PlainAnswer {
  return { status: 403, title: 'Forbidden', sentence, code, form: 'xml' };
}
