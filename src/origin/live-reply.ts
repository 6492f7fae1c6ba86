import { percentDecoded } from '../base/percent-decoding.ts';
import { normaliseAcceptEncoding } from '../formats/http-fields/accept-encoding.ts';
import { anySiteFields } from '../formats/http-fields/cors.ts';
import { type HeldBytes, ownBytes } from '../stores/segment-window.ts';
import type { LiveAnswer } from './live-responder.ts';

export type Fields = readonly (readonly [string, string])[];

/** An answer in the words of HTTP, but for those about the connection and its length. */
export interface Reply {
  readonly status: number;
  readonly fields: Fields;
  /** To be released by who got the reply. */
  readonly body: HeldBytes;
}

/** Pages of any site may read what viewers may; without the exposed fields hls.js cannot find the live end. */
export const corsFields = [
  ...anySiteFields,
  [
    'Access-Control-Expose-Headers',
    'Age, Cache-Status, Content-Length, Date, Server-Timing, Via, X-Cache, X-Edge-Location',
  ],
] as const;
/** Refusals are asked again soon. */
const refusalCacheControl = 'public, max-age=1';
export const livePrefix = '/live/';

/** What of a path below `/live/` names the stream, decoded, and what follows it; `undefined` for any other path. */
export function liveTarget(path: string): { readonly name: string; readonly rest: string } | undefined {
  const slash = path.startsWith(livePrefix) ? path.indexOf('/', livePrefix.length) : -1;
  if (slash < 0) return undefined;
  const name = percentDecoded(path.slice(livePrefix.length, slash));
  return name === undefined ? undefined : { name, rest: path.slice(slash + 1) };
}

/** All of what is said to somebody who is there. `acceptEncoding`: the field of the request. */
export function liveReply(
  answer: Exclude<LiveAnswer, { readonly kind: 'nobody' }>,
  acceptEncoding: string | undefined,
): Reply {
  switch (answer.kind) {
    case 'refusal':
      return sentenceReply(answer.status, answer.sentence, answer.status === 503 ? [['Retry-After', '1']] : []);
    case 'media':
      return {
        status: 200,
        fields: [...corsFields, ...contentFields(answer), ['Accept-Ranges', 'bytes']],
        body: answer.body,
      };
    case 'text': {
      const fields: Fields = [...corsFields, ...contentFields(answer), ['Vary', 'Accept-Encoding']];
      const gzip = normaliseAcceptEncoding(acceptEncoding) === 'gzip';
      return gzip
        ? { status: 200, fields: [...fields, ['Content-Encoding', 'gzip']], body: ownBytes(answer.text.gzip) }
        : { status: 200, fields, body: ownBytes(answer.text.plain) };
    }
  }
}

/** A sentence for a person. */
export function sentenceReply(status: number, sentence: string, fields: Fields = []): Reply {
  const content = contentFields({ contentType: 'text/plain; charset=utf-8', cacheControl: refusalCacheControl });
  return { status, fields: [...corsFields, ...content, ...fields], body: ownBytes(Buffer.from(`${sentence}\n`)) };
}

function contentFields({ contentType, cacheControl }: { contentType: string; cacheControl: string }): Fields {
  return [
    ['Content-Type', contentType],
    ['Cache-Control', cacheControl],
  ];
}
