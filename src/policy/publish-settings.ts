import { z } from 'zod';
import { durationField } from '../base/setting-fields.ts';

const publishKeySchema = z.strictObject({
  stream: z
    .string()
    .min(1)
    .max(256)
    .default('*')
    .describe('Which streams it opens: a name such as `live/stage`, `*` for any run of characters'),
  key: z.string().min(8).max(256).describe('The stream key, at least 8 characters'),
});

const publishHookSchema = z
  .strictObject({
    url: z
      .url({
        protocol: /^https?$/,
        error: 'must be an http:// or https:// URL such as https://example.org/may-publish',
      })
      .refine((url) => !/^https?:\/\/[^/?#]*@/i.test(url), 'must not hold a user name or password: requests are signed')
      .describe('Where each publisher is asked about, by a signed POST'),
    secret: z
      .string()
      .min(16)
      .max(256)
      .describe('Signs every request, at least 16 characters; `whsec_` and base64 stands for those bytes'),
    timeout: durationField({ minMs: 100, maxMs: 12_000 }).prefault('5s').describe('For the whole answer'),
    onFailure: z
      .enum(['open', 'closed'])
      .describe('Without a usable answer: `closed` refuses the publisher, `open` lets it in; must be said'),
  })
  .transform(({ timeout, ...rest }) => ({ ...rest, timeoutMs: timeout }));

/** Who may publish: the same settings for every role that takes encoders. */
export const publishSchema = z
  .strictObject({
    auth: z
      .enum(['loopback', 'key', 'hook', 'none'])
      .default('loopback')
      .describe(
        '`loopback`: encoders on this machine need no key, others do; `key`: all need one; ' +
          '`hook`: the hook decides, and is told the key; `none`: nobody needs one',
      ),
    keys: z.array(publishKeySchema).default([]).describe('Stream keys; several may open the same stream, for rotation'),
    hook: publishHookSchema.optional().describe('A server of yours that is asked about every publisher besides'),
  })
  .prefault({});

export type PublishSettings = z.output<typeof publishSchema>;
export type PublishHookSettings = NonNullable<PublishSettings['hook']>;
