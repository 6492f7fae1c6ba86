import { z } from 'zod';
import { durationField } from '../base/setting-fields.ts';
import { isToken } from '../formats/http-fields/list.ts';
import type { ErrorTtl } from '../policy/cache-policy.ts';
import { isForwardable } from '../policy/origin-request.ts';
import { geoField, viewerCountryField } from './geo/geo-settings.ts';
import { carryGrantsField, trustedKeyGroupsField } from './grant-settings.ts';

const dayMs = 86_400_000;

/** A minimum of a second, where CloudFront has ten: before a live stream begins its playlists are 404. */
const defaultErrorTtlMs = 1_000;

const errorTtlField = z
  .union([
    durationField(),
    z
      .record(z.string().regex(/^[45]\d\d$/, 'a status of 400 to 599'), durationField())
      .meta({ title: 'durations by status' }),
  ])
  .transform(
    (setting): ErrorTtl =>
      typeof setting === 'number'
        ? { otherwiseMs: setting, byStatusMs: new Map() }
        : {
            otherwiseMs: defaultErrorTtlMs,
            byStatusMs: new Map(Object.entries(setting).map(([status, ms]) => [Number(status), ms])),
          },
  );

const requestFieldsField = z.union([
  z.enum(['all', 'none']),
  z
    .array(
      z
        .string()
        .toLowerCase()
        .refine((name) => isToken(name) && isForwardable(name), {
          error: 'is no field that can be forwarded: the edge says it itself, or it would let viewers pretend',
        }),
    )
    .min(1),
]);

/** Settings of TTL that the standards policy has no use for, as they are when nobody says anything. */
const unsaidTtl = { minTtlMs: 0, defaultTtlMs: dayMs, maxTtlMs: 365 * dayMs };

const meaningless = 'has no meaning with `policy: standards`: the origin alone says how long';

/** One behaviour of a web distribution. */
export const behaviourSchema = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .max(255)
      .default('*')
      .describe(
        'Path pattern, case-sensitive: `*` any run of characters, `?` exactly one; the first that matches is used',
      ),
    origin: z.string().default('main').describe('Which of `edge.origins` answers'),
    methods: z
      .enum(['read', 'read-options', 'all'])
      .default('read')
      .describe(
        'What viewers may ask: `read`: GET and HEAD; `read-options`: OPTIONS too, answered by the origin; `all`: whatever changes things too, passed through to the origin',
      ),
    policy: z
      .enum(['cloudfront', 'standards'])
      .default('cloudfront')
      .describe(
        'Rules for what is kept and for how long: `cloudfront`: the TTLs below bound what the origin says, viewers have no say; `standards`: RFC 9111 to the letter',
      ),
    query: z
      .union([z.enum(['all', 'none']), z.array(z.string().min(1)).min(1)])
      .optional()
      .describe(
        'Query parameters that make a difference: they are part of the cache key and reach the origin; the rest is dropped; if left out: `none`, with `policy: standards` `all`',
      ),
    requestFields: requestFieldsField
      .optional()
      .describe(
        'Request fields of viewers that reach the origin: `none`, `all` (with `policy: standards` only), or names, which then tell answers apart; if left out: `none`, with `policy: standards` `all`',
      ),
    minTtl: durationField().prefault('0s').describe('Cached at least this long, whatever the origin says'),
    defaultTtl: durationField().prefault('1d').describe('Cached this long when the origin says nothing'),
    maxTtl: durationField().prefault('365d').describe('Cached at most this long, whatever the origin says'),
    errorTtl: errorTtlField
      .prefault('1s')
      .describe(
        'Errors are cached at least this long: one duration, or durations by status such as `{404: 10s}`, the others then `1s`',
      ),
    maxStale: durationField()
      .prefault('10s')
      .describe('How long past its freshness an answer may still be given when the origin cannot be reached'),
    surrogateControl: z
      .boolean()
      .default(false)
      .describe(
        "Whether the origin's `Surrogate-Control` takes the place of `CDN-Cache-Control`, `Cache-Control` and `Expires`; viewers do not see it then",
      ),
    disk: z
      .boolean()
      .default(true)
      .describe('Whether answers may be kept on disk, those that are good for `edge.cache.disk.minTtl` at least'),
    viewerProtocol: z
      .enum(['allow-all', 'https-only', 'redirect-to-https'])
      .default('allow-all')
      .describe('What becomes of requests over plain HTTP: answered, refused with 403, or sent on to HTTPS'),
    trustedKeyGroups: trustedKeyGroupsField,
    carryGrants: carryGrantsField,
    geo: geoField,
    viewerCountry: viewerCountryField,
    cors: z.boolean().default(true).describe('Let pages of any site read the answers'),
    credentialSites: z
      .array(
        z.string().refine((site) => URL.canParse(site) && new URL(site).origin === site, {
          error: 'must be a site as browsers name it, such as https://player.example.com',
        }),
      )
      .default([])
      .describe(
        'Sites whose pages may send cookies with what they ask: answers name the site that asks instead of all',
      ),
  })
  .transform(({ minTtl, defaultTtl, maxTtl, errorTtl, maxStale, query, requestFields, ...rest }) => ({
    ...rest,
    query: query ?? (rest.policy === 'standards' ? 'all' : 'none'),
    requestFields: requestFields ?? (rest.policy === 'standards' ? 'all' : 'none'),
    minTtlMs: minTtl,
    defaultTtlMs: defaultTtl,
    maxTtlMs: maxTtl,
    errorTtlMs: errorTtl,
    maxStaleMs: maxStale,
  }))
  .superRefine((behaviour, context) => {
    const { policy, requestFields } = behaviour;
    const finding = (setting: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [setting], message });
    if (policy === 'cloudfront' && requestFields === 'all') {
      finding('requestFields', '`all` needs `policy: standards`: name the fields that make a difference');
    }
    for (const [setting, unsaid] of Object.entries(unsaidTtl)) {
      if (policy === 'standards' && behaviour[setting as keyof typeof unsaidTtl] !== unsaid) {
        finding(setting.replace(/Ms$/, ''), meaningless);
      }
    }
    const { byStatusMs, otherwiseMs } = behaviour.errorTtlMs;
    if (policy === 'standards' && (otherwiseMs !== defaultErrorTtlMs || byStatusMs.size > 0)) {
      finding('errorTtl', meaningless);
    }
    if (!behaviour.cors && behaviour.credentialSites.length > 0) {
      finding('credentialSites', 'has no effect: `cors` is false, and the origin alone says who may read the answers');
    }
    if (behaviour.minTtlMs > behaviour.maxTtlMs) finding('minTtl', 'is longer than maxTtl');
  });
