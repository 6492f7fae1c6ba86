import { writtenPath } from '../policy/grants/asked-resource.ts';
import { coversFolder } from '../policy/grants/carried-grant.ts';
import { signedCookies, tokenCookies } from '../policy/grants/grant-cookies.ts';
import { folderOf, type RequestTarget } from '../policy/request-target.ts';
import type { GrantDoor, HttpComer, LetIn } from './grant-admission.ts';
import type { Behaviour, Route } from './routes.ts';

type Resource = RequestTarget & { kind: 'resource' };

/** How a grant for a playlist is carried on to what that lists. */
export type GrantCarriage = { readonly kind: 'cookies'; readonly setCookies: readonly string[] } | TokenCarriage;

/** A token goes behind the addresses in the playlist. */
export interface TokenCarriage {
  readonly kind: 'token';
  readonly token: string;
  /** It is good below this. */
  readonly folder: string;
  /** Of the playlist, as the viewer asked for it. */
  readonly url: string;
  /** Whether the token helps with an address of this path. */
  readonly isWanted: (path: string) => boolean;
}

type Carrier = GrantDoor & { readonly route: Route };

/**
 * How a grant goes on with a playlist that is delivered under it; `undefined` where nothing is to be done, because what
 * the viewer shows is shown again by itself, or grants are not carried on. `target`: of the request, without its grant.
 */
export function grantCarriage(
  door: Carrier,
  behaviour: Pick<Behaviour, 'carryGrants' | 'distribution'>,
  target: Resource,
  comer: HttpComer,
  { grant, shown }: Pick<LetIn, 'grant' | 'shown'>,
): GrantCarriage | undefined {
  const { carryGrants, distribution } = behaviour;
  if (carryGrants === 'none' || shown.kind === 'token-cookie') return undefined;
  if (shown.kind === 'token') return tokenCarriage(door, target, comer, shown.token, shown.folder);
  const folder = folderOf(target.path);
  const isCovered = coversFolder(grant.policy, siteOf(target, comer) + folder);
  if (shown.kind === 'cookies' && isCovered) return undefined;
  const { nowMs, secure } = comer;
  const remainingMs = grant.policy.expiresSeconds * 1_000 - nowMs;
  // Browsers compare it with addresses as they write them.
  const writtenFolder = folderOf(writtenPath(comer.text));
  const scope = { folder: writtenFolder, secure, maxAgeSeconds: Math.floor(remainingMs / 1_000) };
  const signed = carryGrants === 'cookie' && isCovered ? signedCookies(shown.presented, scope) : undefined;
  if (signed !== undefined) return { kind: 'cookies', setCookies: signed };
  const token = door.tokens.issue(grant, { distribution, folder }, nowMs);
  if (token === undefined) return undefined;
  return carryGrants === 'cookie'
    ? { kind: 'cookies', setCookies: tokenCookies(token, scope) }
    : tokenCarriage(door, target, comer, token, folder);
}

function tokenCarriage(
  { route }: Carrier,
  target: Resource,
  comer: HttpComer,
  token: string,
  folder: string,
): TokenCarriage {
  const host = target.authority ?? comer.host;
  return {
    kind: 'token',
    token,
    folder,
    url: siteOf(target, comer) + target.path,
    isWanted: (path) => {
      if (!path.startsWith(folder)) return false;
      const behaviour = route(host, path);
      // Where nothing is guarded a token would be one more parameter, in keys and at the origin.
      return typeof behaviour !== 'string' && behaviour.carryGrants !== 'none';
    },
  };
}

function siteOf({ authority }: Resource, { host, secure }: HttpComer): string {
  return `${secure ? 'https' : 'http'}://${authority ?? host}`;
}
