import { generateKeyPairSync, type KeyObject, randomInt } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../base/errors.ts';
import { reasonOf } from '../../base/thrown.ts';
import { syncFolder, type WholeFileOptions, writeWholeFile } from '../whole-file.ts';
import { keyFiles, keyId, openFolder, readKeyStore, type StoredKey } from './key-store.ts';
import { readPublicKey } from './public-key.ts';

export const keyTypes = ['rsa', 'ecdsa'] as const;
export type KeyType = (typeof keyTypes)[number];

/** Makes a key and puts it into a group, which may be new. Throws a `ConfigError` when that cannot be written. */
export function createKey(folder: string, group: string, type: KeyType): StoredKey {
  const { publicKey, privateKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2_048 })
      : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const id = freeId(folder);
  const files = keyFiles(folder, group, id);
  changing(folder, () => {
    makeGroup(folder, group);
    writeKey(files.privateFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), 'owner');
    // From here on the key counts.
    writeKey(files.publicFile, publicPem(publicKey), 'everybody');
  });
  return stored(folder, id);
}

/**
 * Puts a public key into a group that was made elsewhere, under the id that its grants name. Throws a `ConfigError` for
 * what is no such key, and when id or key are there already.
 */
export function importKey(folder: string, group: string, file: string, id = freeId(folder)): StoredKey {
  const key = readPublicKey(file);
  const there = allKeys(folder);
  const findings: string[] = [];
  if (typeof key === 'string') {
    findings.push(key);
  } else {
    const twin = there.find(({ publicKey }) => publicKey.equals(key));
    if (twin !== undefined) findings.push(`it is there already, as ${twin.id} in key group ${twin.group}`);
  }
  const namesake = there.find((other) => other.id === id);
  if (namesake !== undefined) findings.push(`there is another key ${id}, in key group ${namesake.group}`);
  if (findings.length > 0 || typeof key === 'string') {
    throw new ConfigError(`${file} was not imported`, findings);
  }
  changing(folder, () => {
    makeGroup(folder, group);
    writeKey(keyFiles(folder, group, id).publicFile, publicPem(key), 'everybody');
  });
  return stored(folder, id);
}

/**
 * Takes a key away for good, its private half too; its group stays. Gives the groups that it was in. Throws a
 * `ConfigError` when there is none.
 */
export function revokeKey(folder: string, id: string): readonly string[] {
  if (!keyId.test(id)) throw noSuchKey(folder, id);
  const { groups } = readKeyStore(folder);
  const revoked: string[] = [];
  for (const group of groups.keys()) {
    const { publicFile, privateFile } = keyFiles(folder, group, id);
    if (!existsSync(publicFile) && !existsSync(privateFile)) continue;
    changing(folder, () => {
      // The door closes first.
      rmSync(publicFile, { force: true });
      rmSync(privateFile, { force: true });
      syncFolder(join(folder, group));
    });
    revoked.push(group);
  }
  if (revoked.length === 0) throw noSuchKey(folder, id);
  return revoked;
}

/** Of a key that is not in the folder. */
export function noSuchKey(folder: string, id: string): ConfigError {
  const known = allKeys(folder).map((key) => key.id);
  return new ConfigError(`there is no key ${id}`, [`in ${folder} there are: ${known.join(', ') || 'none'}`]);
}

function allKeys(folder: string): StoredKey[] {
  return [...readKeyStore(folder).groups.values()].flat();
}

function stored(folder: string, id: string): StoredKey {
  const key = allKeys(folder).find((candidate) => candidate.id === id);
  if (key === undefined) throw noSuchKey(folder, id);
  return key;
}

/** As CloudFront's: a K and 13 letters and digits. */
function freeId(folder: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
  const taken = new Set(allKeys(folder).map(({ id }) => id));
  for (;;) {
    const id = `K${Array.from({ length: 13 }, () => letters[randomInt(letters.length)]).join('')}`;
    if (!taken.has(id)) return id;
  }
}

function publicPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' });
}

/** Throws a `ConfigError` when what is put there would not be used. */
function makeGroup(folder: string, group: string): void {
  for (const path of [folder, join(folder, group)]) {
    if (!existsSync(path)) mkdirSync(path, { mode: 0o755 });
  }
  const open = openFolder(folder, group);
  if (open !== undefined) throw new ConfigError(`keys of group ${group} would not be used`, [open]);
}

function changing(folder: string, change: () => void): void {
  try {
    change();
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    const reason = reasonOf(cause);
    throw new ConfigError(`keys cannot be changed in ${folder}`, [reason]);
  }
}

/** On the disk when it returns, name and all. Edges may run as another user than who makes keys. */
function writeKey(file: string, pem: string, readableBy: WholeFileOptions['readableBy']): void {
  writeWholeFile(file, pem, { readableBy, synced: true });
}
