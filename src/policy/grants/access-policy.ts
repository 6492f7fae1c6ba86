import type { Matcher } from '../behaviour-match.ts';
import type { AskedResource } from './asked-resource.ts';
import { compileResourcePattern } from './resource-pattern.ts';
import { type AddressRange, isInRange, parseAddressRange } from './source-address.ts';

/** What a signed policy lets its holder do. Seconds are those of the epoch. */
export interface AccessPolicy {
  /** One resource as it is, or a pattern, or everything. */
  readonly resource: string;
  readonly covers: Matcher;
  /** Until before this second. */
  readonly expiresSeconds: number;
  /** From this second on. */
  readonly beginsSeconds: number | undefined;
  readonly source: AddressRange | undefined;
}

/** Why the conditions of a policy do not hold. */
export type ConditionRefusal = 'expired' | 'not-yet' | 'address';

/** The policy that a canned grant stands for, byte for byte; `undefined` for a resource that JSON would escape. */
export function cannedPolicyText(resource: string, expires: string): string | undefined {
  if (/[\\"]|[^ -~]/.test(resource)) return undefined;
  return `{"Statement":[{"Resource":"${resource}","Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`;
}

/** `expires`: digits. */
export function cannedPolicy(resource: string, expires: string): AccessPolicy {
  return {
    resource,
    covers: (text) => text === resource,
    expiresSeconds: Number(expires),
    beginsSeconds: undefined,
    source: undefined,
  };
}

/** Longer ones do not fit into a URL. */
const maxPolicyLength = 8_192;

/**
 * Reads a custom policy. `undefined` for what is none: a grant is not to be guessed at, so an unknown condition, a name
 * that stands there twice, a second statement or a date that is no whole number makes it void.
 */
export function parseAccessPolicy(text: string): AccessPolicy | undefined {
  if (text.length > maxPolicyLength) return undefined;
  const statements = ownMembers(parsed(text), ['Statement'])?.['Statement'];
  const statement = Array.isArray(statements) && statements.length === 1 ? (statements[0] as unknown) : undefined;
  const { Resource: resource, Condition: condition } = ownMembers(statement, ['Resource', 'Condition']) ?? {};
  const conditions = ownMembers(condition, ['DateLessThan', 'DateGreaterThan', 'IpAddress']);
  if (conditions === undefined) return undefined;
  const { DateLessThan: before, DateGreaterThan: after, IpAddress: from } = conditions;
  const expiresSeconds = epochTime(before);
  const beginsSeconds = after === undefined ? undefined : epochTime(after);
  const source = from === undefined ? undefined : addressRange(from);
  if (expiresSeconds === undefined) return undefined;
  if ((after !== undefined && beginsSeconds === undefined) || (from !== undefined && source === undefined)) {
    return undefined;
  }
  // Where nothing is named, everything is meant.
  const pattern = resource === undefined ? '*' : resource;
  if (typeof pattern !== 'string' || resource === '') return undefined;
  const names = 4 + [resource, after, after, from, from].filter((member) => member !== undefined).length;
  if (countNames(text) !== names) return undefined;
  return { resource: pattern, covers: compileResourcePattern(pattern), expiresSeconds, beginsSeconds, source };
}

/** Whether a policy is for what is asked for. One that names it letter by letter says how it is to be read. */
export function coversResource({ resource, covers }: AccessPolicy, { url, alsoReadAs }: AskedResource): boolean {
  return resource === url || (covers(url) && alsoReadAs.every((reading) => covers(reading)));
}

/** Why a policy does not let this viewer in now; `undefined`: it does. */
export function refusedByConditions(
  { expiresSeconds, beginsSeconds, source }: AccessPolicy,
  nowMs: number,
  address: string | undefined,
): ConditionRefusal | undefined {
  if (nowMs >= expiresSeconds * 1_000) return 'expired';
  if (beginsSeconds !== undefined && nowMs < beginsSeconds * 1_000) return 'not-yet';
  return source === undefined || isInRange(source, address) ? undefined : 'address';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The members of an object that has none but these. */
function ownMembers(value: unknown, names: readonly string[]): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  if (!Object.keys(value).every((name) => names.includes(name))) return undefined;
  return value as Record<string, unknown>;
}

function epochTime(condition: unknown): number | undefined {
  const seconds = ownMembers(condition, ['AWS:EpochTime'])?.['AWS:EpochTime'];
  return typeof seconds === 'number' && Number.isSafeInteger(seconds) && seconds >= 0 ? seconds : undefined;
}

function addressRange(condition: unknown): AddressRange | undefined {
  const range = ownMembers(condition, ['AWS:SourceIp'])?.['AWS:SourceIp'];
  return typeof range === 'string' ? parseAddressRange(range) : undefined;
}

/** How many names stand in a JSON text: of those that stand twice, a parser tells the last. */
function countNames(text: string): number {
  let count = 0;
  for (const [, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) if (colon !== undefined) count++;
  return count;
}
