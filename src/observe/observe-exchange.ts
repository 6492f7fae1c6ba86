import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { type FieldLines, fieldValue } from '../formats/http-fields/field-lines.ts';
import { viewerOf } from '../http/viewer-address.ts';
import { type Exchange, type ExchangeRecorder, type ResultType, resultTypes } from './exchange.ts';

/** What the head of an answer said, when it went out. */
interface SentHead {
  readonly status: number;
  readonly fields: Pick<Exchange, 'contentType' | 'contentLength' | 'contentRange' | 'requestId'>;
  readonly result: ResultType;
  readonly atMs: number;
}

type HeadFields = readonly OutgoingHttpHeader[] | OutgoingHttpHeaders | undefined;

/**
 * Records an exchange when it is over. What the log says of an answer is read from the head that the viewer gets, so
 * that the two cannot differ. `recorder` must not throw.
 */
export function observeExchange(
  request: IncomingMessage,
  response: ServerResponse,
  { clock, recorder }: { readonly clock: Clock; readonly recorder: ExchangeRecorder },
): void {
  const beganMs = clock.monotonicMs();
  const { socket } = request;
  // Of an answer that waits behind another one on its connection, a part of that one is counted too.
  const bytesBefore = socket.bytesWritten;
  let head: SentHead | undefined;
  // Node tells nobody that a head goes out.
  const writeHead = response.writeHead.bind(response) as (...message: unknown[]) => ServerResponse;
  response.writeHead = (status: number, ...rest: unknown[]): ServerResponse => {
    const fields = (typeof rest[0] === 'string' ? rest[1] : rest[0]) as HeadFields;
    head = { status, ...readHead(status, fieldLines(fields)), atMs: clock.monotonicMs() };
    return writeHead(status, ...rest);
  };
  const client = viewerOf(request);
  response.once('close', () => {
    const { headers, method = '', url = '' } = request;
    const endedMs = clock.monotonicMs();
    recorder.record({
      endedWallMs: clock.wallMs(),
      durationMs: endedMs - beganMs,
      firstByteMs: head && head.atMs - beganMs,
      client,
      method,
      target: url,
      fields: {
        host: headers.host,
        referer: headers.referer,
        userAgent: headers['user-agent'],
        forwardedFor: headers['x-forwarded-for']?.toString(),
      },
      requestBytes: requestBytes(request),
      status: head?.status ?? 0,
      result: head?.result ?? 'Error',
      whole: response.writableFinished,
      sentBytes: socket.bytesWritten - bytesBefore,
      requestId: head?.fields.requestId,
      contentType: head?.fields.contentType,
      contentLength: head?.fields.contentLength,
      contentRange: head?.fields.contentRange,
    });
  });
}

/** Fields as they were given to `writeHead`, as lines. */
function fieldLines(fields: HeadFields): FieldLines {
  if (fields === undefined) return [];
  const flat = Array.isArray(fields) ? fields : Object.entries(fields).flat();
  return flat.map(String);
}

function readHead(status: number, fields: FieldLines): Pick<SentHead, 'fields' | 'result'> {
  const word = fieldValue(fields, 'x-cache')?.replace(/ .*/, '');
  return {
    result: resultTypes.find((result) => result === word) ?? (status >= 400 ? 'Error' : 'Miss'),
    fields: {
      requestId: fieldValue(fields, 'x-request-id'),
      contentType: fieldValue(fields, 'content-type'),
      contentLength: fieldValue(fields, 'content-length'),
      contentRange: fieldValue(fields, 'content-range'),
    },
  };
}

/** Head as it stood on the wire but for white space, and the body as announced. */
function requestBytes({ method = '', url = '', rawHeaders, headers }: IncomingMessage): number {
  const lines = rawHeaders.reduce((sum, text) => sum + text.length + 2, 0);
  const announced = Number(headers['content-length'] ?? 0);
  return (
    method.length + url.length + ' HTTP/1.1'.length + 1 + 2 + lines + 2 + (Number.isFinite(announced) ? announced : 0)
  );
}
