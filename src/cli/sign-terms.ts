import { readFileSync } from 'node:fs';
import { ConfigError } from '../base/errors.ts';
import { parseDurationMs } from '../base/units.ts';
import { reasonOf } from '../base/thrown.ts';
import { type AccessPolicy, coversResource, parseAccessPolicy } from '../policy/grants/access-policy.ts';
import {
  compactPolicy,
  customGrant,
  type GrantTerms,
  type GrantToSign,
  patternPolicy,
  signableGrant,
} from '../policy/grants/grant-to-sign.ts';
import { cookieResource, signableUrl } from '../policy/grants/signable-url.ts';
import { parseAddressRange } from '../policy/grants/source-address.ts';

/** What `streamfront sign` can be told of a grant. */
export interface GrantFlags {
  readonly expires?: string;
  readonly notBefore?: string;
  readonly ip?: string;
  readonly resource?: string;
  readonly policy?: string;
  readonly cookies?: boolean;
}

/** A grant that somebody could use. */
interface AskedGrant {
  readonly grant: GrantToSign;
  readonly policy: AccessPolicy;
  /** Where it belongs; `undefined`: in cookies. */
  readonly url: string | undefined;
}

/** The grant that a command asks for. Throws a `ConfigError` with everything that is wrong. */
export function grantAskedFor(text: string | undefined, flags: GrantFlags, nowMs: number): AskedGrant {
  const { cookies = false, policy: policyFile, resource: pattern } = flags;
  const findings: string[] = [];
  const named = namedBy(text, flags, findings);
  const terms = termsOf(pattern ?? named?.resource ?? '', flags, nowMs, findings);
  const written = policyFile === undefined ? undefined : policyIn(policyFile, findings);
  const custom = written ?? (pattern === undefined ? undefined : patternPolicy(terms));
  if (findings.length > 0) throw nothingSigned(findings);
  const grant = custom === undefined ? signableGrant(terms) : customGrant(custom);
  const policy = grant === undefined ? undefined : parseAccessPolicy(grant.text);
  if (grant === undefined || policy === undefined) {
    throw nothingSigned([`${pattern ?? text} cannot stand in a policy: it is too long, or has a \\ in it`]);
  }
  if (policy.expiresSeconds * 1_000 <= nowMs) findings.push('it would have expired already');
  if (named !== undefined && !named.names.some((url) => coversResource(policy, { url, alsoReadAs: [] }))) {
    findings.push(`the policy is for ${policy.resource}, which does not cover ${named.resource}`);
  }
  if (findings.length > 0) throw nothingSigned(findings);
  return { grant, policy, url: cookies ? undefined : named?.url };
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

function namedBy(text: string | undefined, flags: GrantFlags, findings: string[]): Named | undefined {
  const { cookies = false } = flags;
  const isSaidElsewhere = flags.policy !== undefined || flags.resource !== undefined;
  if (text === undefined) {
    if (!cookies || !isSaidElsewhere) findings.push('the address that shall be signed is missing');
    return undefined;
  }
  const read = cookies ? cookieResource(text) : signableUrl(text);
  if (typeof read === 'string') {
    findings.push(read);
    return undefined;
  }
  if (read.resource.includes('*') && !isSaidElsewhere) {
    findings.push(
      `a * in an address stands for itself; to sign for all that begins so: --resource '${text}', with the address of one of them`,
    );
  }
  return { ...read, names: [read.resource, read.url, ...namesWithin(read.url)] };
}

/** The names of a stream: with its application, or without one or the other step of that, or without the container. */
function namesWithin(url: string): string[] {
  if (!/^rtmp/i.test(url)) return [];
  const steps = url.replace(/^[a-z]+:\/\/[^/]*\//i, '').split('/');
  const names = steps.map((_step, first) => steps.slice(first).join('/'));
  return names.flatMap((name) => [name, name.replace(/^(?:mp4|mp3|flv):/, '')]);
}

function termsOf(resource: string, flags: GrantFlags, nowMs: number, findings: string[]): GrantTerms {
  const { expires, notBefore, ip } = flags;
  const expiresSeconds = instantSeconds('--expires', expires ?? '1h', nowMs, findings);
  const beginsSeconds =
    notBefore === undefined ? undefined : instantSeconds('--not-before', notBefore, nowMs, findings);
  if (beginsSeconds !== undefined && beginsSeconds >= expiresSeconds) {
    findings.push('--not-before is not before --expires: nobody could use it');
  }
  if (ip !== undefined && parseAddressRange(ip) === undefined) {
    findings.push(`--ip ${ip}: write IPv4 addresses such as 192.0.2.7 or 192.0.2.0/24; policies know no others`);
  }
  if (flags.resource === '') findings.push('--resource is empty: it says what the grant is for');
  if (flags.policy !== undefined && [expires, notBefore, ip, flags.resource].some((flag) => flag !== undefined)) {
    findings.push('--policy says all by itself: leave out --expires, --not-before, --ip and --resource');
  }
  return { resource, expiresSeconds, beginsSeconds, addresses: ip };
}

/** `NaN` for what is no time. */
function instantSeconds(flag: string, text: string, nowMs: number, findings: string[]): number {
  const durationMs = parseDurationMs(text);
  const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)$/.test(text);
  const ms = durationMs === undefined ? (isInstant ? Date.parse(text) : Number.NaN) : nowMs + durationMs;
  if (Number.isNaN(ms)) {
    findings.push(
      `${flag} ${text}: write how long from now on, such as 30s, 10m, 1h or 7d, or an instant such as 2026-12-31T18:00:00Z`,
    );
  }
  return Math.round(ms / 1_000);
}

function policyIn(file: string, findings: string[]): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    findings.push(`--policy: ${reasonOf(cause)}`);
    return undefined;
  }
  const policy = compactPolicy(text);
  if (policy === undefined) {
    findings.push(
      `--policy: ${file} holds no policy that edges understand: one Statement with Resource and Condition, of which DateLessThan is a must and DateGreaterThan and IpAddress are understood (see docs/access.md)`,
    );
  }
  return policy;
}
