import { RecentTexts } from '../base/recent-texts.ts';
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
interface ClientPieces {
  readonly fields: RequestFields;
  readonly method: string;
  readonly lengthBytes: number;
  readonly beforeStem: Buffer;
  readonly beforeQuery: Buffer;
  readonly beforeRequestBytes: Buffer;
  readonly beforeResponseResult: Buffer;
  readonly beforeFirstByte: Buffer;
}

/** What lines about one answer are made of. */
type AnswerFacts = Pick<Exchange, 'status' | 'result' | 'whole' | 'contentType' | 'contentLength' | 'contentRange'>;

/** What they have in common, likewise. */
interface AnswerPieces {
  readonly facts: AnswerFacts;
  readonly lengthBytes: number;
  readonly stemAndStatus: Piece;
  readonly queryToResult: Piece;
  readonly result: Piece;
  readonly end: Piece;
}

/** Bytes, or a text with a character for each byte. */
type Piece = Buffer | string;

/** Of so many answers pieces are kept. */
const keptAnswers = 2_048;
/** More than the numbers of a line and the tabs between have. */
const numbersBytes = 128;

/**
 * Writes exchanges as lines of CloudFront's standard access log: 33 fields between tabs, `-` for what there is none of,
 * the time being that of the end. Cookies are never written, nor the values of parameters that are secrets.
 *
 * A line is put together from pieces that are bytes already: a fifth cheaper than to join texts, and there is a line for
 * each hit of the cache.
 */
export class StandardLogLines {
  readonly #location: string;
  readonly #clients = new WeakMap<Peer, ClientPieces>();
  /** By target. */
  readonly #answers = new RecentTexts<AnswerPieces>(keptAnswers);
  #second = Number.NaN;
  /** Date, time and location. */
  #stamp = Buffer.alloc(0);

  constructor(location: string) {
    this.#location = location;
  }

  /**
   * Writes a line, line feed included, to `page` from `at` on, and returns where it ends. One that may have more than
   * `maxBytes` is not written: then that is `at`.
   */
  write(exchange: Exchange, page: Buffer, at: number, maxBytes: number): number {
    const client = this.#client(exchange);
    const answer = this.#answer(exchange);
    const stamp = this.#stampOf(exchange.endedWallMs);
    const { requestId = '-', firstByteMs } = exchange;
    const variableBytes = stamp.length + requestId.length + numbersBytes;
    if (client.lengthBytes + answer.lengthBytes + variableBytes > maxBytes) return at;
    let end = append(stamp, page, at);
    end = appendInteger(exchange.sentBytes, page, end);
    end = append(client.beforeStem, page, end);
    end = append(answer.stemAndStatus, page, end);
    end = append(client.beforeQuery, page, end);
    end = append(answer.queryToResult, page, end);
    end = append(requestId, page, end);
    end = append(client.beforeRequestBytes, page, end);
    end = appendInteger(exchange.requestBytes, page, end);
    page[end++] = tab;
    end = appendSeconds(exchange.durationMs, page, end);
    end = append(client.beforeResponseResult, page, end);
    end = append(answer.result, page, end);
    end = append(client.beforeFirstByte, page, end);
    if (firstByteMs === undefined) page[end++] = dash;
    else end = appendSeconds(firstByteMs, page, end);
    return append(answer.end, page, end);
  }

  #client({ client, fields, method }: Exchange): ClientPieces {
    const known = this.#clients.get(client);
    if (known?.fields === fields && known.method === method) return known;
    const { address, port, tls } = client;
    const host = logText(fields.host);
    const referer = fields.referer === undefined ? '-' : logText(redactUrl(fields.referer));
    const pieces = new Pieces(
      `\t${address ?? '-'}\t${logText(method)}\t${host}\t`,
      `\t${referer}\t${logText(fields.userAgent)}\t`,
      `\t${host}\t${tls === undefined ? 'http' : 'https'}\t`,
      `\t${logText(fields.forwardedFor)}\t${tls?.protocol ?? '-'}\t${tls?.cipher ?? '-'}\t`,
      `\tHTTP/1.1\t-\t-\t${port ?? '-'}\t`,
    );
    const made: ClientPieces = {
      fields,
      method,
      lengthBytes: pieces.lengthBytes,
      beforeStem: pieces.next(),
      beforeQuery: pieces.next(),
      beforeRequestBytes: pieces.next(),
      beforeResponseResult: pieces.next(),
      beforeFirstByte: pieces.next(),
    };
    this.#clients.set(client, made);
    return made;
  }

  #answer(exchange: Exchange): AnswerPieces {
    const { target } = exchange;
    const known = this.#answers.get(target);
    const again = known !== undefined && isAnswerOf(known, exchange);
    if (again && typeof known.result !== 'string') return known;
    const texts = answerTexts(exchange);
    // Of what is asked for once, texts will do: to make bytes of them pays from the third time on.
    const made = again ? answerBytes(texts) : texts;
    this.#answers.keep(target, made);
    return made;
  }

  #stampOf(wallMs: number): Buffer {
    const second = Math.floor(wallMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      const dateAndTime = new Date(second * 1_000).toISOString().slice(0, 19).replace('T', '\t');
      this.#stamp = Buffer.from(`${dateAndTime}\t${this.#location}\t`, 'latin1');
    }
    return this.#stamp;
  }
}

