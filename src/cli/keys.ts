import { ConfigError, StreamFrontError } from '../base/errors.ts';
import { reasonOf } from '../base/thrown.ts';
import { hasAccessFile } from '../control/access-file.ts';
import { ControlClient } from '../control/control-client.ts';
import { createKey, importKey, type KeyType, revokeKey } from '../stores/keys/key-changes.ts';
import { readKeyStore, readPrivateKey, type StoredKey } from '../stores/keys/key-store.ts';
import { prepareDataFolder } from './data-folder.ts';
import { type Place, type PlaceFlags, placeOf } from './place.ts';
import { say } from './say.ts';

export interface KeysFlags extends PlaceFlags {
  readonly group: string;
}

/** `streamfront keys create`. As all of these: throws a `ConfigError` when nothing was changed. */
export async function createKeyIn({ group, type, ...flags }: KeysFlags & { readonly type: KeyType }): Promise<void> {
  const place = placeOf(flags);
  prepareDataFolder(place.dataFolder);
  const key = createKey(place.keysFolder, group, type);
  say([
    ...made(key),
    ...(await standing(place, [group])),
    '',
    'A behaviour lets in those only who have something signed with it, when the configuration says of it:',
    `  { path: '/premium/*', trustedKeyGroups: [${group}] }`,
    'A URL that opens it for an hour:',
    `  streamfront sign 'http://localhost:8080/premium/film.mp4' --expires 1h${group === 'viewers' ? '' : ` --group ${group}`}`,
  ]);
}

/** `streamfront keys import FILE`. */
export async function importKeyInto(
  file: string,
  { group, id, ...flags }: KeysFlags & { readonly id?: string },
): Promise<void> {
  const place = placeOf(flags);
  prepareDataFolder(place.dataFolder);
  const key = importKey(place.keysFolder, group, file, id);
  say([
    `Took in ${key.id} (${key.kind}) into key group ${group}: ${key.publicFile}`,
    `Whoever has its private key signs with it, and names it as Key-Pair-Id=${key.id}.`,
    ...(await standing(place, [group])),
  ]);
}

/** `streamfront keys rotate`: of the kind that the group has. */
export async function rotateKeysOf({ group, ...flags }: KeysFlags): Promise<void> {
  const place = placeOf(flags);
  const former = readKeyStore(place.keysFolder).groups.get(group) ?? [];
  const newest = former.at(-1);
  if (newest === undefined) {
    const remedy = `"streamfront keys create --group ${group}" makes one`;
    throw new ConfigError(`key group ${group} has no key that could be replaced`, [remedy]);
  }
  const key = createKey(place.keysFolder, group, newest.publicKey.asymmetricKeyType === 'ec' ? 'ecdsa' : 'rsa');
  say([
    ...made(key),
    ...(await standing(place, [group])),
    `What was signed before stays good. When that has expired: ${former.map(({ id }) => `"streamfront keys revoke ${id}"`).join(' and ')}`,
  ]);
}

/** `streamfront keys revoke ID`. */
export async function revoke(id: string, flags: PlaceFlags): Promise<void> {
  const place = placeOf(flags);
  const groups = revokeKey(place.keysFolder, id);
  const { groups: left } = readKeyStore(place.keysFolder);
  const empty = groups.filter((group) => left.get(group)?.length === 0);
  const { publicKeys } = place.configuration.edge;
  say([
    `Revoked ${id} of key group ${groups.join(' and ')}: it is gone, and what it has signed opens nothing any more.`,
    ...(await standing(place, groups)),
    ...(hasAccessFile(place.dataFolder)
      ? [`Streams that run already go on: "streamfront revoke key ${id}" ends them too.`]
      : []),
    ...empty.map(
      (group) => `Key group ${group} has no key left here: "streamfront keys create --group ${group}" makes one.`,
    ),
    ...(Object.hasOwn(publicKeys, id)
      ? [`BUT edge.publicKeys in the configuration names a key ${id} too: take it out there, and start the edge again.`]
      : []),
  ]);
}

/** `streamfront keys list`. */
export function listKeys(flags: PlaceFlags): void {
  const { keysFolder, configuration } = placeOf(flags);
  const { groups, findings } = readKeyStore(keysFolder);
  if (groups.size === 0) say([`There are no keys in ${keysFolder}. "streamfront keys create" makes one.`]);
  for (const [group, keys] of groups) {
    const signing = keys.findLast(({ privateFile }) => privateFile !== undefined);
    say([
      `Key group ${group}${keys.length === 0 ? ': no keys' : ''}`,
      ...keys.map((key) => `  ${key.id.padEnd(14)}  ${key.kind.padEnd(11)}  ${day(key)}  ${standingOf(key, signing)}`),
    ]);
  }
  const configured = Object.keys(configuration.edge.publicKeys);
  if (configured.length > 0) say([`The configuration has further ones (edge.publicKeys): ${configured.join(', ')}`]);
  if (findings.length > 0) say(['Left out:', ...findings.map((finding) => `  - ${finding}`)]);
}

function day({ createdMs }: StoredKey): string {
  return new Date(createdMs).toISOString().slice(0, 10);
}

function standingOf(key: StoredKey, signing: StoredKey | undefined): string {
  if (key.privateFile === undefined) return 'signs elsewhere: only its public half is here';
  try {
    readPrivateKey(key);
  } catch (error) {
    return reasonOf(error).replaceAll('\n', '');
  }
  return key === signing ? 'signs' : 'opens what it has signed, until it is revoked';
}

function made({ id, kind, group, publicFile, privateFile = '' }: StoredKey): string[] {
  return [
    `Made ${id} (${kind}) in key group ${group}; it signs from now on.`,
    `  public key   ${publicFile}`,
    `  private key  ${privateFile} (readable by you only; keep it so)`,
  ];
}

/** Tells the running edge, and says how it stands there. That nobody could be told changes nothing in the key store. */
async function standing({ dataFolder }: Place, changed: readonly string[]): Promise<string[]> {
  if (!hasAccessFile(dataFolder)) {
    return [`No edge runs with the data folder ${dataFolder}: the next one that starts with it will know.`];
  }
  try {
    const { asked } = await new ControlClient(dataFolder).followKeys();
    const unasked = changed.filter((group) => !asked.includes(group));
    if (unasked.length === 0) return ['The running edge knows it: this is in force now.'];
    return [
      `No behaviour of the running edge asks for key group ${unasked.join(' or ')} yet: with trustedKeyGroups: [${unasked.join(', ')}] it does, when it is started again.`,
    ];
  } catch (error) {
    if (!(error instanceof StreamFrontError)) throw error;
    return [`The edge could not be told, but looks twice a second if it runs. ${error.message}`];
  }
}
