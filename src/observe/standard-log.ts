import type { Exchange } from './exchange.ts';
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

/**
 * Writes exchanges as lines of CloudFront's standard access log: 33 fields between tabs, `-` for what there is none of,
 * the time being that of the end. Cookies are never written, nor the values of parameters that are secrets.
 */
export class StandardLogLines {
  readonly #location: string;
  #second = Number.NaN;
  #dateAndTime = '';

  constructor(location: string) {
    this.#location = location;
  }

  /** With the line feed. */
  line(exchange: Exchange): string {
    const { target, client, whole, result, status, firstByteMs, contentRange } = exchange;
    const queryAt = target.indexOf('?');
    const stem = queryAt === -1 ? target : target.slice(0, queryAt);
    const query = queryAt === -1 ? '' : redactQuery(target.slice(queryAt + 1));
    const host = logText(exchange.host);
    const range = contentRange === undefined ? null : /^bytes (\d+)-(\d+)\//.exec(contentRange);
    return `${this.#stamp(exchange.endedWallMs)}\t${this.#location}\t${exchange.sentBytes}\t${client.address ?? '-'}\t${logText(
      exchange.method,
    )}\t${host}\t${logText(stem)}\t${status === 0 ? '000' : status}\t${
      exchange.referer === undefined ? '-' : logText(redactUrl(exchange.referer))
    }\t${logText(exchange.userAgent)}\t${logText(query)}\t-\t${whole ? result : 'Error'}\t${logText(
      exchange.requestId,
    )}\t${host}\t${client.tls === undefined ? 'http' : 'https'}\t${exchange.requestBytes}\t${seconds(
      exchange.durationMs,
    )}\t${logText(exchange.forwardedFor)}\t${client.tls?.protocol ?? '-'}\t${client.tls?.cipher ?? '-'}\t${result}\tHTTP/1.1\t-\t-\t${
      client.port ?? '-'
    }\t${firstByteMs === undefined ? '-' : seconds(firstByteMs)}\t${detailOf(exchange)}\t${logText(
      exchange.contentType,
    )}\t${exchange.contentLength ?? '-'}\t${range?.[1] ?? '-'}\t${range?.[2] ?? '-'}\n`;
  }

  #stamp(wallMs: number): string {
    const second = Math.floor(wallMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#dateAndTime = new Date(second * 1_000).toISOString().slice(0, 19).replace('T', '\t');
    }
    return this.#dateAndTime;
  }
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