function isAnswerOf({ facts: a }: AnswerPieces, b: AnswerFacts): boolean {
  return (
    a.status === b.status &&
    a.result === b.result &&
    a.whole === b.whole &&
    a.contentType === b.contentType &&
    a.contentLength === b.contentLength &&
    a.contentRange === b.contentRange
  );
}

function answerTexts(exchange: Exchange): AnswerPieces & Record<'stemAndStatus' | 'queryToResult' | 'end', string> {
  const { target, status, result, whole, contentType, contentLength, contentRange } = exchange;
  const queryAt = target.indexOf('?');
  const beforeQuery = queryAt === -1 ? target : target.slice(0, queryAt);
  const stem = logText(target.startsWith('/') ? beforeQuery : redactUrl(beforeQuery));
  const query = queryAt === -1 ? '-' : logText(redactQuery(target.slice(queryAt + 1)));
  const stemAndStatus = `${stem}\t${status === 0 ? '000' : status}`;
  const queryToResult = `${query}\t-\t${whole ? result : 'Error'}\t`;
  const end = `\t${detailOf(exchange)}\t${logText(contentType)}\t${contentLength ?? '-'}${rangeText(contentRange)}\n`;
  const lengthBytes = stemAndStatus.length + queryToResult.length + result.length + end.length;
  const facts = { status, result, whole, contentType, contentLength, contentRange };
  return { facts, lengthBytes, stemAndStatus, queryToResult, result, end };
}

function answerBytes(texts: ReturnType<typeof answerTexts>): AnswerPieces {
  const { facts, lengthBytes } = texts;
  const pieces = new Pieces(texts.stemAndStatus, texts.queryToResult, facts.result, texts.end);
  return {
    facts,
    lengthBytes,
    stemAndStatus: pieces.next(),
    queryToResult: pieces.next(),
    result: pieces.next(),
    end: pieces.next(),
  };
}

/** Texts with a character for each byte, as bytes in memory of their own, one after the other. */
class Pieces {
  readonly lengthBytes: number;
  readonly #texts: readonly string[];
  readonly #bytes: Buffer;
  #index = 0;
  #at = 0;

  constructor(...texts: readonly string[]) {
    this.#texts = texts;
    this.lengthBytes = texts.reduce((sum, { length }) => sum + length, 0);
    this.#bytes = Buffer.allocUnsafeSlow(this.lengthBytes);
  }

  next(): Buffer {
    const began = this.#at;
    this.#at += this.#bytes.write(this.#texts[this.#index++] ?? '', began, 'latin1');
    return this.#bytes.subarray(began, this.#at);
  }
}

const tab = 0x09;
const dash = 0x2d;
const point = 0x2e;
const zero = 0x30;

function append(piece: Piece, page: Buffer, at: number): number {
  if (typeof piece === 'string') return at + page.write(piece, at, 'latin1');
  page.set(piece, at);
  return at + piece.length;
}

/** In decimal digits. */
function appendInteger(value: number, page: Buffer, at: number): number {
  let end = at + 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end++;
  let rest = value;
  for (let i = end - 1; i >= at; i--) {
    page[i] = zero + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return end;
}

/** In seconds with three decimals. */
function appendSeconds(ms: number, page: Buffer, at: number): number {
  const rounded = Math.round(ms);
  const end = appendInteger(Math.floor(rounded / 1_000), page, at);
  page[end] = point;
  page[end + 1] = zero + (Math.floor(rounded / 100) % 10);
  page[end + 2] = zero + (Math.floor(rounded / 10) % 10);
  page[end + 3] = zero + (rounded % 10);
  return end + 4;
}

/** First and last byte, each behind a tab. */
function rangeText(contentRange: string | undefined): string {
  if (contentRange === undefined) return '\t-\t-';
  const range = /^bytes (\d+)-(\d+)\//.exec(contentRange);
  return `\t${range?.[1] ?? '-'}\t${range?.[2] ?? '-'}`;
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
