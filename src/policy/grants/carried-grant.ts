import type { AccessPolicy } from './access-policy.ts';
import type { AddressRange } from './source-address.ts';

/**
 * What an edge vouches for: somebody has shown a grant for a playlist, and may have what lies in its folder and below.
 * It opens nothing for longer, or to others, than that grant.
 */
export interface CarriedGrant {
  /** Of the grant that was shown (`VerifiedGrant.id`). */
  readonly grantId: string;
  readonly keyPairId: string;
  /** How many slashes the folder has: the path that is asked for says the rest. */
  readonly folderDepth: number;
  /** Of the epoch. */
  readonly expiresSeconds: number;
  readonly source: AddressRange | undefined;
}

/** The query parameter that carries a token. */
export const tokenParameter = 'Grant-Token';
/** The cookie that does. */
export const tokenCookie = 'StreamFront-Grant';

/** A token: what is claimed, and a code that proves who says so. */
const tokenForm =
  /^([0-9a-z]{1,2}\.[0-9a-z]{1,10}\.(?:[0-9a-z]{1,7}-[0-9a-z]{1,2})?\.[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{22})$/;
const maxFolderDepth = 36 ** 2 - 1;
const maxExpiresSeconds = 36 ** 10 - 1;

/** The claims of a token; `undefined` for a folder that lies too deep. */
export function carriedGrantText(carried: CarriedGrant): string | undefined {
  const { expiresSeconds, folderDepth, grantId, keyPairId, source } = carried;
  if (folderDepth > maxFolderDepth) return undefined;
  const from = source === undefined ? '' : `${source.base.toString(36)}-${source.prefixBits.toString(36)}`;
  const until = Math.min(expiresSeconds, maxExpiresSeconds).toString(36);
  return `${folderDepth.toString(36)}.${until}.${from}.${grantId}.${keyPairId}`;
}

/** Takes a token apart. Nothing of it is proved. */
export function parseToken(
  token: string,
): { readonly claims: string; readonly code: string; readonly carried: CarriedGrant } | undefined {
  const [, claims, code] = tokenForm.exec(token) ?? [];
  if (claims === undefined || code === undefined) return undefined;
  const [depth = '', until = '', from = '', grantId = '', keyPairId = ''] = claims.split('.');
  const [base = '', bits = ''] = from.split('-');
  const carried: CarriedGrant = {
    grantId,
    keyPairId,
    folderDepth: Number.parseInt(depth, 36),
    expiresSeconds: Number.parseInt(until, 36),
    source: from === '' ? undefined : { base: Number.parseInt(base, 36), prefixBits: Number.parseInt(bits, 36) },
  };
  return { claims, code, carried };
}

/** What the code of a token is made of: each token is for one folder of one distribution. */
export function tokenContent(distribution: string, folder: string, claims: string): string {
  return JSON.stringify(['streamfront grant token 1', distribution, folder, claims]);
}

/** How many slashes it has. */
export function folderDepth(folder: string): number {
  return folder.split('/').length - 1;
}

/** The beginning of a path with so many slashes; `undefined` where it has fewer. */
export function folderAbove(path: string, depth: number): string | undefined {
  let end = -1;
  for (let slashes = 0; slashes < depth; slashes++) {
    end = path.indexOf('/', end + 1);
    if (end === -1) return undefined;
  }
  return depth === 0 ? undefined : path.slice(0, end + 1);
}

/** As a policy: what its holder may do. */
export function policyOfCarried({ expiresSeconds, source }: CarriedGrant, folder: string): AccessPolicy {
  return {
    resource: `${folder}*`,
    covers: (path) => path.startsWith(folder),
    expiresSeconds,
    beginsSeconds: undefined,
    source,
  };
}

/**
 * Whether a policy is for all that lies below a folder, given as a URL: its holder needs no token there. What ends in a
 * run of any characters and covers the folder covers whatever begins with it.
 */
export function coversFolder({ resource, covers }: AccessPolicy, folderUrl: string): boolean {
  return resource.endsWith('*') && covers(folderUrl);
}
