import { z } from 'zod';
import { durationField, secretField } from '../../base/setting-fields.ts';
import { maxSecrets } from '../../policy/edge-signature.ts';

/** Whom an origin answers. */
export const accessSchema = z
  .strictObject({
    kind: z
      .enum(['open', 'signed', 'mtls'])
      .default('open')
      .describe(
        '`open`: whoever reaches it; `signed`: edges that sign what they ask (`edge.origins.NAME.sign`); ' +
          '`mtls`: edges with a certificate, over `origin.https` and `origin.rtmps`. All others get 403',
      ),
    secrets: z
      .array(secretField('A secret that edges sign with, at least 32 characters'))
      .max(maxSecrets)
      .default([])
      .describe('What edges sign with; two while secrets are changed'),
    maxClockSkew: durationField({ minMs: 1_000, maxMs: 300_000 })
      .prefault('60s')
      .describe('How far the clocks of edge and origin may be apart; a signature is good for that long'),
    clientCa: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file: edges present one of these certificates, or one that is issued by one of them'),
    directPublish: z
      .boolean()
      .default(false)
      .describe('Whether encoders may publish here without an edge all the same, as `origin.publish` says'),
  })
  .superRefine(({ kind, secrets, clientCa }, context) => {
    const add = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (kind === 'signed' && secrets.length === 0) {
      add('secrets', 'kind is "signed": add a secret, such as { file: /etc/streamfront/edge-secret }');
    }
    if (kind !== 'signed' && secrets.length > 0) add('secrets', `has no effect: kind is "${kind}" and not "signed"`);
    if (kind === 'mtls' && clientCa === undefined) {
      add('clientCa', 'kind is "mtls": name the PEM file with the certificates that edges are known by');
    }
    if (kind !== 'mtls' && clientCa !== undefined) add('clientCa', `has no effect: kind is "${kind}" and not "mtls"`);
  })
  .transform(({ maxClockSkew, ...rest }) => ({ ...rest, maxClockSkewMs: maxClockSkew }))
  .prefault({});

export type AccessSettings = z.output<typeof accessSchema>;

/** For the listeners with TLS: whose certificates count, where edges present one. */
export function peerCaOf({ kind, clientCa }: AccessSettings) {
  if (kind !== 'mtls' || clientCa === undefined) return undefined;
  return { file: clientCa, setting: 'origin.access.clientCa' };
}
