import { z } from 'zod';
import { durationField, secretField } from '../base/setting-fields.ts';
import { endToEndFields } from '../formats/http-fields/hop-by-hop.ts';
import { isToken } from '../formats/http-fields/list.ts';
import { maxSecrets } from '../policy/edge-signature.ts';
import { isForwardable } from '../policy/origin-request.ts';

/** What the edge says itself, or what is about one request: CloudFront has a like list for its custom headers. */
const reservedHeader =
  /^(?:cookie|cache-control|pragma|max-forwards|content-.*|signature|signature-input|x-amz-.*|x-edge-.*|x-streamfront-.*)$/;

function mayBeSet(header: string): boolean {
  const name = header.toLowerCase();
  return isForwardable(name) && !reservedHeader.test(name) && endToEndFields([name, '']).length > 0;
}

const originHeaderName = z
  .string()
  .max(256)
  .refine(isToken, { error: 'must be the name of a field, such as X-Origin-Verify' })
  .refine(mayBeSet, { error: 'cannot be set here: the edge, or the viewer, says that' });

const originHeaderValue = z
  .string()
  .max(1_783)
  .regex(/^[!-~](?:[ -~]*[!-~])?$/, 'must be visible ASCII');

export const originServerSchema = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL such as http://127.0.0.1:8081' })
      // Nobody would send them, and messages name this URL.
      .refine((url) => !/[?#]|^https?:\/\/[^/]*@/i.test(url), {
        error: 'must have no user name, password, query or fragment: what opens the origin goes into headers',
      })
      .describe('Where the origin server answers'),
    rtmp: z
      .string()
      .max(1_024)
      .regex(
        /^rtmps?:\/\/(?:\[[0-9a-fA-F:.]+\]|[^/:?#[\]\s@]+)(?::\d{1,5})?\/?(?:\?[^#\s]*)?$/,
        'write rtmp://HOST[:PORT] or rtmps://HOST[:PORT], and behind it ?key=… if the origin wants a stream key',
      )
      .optional()
      .describe(
        'Where it takes and gives live streams: `rtmp://HOST[:PORT][?key=KEY]` or `rtmps://…`; if left out: the host of `url`, port 1936',
      ),
    rtmpCa: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file with the certificates to trust for `rtmps://`; if left out: those of `ca`'),
    ca: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file with the certificates to trust for `https://`; if left out: those that Node trusts'),
    certificate: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file with the certificate that this edge presents over TLS (`origin.access.kind: mtls`)'),
    key: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file with its private key, for its owner only; all of these are read again when they change'),
    sign: z
      .strictObject({
        secrets: z
          .array(secretField('A secret that the origin knows too, at least 32 characters'))
          .min(1)
          .max(maxSecrets)
          .describe('Requests are signed with each: while secrets are changed the origin may know either'),
      })
      .optional()
      .describe('For an origin of ours that answers edges only (`origin.access.kind: signed`)'),
    headers: z
      .record(originHeaderName, z.union([originHeaderValue, secretField('A file that holds it')]))
      .refine((headers) => Object.keys(headers).length <= 10, 'ten at most')
      .default({})
      .meta({ title: 'values by name' })
      .describe(
        'Fields of every request to this origin, by which it knows the edge: a text, or `{ file: … }` or `{ env: … }`',
      ),
    connectTimeout: durationField({ minMs: 50 }).prefault('10s').describe('For one connection attempt'),
    responseTimeout: durationField({ minMs: 50 })
      .prefault('30s')
      .describe('Silence allowed before the head of the answer and between pieces of its body'),
    connectAttempts: z
      .int()
      .min(1)
      .max(10)
      .default(3)
      .describe(
        'Connections tried before the origin counts as down; a connection that breaks before the answer is one',
      ),
    maxConnections: z.int().min(1).default(1_024).describe('Connections to this origin server at once'),
  })
  .superRefine(({ url, rtmp, certificate, key }, context) => {
    const add = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (key !== undefined && certificate === undefined) add('certificate', 'is missing: there is a key');
    if (certificate === undefined) return;
    if (key === undefined) add('key', 'is missing: there is a certificate');
    if (!/^https:/i.test(url) && rtmp?.startsWith('rtmps:') !== true) {
      add('certificate', 'has no effect: neither url is https:// nor rtmp is rtmps://');
    }
  })
  .transform(({ connectTimeout, responseTimeout, rtmp, ...rest }) => ({
    ...rest,
    rtmp: rtmp ?? `rtmp://${new URL(rest.url).hostname}:1936`,
    connectTimeoutMs: connectTimeout,
    responseTimeoutMs: responseTimeout,
  }));

/** An origin server, as the edge is to reach it. */
export type OriginServerSettings = z.output<typeof originServerSchema>;
