import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import { parseDurationMs } from '../base/units.ts';
import { signGrant } from '../http/grant-signer.ts';
import { type AccessPolicy, coversResource, parseAccessPolicy } from '../policy/grants/access-policy.ts';
import {
  asCookies,
  compactPolicy,
  customGrant,
  type GrantToSign,
  patternPolicy,
  signableGrant,
  withGrant,
} from '../policy/grants/grant-to-sign.ts';
import { cookieResource, signableUrl } from '../policy/grants/signable-url.ts';
import { parseAddressRange } from '../policy/grants/source-address.ts';
import { keysFolder, readKeyStore, readPrivateKey, type StoredKey } from '../stores/keys/key-store.ts';
import { noSuchKey } from '../stores/keys/key-changes.ts';
import { loadConfiguration } from './configuration.ts';
import { systemClock } from './system-clock.ts';

export interface SignFlags {
  readonly config?: string;
  readonly data?: string;
  readonly expires?: string;
  readonly notBefore?: string;
  readonly ip?: string;
  readonly resource?: string;
  readonly policy?: string;
  readonly cookies?: boolean;
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
  a live stream over HLS, with all of its playlists and segments:
    $ streamfront sign 'https://example.org/live/stage/index.m3u8' --resource 'https://example.org/live/stage/*'
  cookies for all films, tried out with curl:
    $ curl -b "$(streamfront sign --cookies --resource 'https://example.org/films/*')" https://example.org/films/first.mp4
  a stream over RTMP, from one network only:
    $ streamfront sign 'rtmp://example.org/live/stage' --expires 10m --ip 192.0.2.0/24
`;

/** What is signed, and what to say of it. */
interface Signable {
  readonly grant: GrantToSign;
  /** `undefined`: for cookies. */
  readonly url: string | undefined;
}

/**
 * `streamfront sign URL`: writes the signed address, or cookies, to standard output, and what it is good for to standard
 * error. Throws a `ConfigError` with everything that is wrong, an `AccessError` for a key that others can read.
 */
export function sign(text: string | undefined, flags: SignFlags): void {
  const { config, data, hash } = flags;
  const where = { ...(config === undefined ? {} : { config }), ...(data === undefined ? {} : { data }) };
  const folder = keysFolder(resolve(loadConfiguration(where).configuration.data));
  const { grant, url } = signable(text, flags, systemClock.wallMs());
  const key = signingKey(folder, flags);
  const parameters = signGrant(grant, { id: key.id, privateKey: readPrivateKey(key), hash });
  process.stdout.write(`${url === undefined ? asCookies(parameters) : withGrant(url, parameters)}\n`);
  process.stderr.write(`${meaning(parseAccessPolicy(grant.text))}; signed with ${key.id} of key group ${key.group}\n`);
}

function signable(text: string | undefined, flags: SignFlags, nowMs: number): Signable {
  const { cookies = false, policy: policyFile, resource: pattern } = flags;
  const findings: string[] = [];
  const found = <T>(value: T | string): T | undefined => {
    if (typeof value !== 'string') return value;
    findings.push(value);
    return undefined;
  };
  const needsUrl = !cookies || (policyFile === undefined && pattern === undefined);
  if (text === undefined && needsUrl) findings.push('the address that shall be signed is missing');
  const named = text === undefined ? undefined : found(namedBy(text, cookies));
  if (named?.resource.includes('*') === true && policyFile === undefined && pattern === undefined) {
    findings.push(
      `a * in an address stands for itself; to sign for all that begins so: --resource '${text}', with the address of one of them`,
    );
  }
  const ends = found(instant('--expires', flags.expires ?? '1h', nowMs));
  const begins = flags.notBefore === undefined ? undefined : found(instant('--not-before', flags.notBefore, nowMs));
  if (flags.ip !== undefined && parseAddressRange(flags.ip) === undefined) {
    findings.push(`--ip ${flags.ip}: write IPv4 addresses such as 192.0.2.7 or 192.0.2.0/24; policies know no others`);
  }
  if (begins !== undefined && ends !== undefined && begins.seconds >= ends.seconds) {
    findings.push('--not-before is not before --expires: nobody could use it');
  }
  if (policyFile !== undefined) {
    const beside = (['expires', 'notBefore', 'ip', 'resource'] as const).filter((flag) => flags[flag] !== undefined);
    if (beside.length > 0)
      findings.push('--policy says all by itself: leave out --expires, --not-before, --ip and --resource');
  }
  if (pattern === '') findings.push('--resource is empty: it says what the grant is for');
  const terms = {
    resource: pattern ?? named?.resource ?? '',
    expiresSeconds: ends?.seconds ?? 0,
    beginsSeconds: begins?.seconds,
    addresses: flags.ip,
  };
  const written = policyFile === undefined ? undefined : found(policyIn(policyFile));
  if (findings.length > 0) throw nothingSigned(findings);
  const custom = written?.policy ?? (pattern === undefined ? undefined : patternPolicy(terms));
  const grant = custom === undefined ? signableGrant(terms) : customGrant(custom);
  const policy = grant === undefined ? undefined : parseAccessPolicy(grant.text);
  if (grant === undefined || policy === undefined) throw nothingSigned([`"${text}" cannot stand in a policy`]);
  if (policy.expiresSeconds * 1_000 <= nowMs) findings.push('it would have expired already');
  if (named !== undefined && !named.names.some((url) => coversResource(policy, { url, alsoReadAs: [] }))) {
    findings.push(`the policy is for ${policy.resource}, which does not cover ${named.resource}`);
  }
  if (findings.length > 0) throw nothingSigned(findings);
  return { grant, url: cookies ? undefined : named?.url };
}

function nothingSigned(findings: readonly string[]): ConfigError {
  return new ConfigError('nothing was signed', findings);
}

interface Named {
  readonly resource: string;
  readonly url: string;
  /** What a policy may call it. */
  readonly names: readonly string[];
}

/** A text says what is wrong. */
function namedBy(text: string, cookies: boolean): Named | string {
  if (cookies) {
    const read = cookieResource(text);
    return 'problem' in read ? read.problem : { ...read, url: read.resource, names: [read.resource] };
  }
  const read = signableUrl(text);
  return typeof read === 'string' ? read : { ...read, names: [read.resource, read.url, ...namesWithin(read.url)] };
}

/** The names of a stream: with its application, or without one or the other step of that, or without the container. */
function namesWithin(url: string): string[] {
  if (!/^rtmp/i.test(url)) return [];
  const steps = url.replace(/^[a-z]+:\/\/[^/]*\//i, '').split('/');
  const names = steps.map((_step, first) => steps.slice(first).join('/'));
  return names.flatMap((name) => [name, name.replace(/^(?:mp4|mp3|flv):/, '')]);
}

function instant(flag: string, text: string, nowMs: number): { readonly seconds: number } | string {
  const durationMs = parseDurationMs(text);
  const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)$/.test(text);
  const ms = durationMs === undefined ? (isInstant ? Date.parse(text) : Number.NaN) : nowMs + durationMs;
  if (Number.isNaN(ms)) {
    return `${flag} ${text}: write how long from now on, such as 30s, 10m, 1h or 7d, or an instant such as 2026-12-31T18:00:00Z`;
  }
  return { seconds: Math.round(ms / 1_000) };
}

function policyIn(file: string): { readonly policy: string } | string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    return `--policy: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
  const policy = compactPolicy(text);
  return policy === undefined
    ? `--policy: ${file} holds no policy that edges understand: one Statement with Resource and Condition, of which DateLessThan is a must and DateGreaterThan and IpAddress are understood (see docs/access.md)`
    : { policy };
}

