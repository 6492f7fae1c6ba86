import { z } from 'zod';
import { durationField, listenField, sizeField } from '../base/setting-fields.ts';
import { isToken } from '../formats/http-fields/list.ts';
import { httpsListenerSchema } from '../http/listener-settings.ts';
import { fanOutSchema } from '../live/fan-out-settings.ts';
import { compileBehaviours } from '../policy/behaviour-match.ts';
import { parseRequestTarget } from '../policy/request-target.ts';
import { publishSchema } from '../policy/publish-settings.ts';
import { rtmpListenerSchema, rtmpsListenerSchema } from '../rtmp/listener-settings.ts';
import { behaviourSchema } from './behaviour-settings.ts';
import { edgeLimitsSchema, viewerLimitsField } from './limits/limit-settings.ts';
import { countryDatabaseField, geoField } from './geo/geo-settings.ts';
import { grantFindings, grantSecretsField, keyGroupsField, publicKeysField } from './grant-settings.ts';
import { originServerSchema } from './origin-settings.ts';
import { proxyFindings, proxyProtocolField, trustedProxiesField } from './proxy-settings.ts';
import { resolvedStreaming, streamingFindings, streamingSchema } from './streaming-settings.ts';

const errorPageSchema = z.strictObject({
  status: z
    .int()
    .min(400)
    .max(599)
    .describe('In place of which error, such as 404; an origin that fails is 502, one that is too slow 504'),
  page: z
    .string()
    .refine((page) => parseRequestTarget(page).kind === 'resource' && page.startsWith('/'), {
      error: 'must be a path such as /errors/404.html',
    })
    .describe('Path of the page in the same distribution'),
  respondWith: z
    .int()
    .min(200)
    .max(599)
    .refine((status) => status !== 204 && status !== 206 && (status < 300 || status >= 400), {
      error: 'must be a status that goes with a page: 200, or an error',
    })
    .optional()
    .describe('Status that viewers get with it; if left out: that of the error'),
});

const distributionSchema = z.strictObject({
  name: z.string().min(1).describe('For logs and answers'),
  hosts: z
    .array(z.string().min(1))
    .min(1)
    .default(['*'])
    .describe('Host names it answers to; `*.example.org` for all below a domain, `*` for every other'),
  behaviours: z.array(behaviourSchema).min(1).describe('Tried in order; the first whose path matches is used'),
  errorPages: z.array(errorPageSchema).default([]).describe('Pages of your own that viewers get in place of errors'),
  cacheTags: z
    .strictObject({
      header: z
        .string()
        .refine(isToken, { error: 'must be the name of a field, such as Cache-Tag' })
        .toLowerCase()
        .describe('The field in which the origin names the tags of an answer, such as `Cache-Tag: product-12, home`'),
      passOn: z.boolean().default(false).describe('Whether viewers get that field too'),
    })
    .optional()
    .describe('Names by which `streamfront invalidate` finds objects'),
  geo: geoField,
  limits: viewerLimitsField,
});

/** What is hardly larger than a slice is better kept whole, unless it may not be. */
function slicing(sliceBytes: number, maxObjectBytes: number) {
  return { sliceBytes, slicedFromBytes: Math.max(sliceBytes + 1, Math.min(4 * sliceBytes, maxObjectBytes + 1)) };
}

/** What the edge does when it is told nothing: everything comes from the origin role of the same process. */
const defaultDistributions: z.input<typeof distributionSchema>[] = [
  {
    name: 'default',
    hosts: ['*'],
    // Segments of a live stream have long lifetimes and are asked for during seconds.
    behaviours: [{ path: '/live/*', query: ['_HLS_msn', '_HLS_part', '_HLS_skip'], disk: false }, { path: '*' }],
  },
];

const diskSchema = z
  .strictObject({
    size: sizeField()
      .prefault('10GiB')
      .describe('Bytes of answers kept on disk, below those in memory; they outlive a restart; `0B`: none'),
    path: z
      .string()
      .min(1)
      .optional()
      .describe('Folder for them, for one process alone; if left out: `cache` in the data folder'),
    keepFree: sizeField()
      .prefault('1GiB')
      .describe('Bytes of the file system that are left free: the cache shrinks when others need the room'),
    minTtl: durationField().prefault('30s').describe('Only answers that stay fresh this long at least are written'),
  })
  .transform(({ size, keepFree, minTtl, path }) => ({
    sizeBytes: size,
    keepFreeBytes: keepFree,
    minTtlMs: minTtl,
    path,
  }))
  .prefault({});

