import { z } from 'zod';
import { durationField, sizeField } from '../base/setting-fields.ts';
import { compileBehaviours } from '../policy/behaviour-match.ts';
import { normalisePath } from '../policy/request-target.ts';
import { type ViewerLimitSettings, viewerLimitsField } from './limits/limit-settings.ts';
import { geoField, type GeoSettings } from './geo/geo-settings.ts';
import { publishKeyGroupsField, trustedKeyGroupsField } from './grant-settings.ts';

const hourMs = 3_600_000;

const storedSchema = z
  .strictObject({
    distribution: z
      .string()
      .optional()
      .describe(
        'Web distribution by which the files are fetched and kept: what is cached serves RTMP and HTTP alike; if left out: the first',
      ),
    path: z
      .string()
      .max(1_024)
      .refine((path) => /^\/.*[^/]$/.test(path) && normalisePath(path) === path, {
        error: 'must be a path such as /library, without a slash at its end',
      })
      .default('/library')
      .describe('Where they are in it: `rtmp://HOST/cfx/st/dir/video` plays `PATH/dir/video.mp4`'),
    ttl: durationField({ minMs: hourMs, maxMs: 365 * 24 * hourMs })
      .prefault('24h')
      .describe('How long a version is played until the origin is asked whether it is still the one'),
  })
  .transform(({ ttl, ...rest }) => ({ ...rest, ttlMs: ttl }));

const streamingBehaviourSchema = z
  .strictObject({
    stream: z
      .string()
      .min(1)
      .max(255)
      .default('*')
      .describe(
        'Pattern of stream paths such as `live/*`: `*` any run of characters, `?` one; the first that matches is used',
      ),
    origins: z
      .array(z.string())
      .min(1)
      .max(8)
      .optional()
      .describe(
        'Origin group, names from `edge.origins`: the first is asked first, the next when it is gone or has no such stream; if left out: `main`, or the first there is',
      ),
    publish: z.boolean().default(true).describe('Whether encoders may publish these streams through this edge'),
    trustedKeyGroups: trustedKeyGroupsField,
    publishKeyGroups: publishKeyGroupsField,
    geo: geoField,
    idleGrace: durationField({ maxMs: hourMs })
      .prefault('10s')
      .describe('How long a stream is still fetched after its last viewer has left'),
    originGrace: durationField({ maxMs: hourMs })
      .prefault('30s')
      .describe('How long encoders and viewers stay connected while the origin, or the stream at the origin, is gone'),
    answerTimeout: durationField({ minMs: 100, maxMs: 15_000 })
      .prefault('5s')
      .describe(
        'For one origin to connect and to answer; then the next of the group is asked; 15 s at most for the whole group',
      ),
    queue: sizeField({ minBytes: 65_536, maxBytes: 268_435_456 })
      .prefault('4MiB')
      .describe(
        'Bytes of a publication that may wait for an origin that reads too slowly; beyond it whole GOPs are left out',
      ),
  })
  .transform(({ idleGrace, originGrace, answerTimeout, queue, ...rest }) => ({
    ...rest,
    idleGraceMs: idleGrace,
    originGraceMs: originGrace,
    answerTimeoutMs: answerTimeout,
    queueBytes: queue,
  }));

/** A streaming distribution: which hosts and applications it answers for, and where each stream comes from. */
export const streamingSchema = z.strictObject({
  name: z.string().min(1).describe('For logs and answers'),
  hosts: z
    .array(z.string().min(1))
    .min(1)
    .default(['*'])
    .describe(
      'Host names it answers to, as the client wrote them; `*.example.org` for all below a domain, `*` for every other',
    ),
  apps: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z0-9._-]{1,64}(?:\/[A-Za-z0-9._-]{1,64})*$/, 'letters, digits, dots, hyphens, underscores'),
    )
    .min(1)
    .optional()
    .describe(
      'Applications that clients may name: `rtmp://HOST/APP/NAME`; if left out: `live`, and `cfx/st` for stored files',
    ),
  behaviours: z
    .array(streamingBehaviourSchema)
    .min(1)
    .optional()
    .describe('Of live streams: the first whose pattern matches is used; if left out: one for all'),
  geo: geoField,
  stored: storedSchema.optional().describe('With it the distribution has stored files instead of live streams'),
  limits: viewerLimitsField,
});

/** With everything known that may be left out. */
export interface StreamingSettings {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly apps: readonly string[];
  /** Empty where there are stored files. */
  readonly behaviours: readonly StreamingBehaviourSettings[];
  readonly geo?: GeoSettings;
  readonly stored: StoredMediaSettings | undefined;
  readonly limits?: ViewerLimitSettings;
}

export interface StoredMediaSettings {
  /** Name of a web distribution. */
  readonly distribution: string;
  readonly path: string;
  readonly ttlMs: number;
}

