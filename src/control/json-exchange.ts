import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { LimitError, ProtocolError } from '../base/errors.ts';
import { reasonOf } from '../base/thrown.ts';

/** 3,000 paths of a thousand characters; more is sent in several requests. */
const maxBodyBytes = 4_194_304;

/** An answer that is not what was asked for. */
export class ControlRefusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: readonly string[];

  constructor(status: number, code: string, sentence: string, fields: readonly string[] = []) {
    super(sentence);
    this.status = status;
    this.code = code;
    this.fields = fields;
  }
}

/** For a path that is asked in one way only. */
export function wrongMethod(allowed: string): ControlRefusal {
  return new ControlRefusal(405, 'METHOD_NOT_ALLOWED', `only ${allowed} is understood here`, ['Allow', allowed]);
}

/**
 * What the body of a request asks for. Throws a `ControlRefusal` when it is no JSON, or too much, and with `malformedCode`
 * when it is not as `schema` says.
 */
export async function readRequest<Asked>(
  request: IncomingMessage,
  schema: z.ZodType<Asked>,
  malformedCode: string,
): Promise<Asked> {
  const parsed = schema.safeParse(await readJson(request));
  if (parsed.success) return parsed.data;
  throw new ControlRefusal(400, malformedCode, z.prettifyError(parsed.error).replaceAll('\n', ' '));
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json *(?:;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new ControlRefusal(415, 'NOT_JSON', 'the body must be application/json');
  }
  const pieces: Buffer[] = [];
  let lengthBytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    lengthBytes += piece.length;
    if (lengthBytes > maxBodyBytes) {
      throw new ControlRefusal(413, 'BODY_TOO_LARGE', `the body has more than ${maxBodyBytes} bytes`);
    }
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch {
    throw new ControlRefusal(400, 'NOT_JSON', 'the body is no valid JSON');
  }
}

/**
 * What `act` returns. Throws a `ControlRefusal` for what it throws: a `ProtocolError` is a request that cannot be, a
 * `LimitError` one too many, and anything else, such as that of a full disk, is told behind `failure`.
 */
export function carryOut<Done>(act: () => Done, failure: { readonly code: string; readonly sentence: string }): Done {
  try {
    return act();
  } catch (error) {
    if (error instanceof ProtocolError) throw new ControlRefusal(400, error.code, error.message);
    if (error instanceof LimitError) throw new ControlRefusal(429, error.code, error.message);
    // Whoever has the secret may know.
    const reason = reasonOf(error);
    throw new ControlRefusal(500, failure.code, `${failure.sentence}: ${reason}`);
  }
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  fields: readonly string[] = [],
): void {
  const body = `${JSON.stringify(value)}\n`;
  response
    .writeHead(status, [
      'Content-Type',
      'application/json',
      'Content-Length',
      String(Buffer.byteLength(body)),
      'Cache-Control',
      'no-store',
      ...fields,
    ])
    .end(body);
}

export function sendRefusal(response: ServerResponse, { status, code, message, fields }: ControlRefusal): void {
  // The rest of the request is not read.
  response.shouldKeepAlive = false;
  sendJson(response, status, { error: { code, message } }, fields);
}
