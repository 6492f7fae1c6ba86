/** What a plain GET says of itself, beside its target. A field that is absent is `undefined`. */
export interface PlainFields {
  readonly host: string;
  readonly userAgent: string | undefined;
  readonly referer: string | undefined;
  readonly origin: string | undefined;
  readonly acceptEncoding: string | undefined;
  readonly forwardedFor: string | undefined;
  readonly cookie: string | undefined;
  /** All fields as they came, each line with the CRLF before it: equal texts, equal fields. */
  readonly text: string;
}

/** A request that the recogniser knows in full. */
export interface PlainGet {
  /** In origin form, as it came: begins with `/`, visible ASCII only, without `#`. */
  readonly target: string;
  readonly fields: PlainFields;
  /** Where in the text the next request begins. */
  readonly endsAt: number;
  /** Of the whole head. */
  readonly headBytes: number;
}

/**
 * Fields that may stand in a plain GET. Each changes at most what is asked for in a way that the cache key or the
 * variant knows, or nothing at all. What frames a message (Content-Length, Transfer-Encoding), says what becomes of
 * the connection, is a condition, a range or a cache directive, or is not known, is not among them.
 */
const knownFields = new Set([
  'host',
  'connection',
  'user-agent',
  'accept',
  'accept-encoding',
  'accept-language',
  'referer',
  'origin',
  'cookie',
  'dnt',
  'priority',
  'sec-ch-ua',
  'sec-ch-ua-mobile',
  'sec-ch-ua-platform',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'sec-fetch-storage-access',
  'sec-fetch-user',
  'sec-gpc',
  'x-forwarded-for',
  'x-playback-session-id',
  'cmcd-object',
  'cmcd-request',
  'cmcd-session',
  'cmcd-status',
]);

/** A registered name, an IPv4 or an IPv6 address, and a port (RFC 9110 §7.2); others are for the parser to judge. */
const plainHost = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/** Visible ASCII; a fragment is no part of a target, `"<>\^`{|}` do not belong into one: the parser may judge. */
const plainTarget = /^\/[!$-;=?-[\]_a-z~]*$/;

/** A byte that no head of a plain GET holds, or half a line end before its other half can come. */
const neverPlain = /[^ -~\r\n]|(?<!\r)\n|\r(?=[^\n])/;

/**
 * Recognises a GET of a small grammar at `from`: HTTP/1.1, an origin-form target, CRLF only, visible ASCII and spaces
 * in the fields, each of the fields above once at most, Host among them (RFC 9112 §2 to §5). `text` holds bytes as
 * Latin-1. This is no parser: what it does not know it does not judge.
 *
 * `partial`: what is there may become one. `unknown`: it is for the parser, from `from` on. `previous` saves the work
 * for fields that came in the same words before, as those of one client do.
 */
export function recognisePlainGet(
  text: string,
  from: number,
  previous: PlainFields | undefined,
): PlainGet | 'partial' | 'unknown' {
  if (!text.startsWith('GET /', from)) return 'GET /'.startsWith(text.slice(from, from + 5)) ? 'partial' : 'unknown';
  const headEnd = text.indexOf('\r\n\r\n', from);
  if (headEnd === -1) return neverPlain.test(text.slice(from)) ? 'unknown' : 'partial';
  const lineEnd = text.indexOf('\r\n', from);
  if (!text.startsWith(' HTTP/1.1', lineEnd - 9)) return 'unknown';
  const target = text.slice(from + 4, lineEnd - 9);
  if (!plainTarget.test(target)) return 'unknown';
  const fieldsText = text.slice(lineEnd, headEnd);
  const fields = previous?.text === fieldsText ? previous : recogniseFields(fieldsText);
  return fields === undefined ? 'unknown' : { target, fields, endsAt: headEnd + 4, headBytes: headEnd + 4 - from };
}

function recogniseFields(text: string): PlainFields | undefined {
  const values = new Map<string, string>();
  for (const line of text.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = line.slice(colon + 1);
    if (!knownFields.has(name) || values.has(name) || !/^[ -~]*$/.test(value)) return undefined;
    values.set(name, value.trim());
  }
  const host = values.get('host') ?? '';
  if (!plainHost.test(host) || (values.get('connection') ?? 'keep-alive').toLowerCase() !== 'keep-alive') {
    return undefined;
  }
  return {
    host,
    userAgent: values.get('user-agent'),
    referer: values.get('referer'),
    origin: values.get('origin'),
    acceptEncoding: values.get('accept-encoding'),
    forwardedFor: values.get('x-forwarded-for'),
    cookie: values.get('cookie'),
    text,
  };
}
