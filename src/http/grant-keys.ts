import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigError } from '../base/errors.ts';
import type { KeyGroups } from './grant-verifier.ts';

/** Where public keys are, and which groups they form: a part of the edge's settings. */
export interface GrantKeySettings {
  /** PEM files by key id. */
  readonly publicKeys: Readonly<Record<string, string>>;
  readonly keyGroups: Readonly<Record<string, { readonly keys: readonly string[] }>>;
}

/** Reads the public keys of all key groups. Throws a `ConfigError` with everything that is wrong. */
export function loadKeyGroups({ publicKeys, keyGroups }: GrantKeySettings): KeyGroups {
  const findings: string[] = [];
  const keys = new Map<string, KeyObject>();
  for (const [id, file] of Object.entries(publicKeys)) {
    const key = loadPublicKey(file);
    if (typeof key === 'string') findings.push(`edge.publicKeys.${id}: ${key}`);
    else keys.set(id, key);
  }
  if (findings.length > 0) throw new ConfigError('Keys for signed URLs cannot be used:', findings);
  return new Map(
    Object.entries(keyGroups).map(([name, group]) => [
      name,
      new Map(group.keys.flatMap((id) => [[id, keys.get(id)] as const].filter(isThere))),
    ]),
  );
}

function isThere(entry: readonly [string, KeyObject | undefined]): entry is readonly [string, KeyObject] {
  return entry[1] !== undefined;
}

/** What is wrong with it is said in words. */
function loadPublicKey(file: string): KeyObject | string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    return code === 'ENOENT' ? `there is no file ${file}` : `${file} cannot be read (${String(code ?? cause)})`;
  }
  // Node would take the public half of it: an edge that holds what signs grants is not what was meant.
  if (text.includes('PRIVATE KEY')) return `${file} holds a private key: edges need the public one only`;
  let key: KeyObject;
  try {
    key = createPublicKey(text);
  } catch {
    return `${file} holds no public key: PEM text with "BEGIN PUBLIC KEY" is expected`;
  }
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  const fits =
    (key.asymmetricKeyType === 'rsa' && modulusLength >= 2_048 && modulusLength <= 4_096) ||
    (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1');
  return fits ? key : `${file} holds a key of another kind: RSA with 2048 to 4096 bits or ECDSA P-256 is expected`;
}
