import { ConfigError } from '../base/errors.ts';
import { signGrant } from '../http/grant-signer.ts';
import type { AccessPolicy } from '../policy/grants/access-policy.ts';
import { asCookies, withGrant } from '../policy/grants/grant-to-sign.ts';
import { noSuchKey } from '../stores/keys/key-changes.ts';
import { readKeyStore, readPrivateKey, type StoredKey } from '../stores/keys/key-store.ts';
import { type PlaceFlags, placeOf } from './place.ts';
import { say } from './say.ts';
import { type GrantFlags, grantAskedFor } from './sign-terms.ts';
import { systemClock } from './system-clock.ts';

export interface SignFlags extends GrantFlags, PlaceFlags {
  readonly key?: string;
  readonly group?: string;
  readonly hash: 'sha1' | 'sha256';
}

export const signHelp = `
Times are from now on (30s, 10m, 1h, 7d) or an instant (2026-12-31T18:00:00Z).
Put addresses in quotes: the shell has plans of its own for & and *.

Examples:
  one file, for an hour:
    $ streamfront sign 'https://example.org/films/first.mp4' --expires 1h
  a live stream over HLS, where its behaviour says "carryGrants: query":
    $ streamfront sign 'https://example.org/live/stage/index.m3u8'
  cookies for all films, tried out with curl:
    $ curl -b "$(streamfront sign --cookies --resource 'https://example.org/films/*')" https://example.org/films/first.mp4
  a stream over RTMP, from one network only:
    $ streamfront sign 'rtmp://example.org/live/stage' --expires 10m --ip 192.0.2.0/24
`;

/**
 * `streamfront sign URL`: writes the signed address, or cookies, to standard output, and what it is good for to standard
 * error. Throws a `ConfigError` with everything that is wrong, an `AccessError` for a key that others can read.
 */
export function sign(text: string | undefined, flags: SignFlags): void {
  const { keysFolder } = placeOf(flags);
  const { grant, policy, url } = grantAskedFor(text, flags, systemClock.wallMs());
  const key = signingKey(keysFolder, flags);
  const parameters = signGrant(grant, { id: key.id, privateKey: readPrivateKey(key), hash: flags.hash });
  say([url === undefined ? asCookies(parameters) : withGrant(url, parameters)]);
  process.stderr.write(`${meaning(policy)}; signed with ${key.id} of key group ${key.group}\n`);
}

/** The newest key of the group that can sign here. */
function signingKey(folder: string, { key: id, group }: SignFlags): StoredKey {
  const { groups } = readKeyStore(folder);
  const keys = [...groups.values()].flat();
  if (id !== undefined) {
    const named = keys.find((key) => key.id === id);
    if (named === undefined) throw noSuchKey(folder, id);
    return named;
  }
  if (group === undefined && groups.size > 1) {
    throw new ConfigError('there are several key groups', [
      `say for which one this is signed: ${[...groups.keys()].map((name) => `--group ${name}`).join(' or ')}`,
    ]);
  }
  const newest = keys.findLast((key) => key.privateFile !== undefined && (group ?? key.group) === key.group);
  if (newest === undefined) {
    const whose = group === undefined ? '' : ` --group ${group}`;
    throw new ConfigError('there is no key to sign with', [
      `in ${folder}${group === undefined ? '' : `, key group ${group}`}: "streamfront keys create${whose}" makes one`,
    ]);
  }
  return newest;
}

function meaning({ resource, expiresSeconds, beginsSeconds, source }: AccessPolicy): string {
  const day = (seconds: number) => `${new Date(seconds * 1_000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  const from = beginsSeconds === undefined ? '' : ` from ${day(beginsSeconds)}`;
  const where = source === undefined ? '' : ', for addresses of one network only';
  return `Good for ${resource}${from} until ${day(expiresSeconds)}${where}`;
}
