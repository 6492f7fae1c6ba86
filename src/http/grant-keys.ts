import type { KeyObject } from 'node:crypto';
import { ConfigError } from '../base/errors.ts';
import type { KeyStoreContents } from '../stores/keys/key-store.ts';
import { readPublicKey } from '../stores/keys/public-key.ts';
import type { KeyGroups } from './grant-verifier.ts';

/** Where public keys are, and which groups they form: a part of the edge's settings. */
export interface GrantKeySettings {
  /** PEM files by key id. */
  readonly publicKeys: Readonly<Record<string, string>>;
  readonly keyGroups: Readonly<Record<string, { readonly keys: readonly string[] }>>;
}

/** Reads the public keys of all key groups that the settings name. Throws a `ConfigError` with everything that is wrong. */
export function loadKeyGroups({ publicKeys, keyGroups }: GrantKeySettings): KeyGroups {
  const findings: string[] = [];
  const keys = new Map<string, KeyObject>();
  for (const [id, file] of Object.entries(publicKeys)) {
    const key = readPublicKey(file);
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

/** The groups of the settings, and those of the key store; one that is in both has the keys of both. */
export function withStoredKeys(configured: KeyGroups, stored: KeyStoreContents['groups']): KeyGroups {
  const all = new Map(configured);
  for (const [group, keys] of stored) {
    const added = keys.map(({ id, publicKey }) => [id, publicKey] as const);
    // Of two keys of one id that of the settings counts: somebody has written it out.
    all.set(group, new Map([...added, ...(configured.get(group) ?? [])]));
  }
  return all;
}

function isThere(entry: readonly [string, KeyObject | undefined]): entry is readonly [string, KeyObject] {
  return entry[1] !== undefined;
}
