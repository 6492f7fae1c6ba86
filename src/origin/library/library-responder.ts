import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { AccessError, LimitError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { parseEntityTag, parseIfNoneMatch, sameStrongly } from '../../formats/http-fields/entity-tag.ts';
import { fieldValue, withoutFields } from '../../formats/http-fields/field-lines.ts';
import { formatHttpDate, parseHttpDate } from '../../formats/http-fields/http-date.ts';
import { type Portion, portionFor } from '../../http/body-portion.ts';
import type { ByteRange } from '../../policy/range-selection.ts';
import { viewerHasIt } from '../../policy/validation.ts';
import { contentTypeOf } from './content-types.ts';
import type { LibraryFile, LibraryFiles } from './library-files.ts';
import { libraryPath } from './library-path.ts';

/** What is read from the disk, and waits for the socket, at a time. */
const pieceBytes = 131_072;
/**
 * A file system's clock ticks: what was written within one tick of another write may look like the same version. Some
 * have a resolution of two seconds, which is taken for granted where the time is a whole second.
 */
const tickMs = 100;
const coarseTickMs = 2_500;

export interface LibraryResponderOptions {
  readonly files: LibraryFiles;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the router says in an answer of its own. */
export interface PlainRefusal {
  readonly status: number;
  readonly sentence: string;
  readonly fields: readonly (readonly [string, string])[];
}

/** Answers GET and HEAD for files of the library (RFC 9110), whole and by ranges. */
export class LibraryResponder {
  readonly #options: LibraryResponderOptions;

  constructor(options: LibraryResponderOptions) {
    this.#options = options;
  }

  /**
   * `path`: what follows `/library/`, normalised; `common`: fields of every answer. Resolves when all is sent, or with what
   * is to be answered instead.
   */
  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    common: readonly string[],
  ): Promise<PlainRefusal | undefined> {
    const names = libraryPath(path);
    if (names === undefined) return nothingHere;
    let file: LibraryFile | undefined;
    try {
      file = await this.#options.files.open(names);
    } catch (error) {
      return this.#notOpened(error, path);
    }
    if (file === undefined) return nothingHere;
    try {
      return await this.#answerWith(request, response, file, [
        ...common,
        'Content-Type',
        contentTypeOf(names.at(-1) ?? ''),
        'X-Content-Type-Options',
        'nosniff',
        ...this.#validators(file),
      ]);
    } finally {
      await file.close();
    }
  }

  async #answerWith(
    request: IncomingMessage,
    response: ServerResponse,
    file: LibraryFile,
    fields: readonly string[],
  ): Promise<PlainRefusal | undefined> {
    const nowMs = this.#options.clock.wallMs();
    // The order of RFC 9110 §13.2.2.
    if (!preconditionsHold(request, file, fields, nowMs)) {
      return { status: 412, sentence: 'the file has another version now', fields: [] };
    }
    const dated = [...fields, 'Date', formatHttpDate(nowMs)];
    const conditions = {
      ifNoneMatch: request.headers['if-none-match'],
      ifModifiedSince: request.headers['if-modified-since'],
    };
    if (viewerHasIt(conditions, dated, nowMs)) {
      response.writeHead(304, dated).end();
      return undefined;
    }
    const portion = portionFor(request, { status: 200, fields: dated }, file.lengthBytes, nowMs);
    if (portion.kind === 'unsatisfiable') {
      return {
        status: 416,
        sentence: `it has ${file.lengthBytes} bytes`,
        fields: [['Content-Range', portion.contentRange]],
      };
    }
    const own = portion.ownContentType ? withoutFields(dated, contentType) : dated;
    response.writeHead(portion.status, [...own, ...portion.fields]);
    if (request.method === 'HEAD') response.end();
    else await this.#send(response, file, portion);
    return undefined;
  }

  /** At the pace at which it is read. What cannot be completed is broken off: its length has been announced. */
  async #send(response: ServerResponse, file: LibraryFile, { legs, closing }: Portion): Promise<void> {
    try {
      for (const { head, range } of legs) {
        if (head !== undefined) response.write(head, 'latin1');
        if (range !== undefined && !(await sendRange(response, file, range))) {
          response.destroy();
          return;
        }
      }
      response.end(closing);
    } catch (error) {
      this.#options.log.error({ err: error }, 'a file of the library could not be read');
      response.destroy();
    }
  }

  /** Of a file that is being written nothing is sure: nobody is to keep it. */
  #validators(file: LibraryFile): string[] {
    // A time that is yet to come was not written just now either.
    const ageMs = Math.abs(this.#options.clock.wallMs() - file.modifiedWallMs);
    const isSettled = ageMs >= (file.modifiedWallMs % 1_000 === 0 ? coarseTickMs : tickMs);
    const tag = `"${file.versionName}"`;
    return [
      'ETag',
      isSettled ? tag : `W/${tag}`,
      'Last-Modified',
      formatHttpDate(file.modifiedWallMs),
      ...(isSettled ? [] : ['Cache-Control', 'no-store']),
    ];
  }

  #notOpened(error: unknown, path: string): PlainRefusal {
    if (error instanceof LimitError) {
      this.#options.log.warn({ code: error.code }, error.message);
      return { status: 503, sentence: 'too many files are being read', fields: [['Retry-After', '1']] };
    }
    if (error instanceof AccessError) {
      this.#options.log.warn({ code: error.code }, error.message);
      return nothingHere;
    }
    this.#options.log.error({ err: error, path }, 'a file of the library could not be opened');
    return { status: 503, sentence: 'the file cannot be read now', fields: [['Retry-After', '1']] };
  }
}

const contentType = new Set(['content-type']);

const nothingHere: PlainRefusal = { status: 404, sentence: 'there is no such file in the library', fields: [] };

/** RFC 9110 §13.1.1, §13.1.4: an edge names the version that its slices are of. */
function preconditionsHold(
  { headers }: IncomingMessage,
  file: LibraryFile,
  fields: readonly string[],
  nowMs: number,
): boolean {
  const ifMatch = headers['if-match'];
  if (ifMatch !== undefined) {
    const wanted = parseIfNoneMatch(ifMatch);
    const tag = parseEntityTag(fieldValue(fields, 'etag') ?? '');
    return wanted === 'any' || (tag !== undefined && wanted.some((one) => sameStrongly(one, tag)));
  }
  const ifUnmodifiedSince = headers['if-unmodified-since'];
  const since = ifUnmodifiedSince === undefined ? undefined : parseHttpDate(ifUnmodifiedSince, nowMs);
  return since === undefined || Math.floor(file.modifiedWallMs / 1_000) * 1_000 <= since;
}

/** `false`: it is another version by now, or nobody takes it any more. */
async function sendRange(response: ServerResponse, file: LibraryFile, { first, last }: ByteRange): Promise<boolean> {
  for (let at = first; at <= last; ) {
    const wanted = Math.min(pieceBytes, last + 1 - at);
    const bytes = await file.read(at, wanted);
    if (bytes === undefined || bytes.length < wanted || response.destroyed) return false;
    at += wanted;
    if (!response.write(bytes) && !(await drained(response))) return false;
  }
  return true;
}

/** `false`: the connection is gone. A peer that takes nothing is cut by the listener, whose deadline for silence it meets. */
function drained(response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (isDrained: boolean) => {
      response.off('drain', onDrain);
      response.off('close', onClose);
      resolve(isDrained);
    };
    const onDrain = () => end(true);
    const onClose = () => end(false);
    response.on('drain', onDrain);
    response.on('close', onClose);
    if (response.destroyed) onClose();
  });
}
