import { fieldValues } from '../../src/formats/http-fields/field-lines.ts';
import type { ResponseTiming } from '../../src/policy/age.ts';
import type { CachePolicy, CloudFrontPolicy } from '../../src/policy/cache-policy.ts';
import { type FreshnessFacts, freshnessFacts } from '../../src/policy/freshness.ts';
import { responseDirectives, sharedFields } from '../../src/policy/response-directives.ts';
import { storability } from '../../src/policy/storability.ts';

/** Noon of the first day of 2026: when responses of these tests arrive. */
export const arrivalWallMs = Date.UTC(2026, 0, 1, 12);
export const arrivalMonotonicMs = 5_000;

export const standards: CachePolicy = { name: 'standards', maxStaleMs: 10_000 };

export function cloudFront(settings: Partial<Omit<CloudFrontPolicy, 'name'>> = {}): CloudFrontPolicy {
  return {
    name: 'cloudfront',
    minTtlMs: 0,
    defaultTtlMs: 86_400_000,
    maxTtlMs: 31_536_000_000,
    maxStaleMs: 10_000,
    errorTtl: { otherwiseMs: 1_000, byStatusMs: new Map() },
    ...settings,
  };
}

export function factsOf(
  fields: readonly string[],
  policy: CachePolicy,
  { status = 200, delayMs = 0, sinceSecondMs = 0 } = {},
): FreshnessFacts {
  const timing: ResponseTiming = {
    requestedMonotonicMs: arrivalMonotonicMs - delayMs,
    receivedMonotonicMs: arrivalMonotonicMs,
    receivedWallMs: arrivalWallMs + sinceSecondMs,
  };
  return freshnessFacts({ status, fields, directives: responseDirectives(fields) }, timing, policy);
}

/** The kind of storability, or the reason against it. */
export function ruleOf(status: number, fields: readonly string[], policy: CachePolicy, authorized = false): string {
  const directives = responseDirectives(fields);
  const rule = storability(
    { status, fields: sharedFields(fields, directives), directives },
    { policy, authorized, receivedWallMs: arrivalWallMs },
  );
  return rule.kind === 'private' ? `private: ${rule.reason}` : rule.kind;
}

/** The value of a field as `sharedFields` leaves it. */
export function sharedValue(fields: readonly string[], name: string): string | undefined {
  return fieldValues(sharedFields(fields, responseDirectives(fields)), name)[0];
}
