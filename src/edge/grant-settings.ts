import { z } from 'zod';
import { secretField } from '../base/setting-fields.ts';

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
  .describe('Groups of keys, by name, for `trustedKeyGroups`; groups of `streamfront keys` need not stand here');

/** Of a behaviour. */
export const trustedKeyGroupsField = z
  .array(z.string())
  .max(4)
  .default([])
  .describe(
    'Key groups of `streamfront keys` or `edge.keyGroups`: only who has a URL or cookies signed with one of their keys gets in',
  );

/** Of a behaviour with trusted key groups. */
export const carryGrantsField = z
  .enum(['none', 'cookie', 'query'])
  .default('none')
  .describe(
    'How who has a signed URL of an HLS playlist gets what it lists, as far as it lies in the folder of the playlist: `cookie`: the edge sets cookies for that folder; `query`: it appends a token to the addresses in playlists; `none`: not at all, each address needs a grant that is for it',
  );

/** What an edge makes tokens with. */
export const grantSecretsField = z
  .array(secretField('A secret, at least 32 characters, the same at all edges that a viewer may come to'))
  .max(4)
  .default([])
  .describe(
    'What the tokens of `carryGrants` are made with: the first makes them, all are accepted; if left out, the edge has secrets of its own',
  );

/** Of a behaviour of live streams. */
export const publishKeyGroupsField = z
  .array(z.string())
  .max(4)
  .default([])
  .describe(
    'Key groups of `streamfront keys` or `edge.keyGroups`: encoders need a name signed with one of their keys, beside what `edge.publish` asks for',
  );

interface Guarded {
  readonly trustedKeyGroups: readonly string[];
  readonly publishKeyGroups?: readonly string[];
  readonly carryGrants?: 'none' | 'cookie' | 'query';
}

interface Distribution {
  readonly behaviours?: readonly Guarded[] | undefined;
}

/** What of the settings of an edge says who needs a grant. */
export interface GuardedSettings {
  readonly distributions: readonly Distribution[];
  readonly streaming?: readonly Distribution[] | undefined;
}

interface GrantSettings extends GuardedSettings {
  readonly publicKeys: Readonly<Record<string, string>>;
  readonly keyGroups: Readonly<Record<string, { readonly keys: readonly string[] }>>;
}

/** Every key group that a behaviour names, with the setting that does. Whether there is one is known at the start. */
export function namedGroups(edge: GuardedSettings): { readonly setting: string; readonly group: string }[] {
  return guardedBehaviours(edge).flatMap(({ at: [kind, d, , b], behaviour }) =>
    (['trustedKeyGroups', 'publishKeyGroups'] as const).flatMap((setting) =>
      (behaviour[setting] ?? []).map((group) => ({
        setting: `edge.${kind}[${d}].behaviours[${b}].${setting}`,
        group,
      })),
    ),
  );
}

/** What cannot stand, by setting below `edge`, in the operator's words. */
export function grantFindings(edge: GrantSettings): { path: (string | number)[]; message: string }[] {
  const { publicKeys, keyGroups } = edge;
  const findings: { path: (string | number)[]; message: string }[] = [];
  for (const [name, { keys }] of Object.entries(keyGroups)) {
    keys.forEach((id, k) => {
      if (Object.hasOwn(publicKeys, id)) return;
      const known = Object.keys(publicKeys).join(', ') || 'none';
      const message = `there is no key "${id}" in edge.publicKeys (there: ${known})`;
      findings.push({ path: ['keyGroups', name, 'keys', k], message });
    });
  }
  for (const { at, behaviour } of guardedBehaviours(edge)) {
    if ((behaviour.carryGrants ?? 'none') !== 'none' && behaviour.trustedKeyGroups.length === 0) {
      const message = 'there are no grants to be carried on: the behaviour has no trustedKeyGroups';
      findings.push({ path: [...at, 'carryGrants'], message });
    }
    (behaviour.publishKeyGroups ?? []).forEach((group, g) => {
      if (!behaviour.trustedKeyGroups.includes(group)) return;
      const message = `"${group}" lets viewers in too, who could publish then: take another group`;
      findings.push({ path: [...at, 'publishKeyGroups', g], message });
    });
  }
  return findings;
}

function guardedBehaviours({ distributions, streaming = [] }: GuardedSettings) {
  return Object.entries({ distributions, streaming }).flatMap(([kind, list]) =>
    list.flatMap(({ behaviours = [] }, d) =>
      behaviours.map((behaviour, b) => ({ at: [kind, d, 'behaviours', b] as const, behaviour })),
    ),
  );
}
