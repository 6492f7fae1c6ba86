import { z } from 'zod';
import { durationField, streamsField } from '../../base/setting-fields.ts';
import type { KeyRotation } from '../../policy/key-schedule.ts';
import { matchesStreamPattern } from '../../policy/publish-credentials.ts';

/** Where the keys of a stream come from. */
export type KeyOrigin =
  | { readonly kind: 'generated' }
  | { readonly kind: 'directory'; readonly directory: string }
  /** Program and arguments; `{name}`, `{id}` and `{number}` are filled in. */
  | { readonly kind: 'command'; readonly command: readonly string[] }
  | { readonly kind: 'url'; readonly url: string };

/** As playlists call them. */
export const encryptionMethods = ['AES-128', 'SAMPLE-AES'] as const;

/** How the streams that `stream` fits are encrypted. */
export interface EncryptionRule {
  readonly stream: string;
  readonly method: (typeof encryptionMethods)[number];
  readonly keys: KeyOrigin;
  readonly rotation: KeyRotation;
  readonly iv: 'sequence' | 'random';
  /** Where players fetch the keys, if not here; `{name}`, `{id}` and `{number}` are filled in. */
  readonly keyUri: string | undefined;
}

const httpTemplate = z
  .string()
  .max(1_024)
  .regex(/^https?:\/\/[^\s"]+$/, 'write http://… or https://…, with {name}, {id} or {number} where they belong')
  .refine(
    (url) => !/^https?:\/\/[^/?#]*@/i.test(url),
    'must not hold a user name or password: put a token into the query',
  );

const keysSchema = z.union([
  z.enum(['generated']).transform((): KeyOrigin => ({ kind: 'generated' })),
  z
    .strictObject({ directory: z.string().min(1) })
    .transform(({ directory }): KeyOrigin => ({ kind: 'directory', directory }))
    .meta({ title: '`{directory}`' }),
  z
    .strictObject({ command: z.array(z.string()).min(1).max(32) })
    .transform(({ command }): KeyOrigin => ({ kind: 'command', command }))
    .meta({ title: '`{command}`' }),
  z
    .strictObject({ url: httpTemplate })
    .transform(({ url }): KeyOrigin => ({ kind: 'url', url }))
    .meta({ title: '`{url}`' }),
]);

const ruleSchema = z
  .strictObject({
    stream: streamsField('first'),
    method: z
      .enum(encryptionMethods)
      .describe('`AES-128`: segments and parts as a whole; `SAMPLE-AES`: the samples in them (`cbcs`)'),
    keys: keysSchema
      .prefault('generated')
      .describe('Where keys come from: made here, files of a folder, the output of a command, the answer of a URL'),
    rotate: z
      .union([
        z
          .int()
          .min(1)
          .max(100_000)
          .transform((count): KeyRotation => ({ kind: 'segments', count })),
        durationField({ minMs: 1_000 }).transform((ms): KeyRotation => ({ kind: 'time', seconds: ms / 1_000 })),
      ])
      .optional()
      .describe('After how many segments, or how much time, the next key is used; if left out: one key for a stream'),
    iv: z
      .enum(['sequence', 'random'])
      .default('sequence')
      .describe(
        '`sequence`: the initialisation vector is the sequence number; `random`: one for each key, in playlists',
      ),
    keyUri: httpTemplate
      .optional()
      .describe('Where players fetch keys: `{name}`, `{id}`, `{number}` are filled in; if left out: here'),
  })
  .transform(
    ({ rotate = { kind: 'never' }, keyUri, ...rest }): EncryptionRule => ({ ...rest, keyUri, rotation: rotate }),
  );

/** Which streams are encrypted. */
export const encryptionSchema = z.array(ruleSchema).max(100).default([]);

/** The rule that counts for a stream: the first that fits. */
export function encryptionRuleOf(rules: readonly EncryptionRule[], path: string): EncryptionRule | undefined {
  return rules.find(({ stream }) => matchesStreamPattern(stream, path));
}
