import { z } from 'zod';
import { durationField, sizeField } from '../base/setting-fields.ts';

const hourMs = 3_600_000;

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
    .default(['live'])
    .describe('Applications that clients may name; streams are published and played as `rtmp://HOST/APP/NAME`'),
  behaviours: z
    .array(streamingBehaviourSchema)
    .min(1)
    .prefault([{}])
    .describe('The first whose pattern matches is used'),
});

/** With the origin group of every behaviour known. */
export interface StreamingSettings extends Omit<z.output<typeof streamingSchema>, 'behaviours'> {
  readonly behaviours: readonly StreamingBehaviourSettings[];
}

export type StreamingBehaviourSettings = z.output<typeof streamingBehaviourSchema> & {
  readonly origins: readonly string[];
};

/**
 * Gives every behaviour without an origin group the group of `main`, or of the first origin there is. An edge that is
 * told nothing has one distribution, which takes all streams from there.
 */
export function resolvedStreaming(
  streaming: readonly z.output<typeof streamingSchema>[] | undefined,
  originNames: readonly string[],
): StreamingSettings[] {
  const fallback = [originNames.includes('main') ? 'main' : (originNames[0] ?? 'main')];
  return (streaming ?? [streamingSchema.parse({ name: 'live' })]).map(({ behaviours, ...rest }) => ({
    ...rest,
    behaviours: behaviours.map((behaviour) => ({ ...behaviour, origins: behaviour.origins ?? fallback })),
  }));
}

/** A client that asks for a stream is refused after 15 s, whoever has not answered by then. */
const longestAnswerMs = 15_000;

/** What cannot stand, by setting below `edge`, in the operator's words. */
export function streamingFindings(
  streaming: readonly z.output<typeof streamingSchema>[],
  originNames: readonly string[],
): { path: (string | number)[]; message: string }[] {
  const findings: { path: (string | number)[]; message: string }[] = [];
  streaming.forEach(({ name, behaviours }, d) => {
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
