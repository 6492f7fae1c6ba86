import { cannedPolicyText, parseAccessPolicy } from './access-policy.ts';
import { encodeGrantText } from './presented-grant.ts';

/** What a grant shall let its holder do. Seconds are those of the epoch. */
export interface GrantTerms {
  /** One resource, or a pattern. */
  readonly resource: string;
  readonly expiresSeconds: number;
  readonly beginsSeconds?: number | undefined;
  /** IPv4 addresses, such as `192.0.2.0/24`. */
  readonly addresses?: string | undefined;
}

/** A policy, and the parameter that tells it to the verifier. */
export interface GrantToSign {
  /** What is signed. */
  readonly text: string;
  readonly parameter: readonly ['Expires' | 'Policy', string];
}

/**
 * The shortest policy that says it: canned for one resource and an end, else custom, letter by letter as the signer of
 * AWS writes them. `undefined` for a resource that a canned policy cannot name.
 */
export function signableGrant(terms: GrantTerms): GrantToSign | undefined {
  const { resource, expiresSeconds, beginsSeconds, addresses } = terms;
  if (beginsSeconds !== undefined || addresses !== undefined) return customGrant(patternPolicy(terms));
  const expires = String(expiresSeconds);
  const text = cannedPolicyText(resource, expires);
  return text === undefined ? undefined : { text, parameter: ['Expires', expires] };
}

/** A grant by a custom policy, for whatever its resource covers. */
export function customGrant(text: string): GrantToSign {
  return { text, parameter: ['Policy', encodeGrantText(new TextEncoder().encode(text))] };
}

/** A custom policy: `*` and `?` in its resource stand for others. */
export function patternPolicy({ resource, expiresSeconds, beginsSeconds, addresses }: GrantTerms): string {
  const condition = {
    DateLessThan: { 'AWS:EpochTime': expiresSeconds },
    ...(beginsSeconds === undefined ? {} : { DateGreaterThan: { 'AWS:EpochTime': beginsSeconds } }),
    ...(addresses === undefined
      ? {}
      : { IpAddress: { 'AWS:SourceIp': addresses.includes('/') ? addresses : `${addresses}/32` } }),
  };
  return JSON.stringify({ Statement: [{ Resource: resource, Condition: condition }] });
}

/** The same policy without the spaces between its words, which make addresses long; `undefined` for what is none. */
export function compactPolicy(text: string): string | undefined {
  return parseAccessPolicy(text) === undefined ? undefined : JSON.stringify(JSON.parse(text));
}

/** Name and value of each parameter of a grant, in the order of the signer of AWS. */
export function grantParameters(
  { parameter }: GrantToSign,
  keyPairId: string,
  hash: 'sha1' | 'sha256',
  signature: Uint8Array,
): { readonly [name: string]: string } {
  const [name, value] = parameter;
  return {
    [name]: value,
    'Key-Pair-Id': keyPairId,
    Signature: encodeGrantText(signature),
    ...(hash === 'sha256' ? { 'Hash-Algorithm': 'SHA256' } : {}),
  };
}

/** An address with a grant behind it. Nothing in the parameters of a grant has to be escaped. */
export function withGrant(url: string, parameters: Readonly<Record<string, string>>): string {
  return url + (url.includes('?') ? '&' : '?') + joined(parameters, '', '&');
}

/** A grant as the value of a Cookie field. */
export function asCookies(parameters: Readonly<Record<string, string>>): string {
  return joined(parameters, 'CloudFront-', '; ');
}

function joined(parameters: Readonly<Record<string, string>>, before: string, between: string): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${before}${name}=${value}`)
    .join(between);
}
