import { percentDecoded } from '../../base/percent-decoding.ts';
import type { AskedResource } from './asked-resource.ts';
import { type Presented, takeQueryGrant } from './presented-grant.ts';

/** What an RTMP client says, each text perhaps with a query. */
export interface StreamWords {
  readonly app: string;
  readonly tcUrl: string | undefined;
  readonly streamName: string;
}

/** A grant that came with a stream, and what else stands in the query that it came in. */
export interface StreamGrant {
  readonly presented: Presented;
  readonly rest: string;
}

/**
 * The grant in what an RTMP client says: behind the name as a rule, but some clients leave the query with the
 * application or with `tcUrl`. Old signers escape all of it, from the question mark on.
 */
export function takeStreamGrant({ app, tcUrl, streamName }: StreamWords): StreamGrant {
  const taken = [streamName, app, tcUrl ?? ''].map((text) => takeQueryGrant(queryOf(text)));
  const shown = taken.find(({ presented }) => presented !== 'absent') ?? taken[0];
  return { presented: shown?.presented ?? 'absent', rest: shown?.rest ?? '' };
}

/** The same words without the grant in them, for whoever is told them next. */
export function withoutStreamGrant(query: string): string {
  return takeQueryGrant(query).rest;
}

/**
 * The names that a grant may have for a stream, all of which mean this one: the bare name, with its application, as URL,
 * with the container before the name and escaped as the signer of AWS writes it (`cfx/st/mp4%3Adir/video.mp4`).
 * `names`: without query and escapes, such as `dir/video.mp4`.
 */
export function streamResources(
  { tcUrl }: Pick<StreamWords, 'tcUrl'>,
  application: string,
  names: readonly string[],
  rest: string,
): AskedResource[] {
  const site = /^rtmp(?:s|t|e|te|ts)?:\/\/[^/?#]+/i.exec(tcUrl ?? '')?.[0];
  const behind = rest === '' ? '' : `?${rest}`;
  const resources = new Set<string>();
  for (const name of names) {
    for (const container of ['', 'mp4:', 'mp3:', 'flv:']) {
      for (const written of new Set([container + name, escaped(container + name)])) {
        resources.add(`${written}${behind}`);
        resources.add(`${application}/${written}${behind}`);
        if (site !== undefined) resources.add(`${site}/${application}/${written}${behind}`);
      }
    }
  }
  return [...resources].map((url) => ({ url, alsoReadAs: [] }));
}

function escaped(name: string): string {
  return name
    .split('/')
    .map((segment) => encodeURIComponent(segment))
    .join('/');
}

function queryOf(text: string): string {
  const mark = /\?|%3F/i.exec(text);
  if (mark === null) return '';
  const query = text.slice(mark.index + mark[0].length);
  return mark[0] === '?' ? query : (percentDecoded(query) ?? query);
}
