import { percentDecoded } from '../../base/percent-decoding.ts';

/** An address that can be signed. */
export interface SignableUrl {
  /** What the signature is for, as the signer of AWS names it. */
  readonly resource: string;
  /** The address that the parameters of the grant belong behind. */
  readonly url: string;
}

/**
 * How an address is signed that viewers get with its grant behind it: in the spelling that the signer of AWS gives it
 * (path and query percent-encoded, `?z` as `?z=`), but first as players send it (host in lower case, no port that goes
 * without saying, no dot segments). Of a stream over RTMP application and name are signed, and the address stays as it
 * is. A text says why it cannot be signed.
 */
export function signableUrl(text: string): SignableUrl | string {
  const read = readUrl(text);
  if (typeof read === 'string') return read;
  if (read.stream !== undefined) {
    const { path, query } = split(read.stream);
    const behind = encodedQuery(query);
    return { resource: encodedPath(path) + behind, url: read.url.slice(0, read.url.length - query.length) + behind };
  }
  // As it was written, so that the signer of AWS says the same; but nobody asks for `/a/../b`.
  const { path, query } = split(text.replace(/^[a-z]+:\/\/[^/?]*/i, ''));
  const asked = split(read.url.slice(read.site.length)).path;
  const url = read.site + encodedPath(path === '' || dotSegment.test(path) ? asked : path) + encodedQuery(query);
  return { resource: url, url };
}

/** How an address is signed for cookies: as browsers ask for it. A text says why it cannot be signed. */
export function cookieResource(text: string): SignableUrl | string {
  const read = readUrl(text);
  if (typeof read === 'string') return read;
  return read.stream === undefined
    ? { resource: read.url, url: read.url }
    : 'players of RTMP have no cookies: leave out --cookies, and give them the signed address';
}

/** A dot segment, its dots escaped or not. */
const dotSegment = /\/(?:\.|%2e){1,2}(?=\/|$)/i;

interface ReadUrl {
  /** As browsers ask for it. */
  readonly url: string;
  /** Its beginning, up to the path. */
  readonly site: string;
  /** Application and name, and the query, of an address of RTMP. */
  readonly stream: string | undefined;
}

function readUrl(text: string): ReadUrl | string {
  const [, scheme = ''] = /^([a-z]+):\/\//i.exec(text) ?? [];
  const url = URL.parse(text);
  if (url === null || !/^(?:https?|wss?|rtmps?)$/i.test(scheme)) {
    return `"${text}" is no address that can be signed: write it whole, such as https://example.org/film.mp4 or rtmp://example.org/live/stage`;
  }
  if (url.username !== '' || url.password !== '') {
    return 'a name or password before the host is not sent with the address: leave it out';
  }
  if (text.includes('#')) {
    return 'what stands behind # is never sent: leave it out, and put it behind the signed address (a # in a name is written %23)';
  }
  if (/[?&](?:Expires|Policy|Signature|Key-Pair-Id|Hash-Algorithm)(?:[=&]|$)/.test(text)) {
    return 'the address is signed already: sign it as it was without Expires, Policy, Signature, Key-Pair-Id and Hash-Algorithm';
  }
  const site = `${url.protocol}//${url.host}`;
  if (!/^rtmp/i.test(scheme)) return { url: url.href, site, stream: undefined };
  const stream = text.replace(/^[a-z]+:\/\/[^/?]*\/?/i, '');
  return /^[^/?]+\/[^?]/.test(stream)
    ? { url: text, site, stream }
    : 'of a stream, application and name are signed: write them both, such as rtmp://example.org/live/stage';
}

/** `query` with its question mark. */
function split(text: string): { readonly path: string; readonly query: string } {
  const queryAt = text.indexOf('?');
  return queryAt === -1 ? { path: text, query: '' } : { path: text.slice(0, queryAt), query: text.slice(queryAt) };
}

function encodedPath(path: string): string {
  return path.replaceAll(/[^/]+/g, (segment) => encodeURIComponent(percentDecoded(segment) ?? segment));
}

function encodedQuery(query: string): string {
  const pairs = query
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '');
  const encoded = pairs.map((pair) => {
    const [name = '', ...value] = pair.split('=');
    return `${encodedComponent(name)}=${encodedComponent(value.join('='))}`;
  });
  return encoded.length === 0 ? '' : `?${encoded.join('&')}`;
}

/** What is escaped already stays so, and `+` is a space to many. */
function encodedComponent(text: string): string {
  return text
    .toWellFormed()
    .split(/(%[0-9A-Fa-f]{2}|\+)/)
    .map((part, i) => (i % 2 === 1 ? part.toUpperCase() : encodeURIComponent(part).replaceAll("'", '%27')))
    .join('');
}