/** What the edge can be told. */
export const edgeSchema = z
  .strictObject({
    http: listenField(8080).describe('Where viewers come'),
    https: httpsListenerSchema.optional().describe('Where viewers come over TLS'),
    rtmp: rtmpListenerSchema(1935).describe('Where encoders publish and RTMP players come'),
    rtmps: rtmpsListenerSchema.optional().describe('Where encoders and players come over TLS (`rtmps://`)'),
    trustedProxies: trustedProxiesField,
    countryDatabase: countryDatabaseField,
    proxyProtocol: proxyProtocolField,
    publish: publishSchema.describe('Who may publish through this edge'),
    location: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,32}$/, 'letters, digits and hyphens, at most 32')
      .default('local')
      .describe('Name of this edge location, in `X-Edge-Location` and `Via`'),
    cache: z
      .strictObject({
        memory: sizeField({ minBytes: 1_048_576 })
          .prefault('512MiB')
          .describe('Bytes of answers kept in memory; those that are arriving take up to half of it'),
        maxObject: sizeField()
          .prefault('32MiB')
          .describe(
            'Largest answer kept whole, at most half of `memory`; a larger one that cannot be kept in slices is passed on as it comes',
          ),
        slice: sizeField({ minBytes: 65_536 })
          .prefault('1MiB')
          .describe(
            'Answers four times as large or larger, with a strong ETag, are kept in slices of this size; at most an eighth of `memory`',
          ),
        readAhead: sizeField()
          .prefault('4MiB')
          .describe('How far ahead of its viewers a large answer is fetched; at most an eighth of `memory`'),
        disk: diskSchema,
        maxWaiting: z
          .int()
          .min(1)
          .default(10_000)
          .describe('Viewers that may wait for one answer of the origin; further ones get 503'),
      })
      .transform(({ memory, maxObject, maxWaiting, readAhead, slice, disk }) => ({
        memoryBytes: memory,
        maxObjectBytes: Math.min(maxObject, Math.floor(memory / 2)),
        ...slicing(Math.min(slice, Math.floor(memory / 8)), Math.min(maxObject, Math.floor(memory / 2))),
        readAheadBytes: Math.min(readAhead, Math.floor(memory / 8)),
        maxWaiting,
        disk,
      }))
      .prefault({}),
    accessLog: z
      .strictObject({
        folder: z.string().min(1).describe('Where the files are written; made if it is not there, for its owner only'),
        maxFile: sizeField({ minBytes: 65_536 })
          .prefault('256MiB')
          .describe('A new file is begun when one is as large as this, and with every hour'),
      })
      .transform(({ maxFile, ...rest }) => ({ ...rest, maxFileBytes: maxFile }))
      .optional()
      .describe("A log of all requests, in the format of CloudFront's standard log; if left out: none"),
    fanOut: fanOutSchema.describe('How RTMP and FLV players get live streams'),
    origins: z
      .record(z.string().regex(/^[a-z0-9-]{1,64}$/, 'lower-case letters, digits and hyphens'), originServerSchema)
      .prefault({ main: { url: 'http://127.0.0.1:8081' } })
      .describe('The origin servers, by name'),
    publicKeys: publicKeysField,
    keyGroups: keyGroupsField,
    grantSecrets: grantSecretsField,
    limits: edgeLimitsSchema.describe('Of all distributions'),
    distributions: z.array(distributionSchema).min(1).prefault(defaultDistributions).describe('Web distributions'),
    streaming: z.array(streamingSchema).min(1).optional().describe('Streaming distributions: RTMP and FLV'),
    maxLiveStreams: z
      .int()
      .min(1)
      .default(1_000)
      .describe('Live streams that this edge fetches at once, and publications that it passes on at once'),
  })
  .superRefine((edge, context) => {
    const names = edge.distributions.map(({ name }) => name);
    edge.distributions.forEach((distribution, d) => {
      // The name is part of the cache key.
      if (names.indexOf(distribution.name) !== d) {
        context.addIssue({
          code: 'custom',
          path: ['distributions', d, 'name'],
          message: `there is another distribution "${distribution.name}": names tell them apart`,
        });
      }
      const behaviourOf = compileBehaviours(distribution.behaviours);
      const statuses = distribution.errorPages.map(({ status }) => status);
      distribution.errorPages.forEach(({ page, status }, e) => {
        const at = ['distributions', d, 'errorPages', e];
        if (statuses.indexOf(status) !== e) {
          context.addIssue({ code: 'custom', path: [...at, 'status'], message: `there is another page for ${status}` });
        }
        const target = parseRequestTarget(page);
        if (target.kind === 'resource' && behaviourOf(target.path) === undefined) {
          context.addIssue({ code: 'custom', path: [...at, 'page'], message: 'no behaviour of its distribution fits' });
        }
      });
      distribution.behaviours.forEach((behaviour, b) => {
        if (behaviour.viewerProtocol === 'redirect-to-https' && edge.https === undefined) {
          context.addIssue({
            code: 'custom',
            path: ['distributions', d, 'behaviours', b, 'viewerProtocol'],
            message: 'there is no HTTPS to send viewers to: edge.https says where it listens',
          });
        }
        if (!(behaviour.origin in edge.origins)) {
          context.addIssue({
            code: 'custom',
            path: ['distributions', d, 'behaviours', b, 'origin'],
            message: `there is no origin "${behaviour.origin}" in edge.origins (there: ${Object.keys(edge.origins).join(', ')})`,
          });
        }
      });
    });
    for (const finding of proxyFindings(edge)) context.addIssue({ code: 'custom', ...finding });
    for (const finding of grantFindings(edge)) context.addIssue({ code: 'custom', ...finding });
    for (const finding of streamingFindings(edge.streaming ?? [], Object.keys(edge.origins), edge.distributions)) {
      context.addIssue({ code: 'custom', ...finding });
    }
  })
  .transform(({ streaming, ...rest }) => ({
    ...rest,
    streaming: resolvedStreaming(streaming, Object.keys(rest.origins), rest.distributions),
  }))
  .prefault({});

export type EdgeSettings = z.output<typeof edgeSchema>;
export type BehaviourSettings = EdgeSettings['distributions'][number]['behaviours'][number];
export type DistributionSettings = EdgeSettings['distributions'][number];
