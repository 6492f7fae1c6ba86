import { type KeyObject, sign } from 'node:crypto';
import { type GrantToSign, grantParameters } from '../policy/grants/grant-to-sign.ts';

/** Signs a policy as CloudFront's signers do; gives the parameters of its grant. */
export function signGrant(
  grant: GrantToSign,
  key: { readonly id: string; readonly privateKey: KeyObject; readonly hash: 'sha1' | 'sha256' },
): Readonly<Record<string, string>> {
  const signature = sign(key.hash, Buffer.from(grant.text), key.privateKey);
  return grantParameters(grant, key.id, key.hash, signature);
}