/** The newest key of the group that can sign here. */
function signingKey(folder: string, { key: id, group }: SignFlags): StoredKey {
  const keys = [...readKeyStore(folder).groups.values()].flat();
  if (id !== undefined) {
    const named = keys.find((key) => key.id === id);
    if (named === undefined) throw noSuchKey(folder, id);
    return named;
  }
  const able = keys.filter((key) => key.privateFile !== undefined && (group ?? key.group) === key.group);
  const groups = [...new Set(able.map((key) => key.group))];
  const newest = able.at(-1);
  if (newest === undefined) {
    const whose = group === undefined ? '' : ` --group ${group}`;
    throw new ConfigError('there is no key to sign with', [
      `in ${folder}${group === undefined ? '' : `, key group ${group}`}: "streamfront keys create${whose}" makes one`,
    ]);
  }
  if (groups.length > 1) {
    throw new ConfigError('there are keys of several key groups', [
      `say for which one this is signed: ${groups.map((name) => `--group ${name}`).join(' or ')}`,
    ]);
  }
  return newest;
}

function meaning(policy: AccessPolicy | undefined): string {
  if (policy === undefined) return '';
  const { resource, expiresSeconds, beginsSeconds, source } = policy;
  const day = (seconds: number) => `${new Date(seconds * 1_000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  const from = beginsSeconds === undefined ? '' : ` from ${day(beginsSeconds)}`;
  const where = source === undefined ? '' : ', for addresses of one network only';
  return `Good for ${resource}${from} until ${day(expiresSeconds)}${where}`;
}
