import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AccessError, ConfigError } from '../../base/errors.ts';
import { codeOf } from '../../base/thrown.ts';
import { keyKind, readPublicKey } from './public-key.ts';

/**
 * Keys that sign grants lie in a folder for each key group: `GROUP/ID.pem` is the public key, for edges, and
 * `GROUP/ID.private.pem` what signs. A key counts as long as its public file is there, so that folders can be copied to
 * other edges with the programs that everybody has.
 */
export interface StoredKey {
  readonly id: string;
  readonly group: string;
  /** Such as `RSA-2048`. */
  readonly kind: string;
  readonly publicKey: KeyObject;
  readonly publicFile: string;
  /** Without one, grants are signed elsewhere. */
  readonly privateFile: string | undefined;
  readonly createdMs: number;
}

export interface KeyStoreContents {
  /** By group, also those without a key, the oldest key first. */
  readonly groups: ReadonlyMap<string, readonly StoredKey[]>;
  /** What is left out, and why. */
  readonly findings: readonly string[];
}

/** What key groups may be called. */
export const groupName = /^[A-Za-z0-9-]{1,64}$/;
/** What keys may be called; CloudFront's begin with a `K`. */
export const keyId = /^[A-Za-z0-9_-]{1,64}$/;

const privateEnding = '.private.pem';
const publicEnding = '.pem';
/** Looking at more of them would take time, twice a second. */
const maxGroups = 100;
const maxKeysInGroup = 100;

/** The folder of keys in a data folder. */
export function keysFolder(dataFolder: string): string {
  return join(dataFolder, 'keys');
}

/** Where the halves of a key are. */
export function keyFiles(folder: string, group: string, id: string): { publicFile: string; privateFile: string } {
  const at = join(folder, group, id);
  return { publicFile: `${at}${publicEnding}`, privateFile: `${at}${privateEnding}` };
}

/** All keys that are there; none if the folder is not. Throws a `ConfigError` for a folder that cannot be read. */
export function readKeyStore(folder: string): KeyStoreContents {
  const findings: string[] = [];
  const groups = new Map<string, readonly StoredKey[]>();
  const names = groupsIn(folder);
  if (names.length > maxGroups)
    findings.push(`there are ${names.length} groups in ${folder}, of which ${maxGroups} count`);
  for (const group of names.slice(0, maxGroups)) {
    const keys: StoredKey[] = [];
    const open = openFolder(folder, group);
    if (open !== undefined) {
      findings.push(open);
    } else {
      const ids = keysIn(folder, group);
      if (ids.length > maxKeysInGroup) {
        findings.push(`there are ${ids.length} keys in ${join(folder, group)}, of which ${maxKeysInGroup} count`);
      }
      for (const id of ids.slice(0, maxKeysInGroup)) {
        const key = readKey(folder, group, id);
        if (typeof key === 'string') findings.push(key);
        else keys.push(key);
      }
    }
    keys.sort((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1));
    groups.set(group, keys);
  }
  return { groups, findings };
}

/** Changes whenever a public key comes, goes, or is written anew. Throws as `readKeyStore` does. */
export function keyStoreVersion(folder: string): string {
  return groupsIn(folder)
    .slice(0, maxGroups)
    .map((group) => {
      const ids = keysIn(folder, group).slice(0, maxKeysInGroup);
      const keys = ids.map((id) => {
        const found = statSync(keyFiles(folder, group, id).publicFile, { bigint: true, throwIfNoEntry: false });
        return found === undefined ? id : `${id} ${found.ino} ${found.mtimeNs} ${found.size}`;
      });
      return `${group} ${openFolder(folder, group) ?? ''}: ${keys.join()}`;
    })
    .join('\n');
}

/**
 * The key that signs. Throws an `AccessError` when others can read it, who could let in whom they want then, and a
 * `ConfigError` when it cannot be used.
 */
export function readPrivateKey({ id, privateFile }: StoredKey): KeyObject {
  if (privateFile === undefined) {
    throw new ConfigError(`key ${id} cannot sign`, ['its private key is not here: it signs where it was made']);
  }
  let text: string;
  try {
    const { mode } = statSync(privateFile);
    if ((mode & 0o077) !== 0) {
      throw new AccessError(
        'KEY_READABLE_BY_OTHERS',
        `${privateFile} may be read by others than its owner (mode ${(mode & 0o777).toString(8)}), and is not used: ` +
          `"chmod 600 ${privateFile}" closes it. If somebody may have read it, replace it: "streamfront keys rotate", ` +
          `then "streamfront keys revoke ${id}"`,
      );
    }
    text = readFileSync(privateFile, 'utf8');
  } catch (cause) {
    if (cause instanceof AccessError) throw cause;
    const code = codeOf(cause);
    const remedy = code === 'EACCES' ? 'it may be read by its owner only: run this command as that user' : String(code);
    throw new ConfigError(`key ${id} cannot sign`, [`${privateFile} cannot be read: ${remedy}`]);
  }
  try {
    return createPrivateKey(text);
  } catch {
    throw new ConfigError(`key ${id} cannot sign`, [`${privateFile} holds no private key without a passphrase`]);
  }
}

/** What is wrong with the folders of a group; whoever can write there lets in whom they want. */
export function openFolder(folder: string, group: string): string | undefined {
  const isOpen = (path: string) => ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o002) !== 0;
  const open = [folder, join(folder, group)].find(isOpen);
  return open && `everybody on this machine can put keys into ${open}: "chmod o-w ${open}" closes it`;
}

function readKey(folder: string, group: string, id: string): StoredKey | string {
  const { publicFile, privateFile } = keyFiles(folder, group, id);
  const publicKey = readPublicKey(publicFile);
  if (typeof publicKey === 'string') return publicKey;
  const found = statSync(publicFile, { throwIfNoEntry: false });
  return {
    id,
    group,
    kind: keyKind(publicKey) ?? '',
    publicKey,
    publicFile,
    privateFile: statSync(privateFile, { throwIfNoEntry: false }) === undefined ? undefined : privateFile,
    createdMs: found?.mtimeMs ?? 0,
  };
}

function groupsIn(folder: string): string[] {
  return namesIn(folder).filter((name) => groupName.test(name) && isFolder(join(folder, name)));
}

function keysIn(folder: string, group: string): string[] {
  return namesIn(join(folder, group))
    .filter((name) => name.endsWith(publicEnding))
    .map((name) => name.slice(0, -publicEnding.length))
    .filter((id) => keyId.test(id));
}

/** In order. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOENT') return [];
    const reason = code === 'EACCES' ? 'this user may not read it: run this as the user whose it is' : String(cause);
    throw new ConfigError('the key store cannot be read', [`${folder}: ${reason}`]);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
