import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { LimitError, ProtocolError } from '../base/errors.ts';
import { type RevocationKind, revocationKinds } from '../policy/limits/revocations.ts';
import { ControlRefusal, readJson, sendJson, wrongMethod } from './json-exchange.ts';

const kindField = z.enum(revocationKinds);

const requestSchema = z.strictObject({
  kind: kindField,
  id: z.string().min(1).max(256),
  forSeconds: z.number().positive().optional(),
});

const revocationSchema = z.object({
  kind: kindField,
  id: z.string(),
  /** Wall clock; if left out: until it is taken back. */
  untilMs: z.number().optional(),
});

/** A revocation as it is told over HTTP. */
export const revocationReportSchema = revocationSchema.extend({
  /** Connections and answers that were ended at once. */
  ended: z.int(),
});

export const revocationsSchema = z.object({ revocations: z.array(revocationSchema) });

export const sessionsSchema = z.object({
  sessions: z.array(
    z.object({
      id: z.string(),
      protocol: z.string(),
      stream: z.string(),
      address: z.string(),
      grantId: z.string().optional(),
      keyPairId: z.string().optional(),
      seconds: z.number(),
      sentBytes: z.number().optional(),
    }),
  ),
});

export type RevocationAnswer = Readonly<z.output<typeof revocationReportSchema>>;
export type ToldRevocation = Readonly<z.output<typeof revocationSchema>>;
export type ToldSession = Readonly<z.output<typeof sessionsSchema>['sessions'][number]>;

/** Who knows who watches, and can send them away. */
export interface AccessTarget {
  sessions(): readonly unknown[];
  revocations(): readonly unknown[];
  /** In force when it returns. Throws a `ProtocolError` for what is not there, a `LimitError` for one too many. */
  revoke(kind: RevocationKind, id: string, forMs: number | undefined): object;
  /** Returns whether there was such a revocation. */
  takeBack(kind: RevocationKind, id: string): boolean;
}

export const sessionsPath = '/v1/sessions';
export const revocationsPath = '/v1/revocations';

/** Whether `answerAccess` is for it. */
export function isAccessPath(url: string): boolean {
  return url === sessionsPath || url === revocationsPath || url.startsWith(`${revocationsPath}/`);
}

/**
 * `GET /v1/sessions`, `GET` and `POST /v1/revocations`, `DELETE /v1/revocations/KIND/ID`. Throws a `ControlRefusal`.
 */
export async function answerAccess(
  target: AccessTarget,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method, url = '' } = request;
  if (url === sessionsPath) {
    if (method !== 'GET') throw wrongMethod('GET');
    sendJson(response, 200, { sessions: target.sessions() });
  } else if (url !== revocationsPath) {
    if (method !== 'DELETE') throw wrongMethod('DELETE');
    takeBack(target, url.slice(revocationsPath.length + 1));
    sendJson(response, 200, { revocations: target.revocations() });
  } else if (method === 'GET') {
    sendJson(response, 200, { revocations: target.revocations() });
  } else if (method === 'POST') {
    sendJson(response, 201, revoke(target, await readJson(request)));
  } else {
    throw wrongMethod('GET, POST');
  }
}

function revoke(target: AccessTarget, body: unknown): object {
  const parsed = requestSchema.safeParse(body);
  if (!parsed.success) {
    throw new ControlRefusal(400, 'REVOCATION_MALFORMED', z.prettifyError(parsed.error).replaceAll('\n', ' '));
  }
  const { kind, id, forSeconds } = parsed.data;
  try {
    return target.revoke(kind, id, forSeconds === undefined ? undefined : forSeconds * 1_000);
  } catch (error) {
    if (error instanceof ProtocolError) throw new ControlRefusal(400, error.code, error.message);
    if (error instanceof LimitError) throw new ControlRefusal(429, error.code, error.message);
    const reason = error instanceof Error ? error.message : String(error);
    throw new ControlRefusal(
      500,
      'NOT_KEPT',
      `the revocation is in force, but would be lost with a restart: ${reason}`,
    );
  }
}

function takeBack(target: AccessTarget, path: string): void {
  const [kindText = '', idText = ''] = path.split('/');
  const kind = kindField.safeParse(kindText);
  const found = kind.success && target.takeBack(kind.data, decoded(idText));
  if (!found) throw new ControlRefusal(404, 'NO_SUCH_REVOCATION', 'there is no such revocation');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
