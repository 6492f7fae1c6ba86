import { z } from 'zod';

const keyIdField = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, hyphens and underscores, at most 64')
  .meta({ title: 'key id' });

/** Public keys by id, as signed URLs name them (`Key-Pair-Id`). */
export const publicKeysField = z
  .record(keyIdField, z.string().min(1).describe('PEM file'))
  .default({})
  .describe(
    'PEM files of the public keys that signed URLs and cookies are verified with, by the id that those name as `Key-Pair-Id`: RSA or ECDSA P-256',
  );

/** Keys that count together: the old and the new one while keys are rotated. */
export const keyGroupsField = z
  .record(
    z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'letters, digits and hyphens'),
    z.strictObject({
      keys: z.array(keyIdField).min(1).max(16).describe('Ids from `edge.publicKeys`; each of them will do'),
    }),
  )
  .default({})
  .describe('Groups of keys, by name, for `trustedKeyGroups`');

/** Of a behaviour. */
export const trustedKeyGroupsField = z
  .array(z.string())
  .max(4)
  .default([])
  .describe('Key groups of `edge.keyGroups`: only who has a URL or cookies signed with one of their keys gets in');

/** Of a behaviour of live streams. */
export const publishKeyGroupsField = z
  .array(z.string())
  .max(4)
  .default([])
  .describe(
    'Key groups of `edge.keyGroups`: encoders need a name signed with one of their keys, beside what `edge.publish` asks for',
  );

interface Guarded {
  readonly trustedKeyGroups: readonly string[];
  readonly publishKeyGroups?: readonly string[];
}

interface Distribution {
  readonly behaviours?: readonly Guarded[] | undefined;
}

interface GrantSettings {
  readonly publicKeys: Readonly<Record<string, string>>;
  readonly keyGroups: Readonly<Record<string, { readonly keys: readonly string[] }>>;
  readonly distributions: readonly Distribution[];
  readonly streaming?: readonly Distribution[] | undefined;
}

/** What cannot stand, by setting below `edge`, in the operator's words. */
export function grantFindings(edge: GrantSettings): { path: (string | number)[]; message: string }[] {
  const { publicKeys, keyGroups, distributions, streaming = [] } = edge;
  const findings: { path: (string | number)[]; message: string }[] = [];
  for (const [name, { keys }] of Object.entries(keyGroups)) {
    keys.forEach((id, k) => {
      if (Object.hasOwn(publicKeys, id)) return;
      const message = `there is no key "${id}" in edge.publicKeys (there: ${known(publicKeys)})`;
      findings.push({ path: ['keyGroups', name, 'keys', k], message });
    });
  }
  for (const [kind, list] of Object.entries({ distributions, streaming })) {
    list.forEach(({ behaviours = [] }, d) => {
      behaviours.forEach(({ trustedKeyGroups, publishKeyGroups = [] }, b) => {
        const at = [kind, d, 'behaviours', b];
        for (const [setting, groups] of Object.entries({ trustedKeyGroups, publishKeyGroups })) {
          groups.forEach((group, g) => {
            if (Object.hasOwn(keyGroups, group)) return;
            const message = `there is no key group "${group}" in edge.keyGroups (there: ${known(keyGroups)})`;
            findings.push({ path: [...at, setting, g], message });
          });
        }
        publishKeyGroups.forEach((group, g) => {
          if (!trustedKeyGroups.includes(group)) return;
          const message = `"${group}" lets viewers in too, who could publish then: take another group`;
          findings.push({ path: [...at, 'publishKeyGroups', g], message });
        });
      });
    });
  }
  return findings;
}

function known(record: Readonly<Record<string, unknown>>): string {
  return Object.keys(record).join(', ') || 'none';
}
