import { tokenCookie } from './carried-grant.ts';
import type { PresentedGrant } from './presented-grant.ts';

/** For which addresses, and for how long, cookies are. */
export interface CookieScope {
  /** With its last slash, as viewers write it. */
  readonly folder: string;
  /** They came over TLS. */
  readonly secure: boolean;
  readonly maxAgeSeconds: number;
}

/** What browsers keep of one cookie (RFC 6265 §6.1), rather less. */
const longestCookie = 3_900;

/** A path that can be named in a cookie: what is none is left to the root, for the value says itself what it is for. */
const namedPath = /^\/[!-+\--:<-~]*$/;

/**
 * The values of Set-Cookie that let a viewer show a grant by custom policy again (CloudFront: signed cookies);
 * `undefined` where it is too long for that.
 */
export function signedCookies(grant: PresentedGrant, scope: CookieScope): readonly string[] | undefined {
  const { hash, keyPairId, policy, signature } = grant;
  if (policy.kind === 'canned' || policy.encoded.length > longestCookie) return undefined;
  const cookies = [
    `CloudFront-Policy=${policy.encoded}`,
    `CloudFront-Signature=${signature}`,
    `CloudFront-Key-Pair-Id=${keyPairId}`,
    ...(hash === 'sha256' ? ['CloudFront-Hash-Algorithm=SHA256'] : []),
  ];
  return cookies.map((cookie) => cookie + attributes(scope));
}

/** The same for the token of a grant. */
export function tokenCookies(token: string, scope: CookieScope): readonly string[] {
  return [`${tokenCookie}=${token}${attributes(scope)}`];
}

/** Players on other sites get them sent along over TLS only: browsers want it so. */
function attributes({ folder, secure, maxAgeSeconds }: CookieScope): string {
  const path = namedPath.test(folder) ? folder : '/';
  const sent = secure ? 'Secure; SameSite=None' : 'SameSite=Lax';
  return `; Path=${path}; Max-Age=${maxAgeSeconds}; HttpOnly; ${sent}`;
}
