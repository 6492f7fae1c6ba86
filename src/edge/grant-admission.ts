import { type FieldLines } from '../formats/http-fields/field-lines.ts';
import type { GrantDecision, GrantRefusal, GrantVerifier } from '../http/grant-verifier.ts';
import { askedResource } from '../policy/grants/asked-resource.ts';
import { cookieGrant, takeQueryGrant, withoutGrantCookies } from '../policy/grants/presented-grant.ts';
import type { RequestTarget } from '../policy/request-target.ts';
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
type Guarded = Pick<Behaviour, 'trustedKeyGroups'>;

/** Whether a behaviour lets in those only who have a grant. */
export function isGuarded({ trustedKeyGroups }: Guarded): boolean {
  return trustedKeyGroups.length > 0;
}

/** What is asked for, without the grant in its query: identity is in no cache key, and no origin gets to see it. */
export function withoutGrant<Target extends { readonly query: string }>(behaviour: Guarded, target: Target): Target {
  if (!isGuarded(behaviour) || target.query === '') return target;
  const { rest } = takeQueryGrant(target.query);
  return rest.length === target.query.length ? target : { ...target, query: rest };
}

/** A viewer's fields, without the cookies of a grant. */
export function fieldsWithoutGrant(behaviour: Guarded, fields: FieldLines): FieldLines {
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

/** Whether a guarded behaviour lets a viewer in, by its URL or, where nothing of a grant is in it, by its cookies. */
export function decideGrant(
  grants: GrantVerifier,
  behaviour: Guarded,
  target: Resource,
  comer: HttpComer,
): GrantDecision {
  const { rest, presented } = takeQueryGrant(target.query);
  const resource = askedResource(comer, comer.text, target, rest);
  if (resource === undefined) return { kind: 'refused', reason: 'resource' };
  const shown = presented === 'absent' ? cookieGrant(comer.cookie) : presented;
  return grants.decide(shown, [resource], behaviour.trustedKeyGroups, comer);
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