export type StreamingBehaviourSettings = z.output<typeof streamingBehaviourSchema> & {
  readonly origins: readonly string[];
};

/** What of a web distribution matters to stored files. */
interface WebDistribution {
  readonly name: string;
  readonly behaviours: readonly { readonly path: string }[];
}

const defaultLive: z.input<typeof streamingSchema> = { name: 'live' };
const defaultStored: z.input<typeof streamingSchema> = { name: 'stored', stored: {} };

/**
 * Gives every behaviour without an origin group the group of `main`, or of the first origin there is. An edge that is
 * told nothing has a distribution that takes all live streams from there, and one for the stored files of its first web
 * distribution, if that has a behaviour for them.
 */
export function resolvedStreaming(
  streaming: readonly z.output<typeof streamingSchema>[] | undefined,
  originNames: readonly string[],
  web: readonly WebDistribution[],
): StreamingSettings[] {
  const fallback = [originNames.includes('main') ? 'main' : (originNames[0] ?? 'main')];
  return (streaming ?? defaultStreaming(web)).map(({ apps, behaviours, stored, ...rest }) => {
    if (stored !== undefined) {
      const distribution = stored.distribution ?? web[0]?.name ?? '';
      return { ...rest, apps: apps ?? ['cfx/st'], behaviours: [], stored: { ...stored, distribution } };
    }
    const known = (behaviours ?? [streamingBehaviourSchema.parse({})]).map((behaviour) => ({
      ...behaviour,
      origins: behaviour.origins ?? fallback,
    }));
    return { ...rest, apps: apps ?? ['live'], behaviours: known, stored };
  });
}

function defaultStreaming(web: readonly WebDistribution[]): z.output<typeof streamingSchema>[] {
  const live = streamingSchema.parse(defaultLive);
  const stored = streamingSchema.parse(defaultStored);
  return storedFindings(stored.stored, web, []).length === 0 ? [live, stored] : [live];
}

/** `at`: of the distribution that has the stored files. */
function storedFindings(
  stored: z.output<typeof storedSchema> | undefined,
  web: readonly WebDistribution[],
  at: (string | number)[],
): { path: (string | number)[]; message: string }[] {
  if (stored === undefined) return [];
  const found = stored.distribution === undefined ? web[0] : web.find(({ name }) => name === stored.distribution);
  if (found === undefined) {
    const known = web.map(({ name }) => name).join(', ');
    const message = `there is no web distribution "${stored.distribution}" in edge.distributions (there: ${known})`;
    return [{ path: [...at, 'stored', 'distribution'], message }];
  }
  if (compileBehaviours(found.behaviours)(`${stored.path}/video.mp4`) !== undefined) return [];
  const message = `no behaviour of the web distribution "${found.name}" answers below it`;
  return [{ path: [...at, 'stored', 'path'], message }];
}

/** A client that asks for a stream is refused after 15 s, whoever has not answered by then. */
const longestAnswerMs = 15_000;

/** What cannot stand, by setting below `edge`, in the operator's words. */
export function streamingFindings(
  streaming: readonly z.output<typeof streamingSchema>[],
  originNames: readonly string[],
  web: readonly WebDistribution[],
): { path: (string | number)[]; message: string }[] {
  const findings: { path: (string | number)[]; message: string }[] = [];
  streaming.forEach(({ name, behaviours = [], stored }, d) => {
    findings.push(...storedFindings(stored, web, ['streaming', d]));
    if (stored !== undefined && behaviours.length > 0) {
      const message = 'are of live streams: a distribution with `stored` has none';
      findings.push({ path: ['streaming', d, 'behaviours'], message });
    }
    if (streaming.findIndex((other) => other.name === name) !== d) {
      findings.push({
        path: ['streaming', d, 'name'],
        message: `there is another streaming distribution "${name}": names tell them apart`,
      });
    }
    behaviours.forEach(({ origins = [], answerTimeoutMs }, b) => {
      const groupMs = answerTimeoutMs * Math.max(1, origins.length);
      if (groupMs > longestAnswerMs) {
        findings.push({
          path: ['streaming', d, 'behaviours', b, 'answerTimeout'],
          message: `the whole group may take ${groupMs} ms to answer, but clients are refused after ${longestAnswerMs} ms: make it shorter`,
        });
      }
      origins.forEach((origin, o) => {
        const path = ['streaming', d, 'behaviours', b, 'origins', o];
        if (!originNames.includes(origin)) {
          findings.push({
            path,
            message: `there is no origin "${origin}" in edge.origins (there: ${originNames.join(', ')})`,
          });
        } else if (origins.indexOf(origin) !== o) {
          findings.push({ path, message: `the origin "${origin}" is in this group already` });
        }
      });
    });
  });
  return findings;
}
