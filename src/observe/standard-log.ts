import type { Peer } from '../http/peer.ts';
import type { Exchange, RequestFields } from './exchange.ts';
import { redactQuery, redactUrl } from './log-redaction.ts';

/** The fields of CloudFront's standard access log, in its order. */
const fieldNames = [
  'date',
  'time',
  'x-edge-location',
  'sc-bytes',
  'c-ip',
  'cs-method',
  'cs(Host)',
  'cs-uri-stem',
  'sc-status',
  'cs(Referer)',
  'cs(User-Agent)',
  'cs-uri-query',
  'cs(Cookie)',
  'x-edge-result-type',
  'x-edge-request-id',
  'x-host-header',
  'cs-protocol',
  'cs-bytes',
  'time-taken',
  'x-forwarded-for',
  'ssl-protocol',
  'ssl-cipher',
  'x-edge-response-result-type',
  'cs-protocol-version',
  'fle-status',
  'fle-encrypted-fields',
  'c-port',
  'time-to-first-byte',
  'x-edge-detailed-result-type',
  'sc-content-type',
  'sc-content-len',
  'sc-range-start',
  'sc-range-end',
] as const;

/** The two lines that a file begins with. */
export const standardLogHeader = `#Version: 1.0\n#Fields: ${fieldNames.join(' ')}\n`;

/** What many lines of a client have in common, with the tabs between; made once. */
interface ClientText {
  readonly fields: RequestFields;
  readonly beforeMethod: string;
  readonly beforeStem: string;
  readonly beforeQuery: string;
  readonly beforeRequestBytes: string;
  readonly beforeResponseResult: string;
  readonly beforeFirstByte: string;
}

/**
 * Writes exchanges as lines of CloudFront's standard access log: 33 fields between tabs, `-` for what there is none of,
 * the time being that of the end. Cookies are never written, nor the values of parameters that are secrets.
 */
export class StandardLogLines {
  readonly #location: string;
  readonly #clients = new WeakMap<Peer, ClientText>();
  #second = Number.NaN;
  #beforeSentBytes = '';

  constructor(location: string) {
    this.#location = location;
  }

  /** With the line feed. */
  line(exchange: Exchange): string {
    const { target, method, whole, result, status, firstByteMs, requestId, contentType, contentLength } = exchange;
    const client = this.#client(exchange);
    const queryAt = target.indexOf('?');
    const stem = logText(queryAt === -1 ? target : target.slice(0, queryAt));
    const query = queryAt === -1 ? '-' : logText(redactQuery(target.slice(queryAt + 1)));
    const taken = seconds(exchange.durationMs);
    const firstByte = firstByteMs === undefined ? '-' : seconds(firstByteMs);
    return `${this.#stamp(exchange.endedWallMs)}${exchange.sentBytes}${client.beforeMethod}${
      method === 'GET' ? 'GET' : logText(method)
    }${client.beforeStem}${stem}\t${status === 0 ? '000' : status}${client.beforeQuery}${query}\t-\t${
      whole ? result : 'Error'
    }\t${requestId ?? '-'}${client.beforeRequestBytes}${exchange.requestBytes}\t${taken}${
      client.beforeResponseResult
    }${result}${client.beforeFirstByte}${firstByte}\t${detailOf(exchange)}\t${logText(contentType)}\t${
      contentLength ?? '-'
    }${rangeText(exchange.contentRange)}\n`;
  }

  #client({ client, fields }: Exchange): ClientText {
    const known = this.#clients.get(client);
    if (known?.fields === fields) return known;
    const { address, port, tls } = client;
    const host = logText(fields.host);
    const referer = fields.referer === undefined ? '-' : logText(redactUrl(fields.referer));
    const made: ClientText = {
      fields,
      beforeMethod: `\t${address ?? '-'}\t`,
      beforeStem: `\t${host}\t`,
      beforeQuery: `\t${referer}\t${logText(fields.userAgent)}\t`,
      beforeRequestBytes: `\t${host}\t${tls === undefined ? 'http' : 'https'}\t`,
      beforeResponseResult: `\t${logText(fields.forwardedFor)}\t${tls?.protocol ?? '-'}\t${tls?.cipher ?? '-'}\t`,
      beforeFirstByte: `\tHTTP/1.1\t-\t-\t${port ?? '-'}\t`,
    };
    this.#clients.set(client, made);
    return made;
  }

  /** Date, time and location. */
  #stamp(wallMs: number): string {
    const second = Math.floor(wallMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      const dateAndTime = new Date(second * 1_000).toISOString().slice(0, 19).replace('T', '\t');
      this.#beforeSentBytes = `${dateAndTime}\t${this.#location}\t`;
    }
    return this.#beforeSentBytes;
  }
}

/** First and last byte, each behind a tab. */
function rangeText(contentRange: string | undefined): string {
  if (contentRange === undefined) return '\t-\t-';
  const range = /^bytes (\d+)-(\d+)\//.exec(contentRange);
  return `\t${range?.[1] ?? '-'}\t${range?.[2] ?? '-'}`;
}

function seconds(ms: number): string {
  return ms < 0.5 ? '0.000' : (ms / 1_000).toFixed(3);
}

function detailOf({ whole, result, status }: Exchange): string {
  if (whole) return result;
  return status === 0 ? 'ClientHungUpRequest' : 'ClientCommError';
}

/** Nothing that has to be encoded. */
const plainText = /^[!$&(-;=?-Z_a-z]+$/;

/** A field as CloudFront writes it: `-` for nothing; controls, blanks, bytes from 127 up and ``<>"#%{}|\^~[]`'`` as `%XX`. */
function logText(text: string | undefined): string {
  if (text === undefined || text === '') return '-';
  if (plainText.test(text)) return text;
  return text.replaceAll(
    /[^!$&(-;=?-Z_a-z]/g,
    (char) => `%${(char.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
