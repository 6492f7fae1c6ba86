import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cannedPolicyText } from '../../src/policy/grants/access-policy.ts';
import { encodeGrantText } from '../../src/policy/grants/presented-grant.ts';

/** Who can sign URLs, and the file with the public key. */
export interface GrantSigner {
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** PEM. */
  readonly privatePem: string;
  readonly publicFile: string;
}

export function grantSigner(kind: 'rsa' | 'ec', id: string): GrantSigner {
  const { privateKey, publicKey } =
    kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2_048 })
      : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const publicFile = join(mkdtempSync(join(tmpdir(), 'grant-key-')), `${id}.pem`);
  writeFileSync(publicFile, publicKey.export({ type: 'spki', format: 'pem' }));
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return { id, privateKey, publicKey, privatePem, publicFile };
}

/** The settings of an edge that trusts these signers, by the name of the group. */
export function trusting(groups: Record<string, readonly GrantSigner[]>) {
  const signers = Object.values(groups).flat();
  return {
    publicKeys: Object.fromEntries(signers.map(({ id, publicFile }) => [id, publicFile])),
    keyGroups: Object.fromEntries(
      Object.entries(groups).map(([name, members]) => [name, { keys: members.map(({ id }) => id) }]),
    ),
  };
}

/** The parameters that sign a resource by a canned policy, to be put behind it. */
export function cannedGrant(signer: GrantSigner, resource: string, expiresSeconds: number): string {
  const signature = signed(signer, cannedPolicyText(resource, String(expiresSeconds)) ?? '');
  return `Expires=${expiresSeconds}&Signature=${signature}&Key-Pair-Id=${signer.id}`;
}

/** The parameters of a grant by any policy. */
export function customGrant(signer: GrantSigner, policy: string): string {
  const encoded = encodeGrantText(Buffer.from(policy));
  return `Policy=${encoded}&Signature=${signed(signer, policy)}&Key-Pair-Id=${signer.id}`;
}

/** A custom policy for one resource. */
export function policyFor(resource: string | undefined, expiresSeconds: number, conditions: object = {}): string {
  const condition = { DateLessThan: { 'AWS:EpochTime': expiresSeconds }, ...conditions };
  return JSON.stringify({ Statement: [{ Resource: resource, Condition: condition }] });
}

/** Parameters of a URL as a Cookie field. */
export function asCookies(parameters: string): string {
  return parameters.replaceAll(/(^|&)/g, (between) => `${between === '' ? '' : '; '}CloudFront-`);
}

function signed({ privateKey }: GrantSigner, text: string): string {
  return encodeGrantText(sign('sha1', Buffer.from(text), privateKey));
}
