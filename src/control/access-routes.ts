import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { type RevocationKind, revocationKinds } from '../policy/limits/revocations.ts';
import { ControlRefusal, carryOut, readRequest, sendJson, wrongMethod } from './json-exchange.ts';

const notKept = { code: 'NOT_KEPT', sentence: 'the revocation is in force, but would be lost with a restart' };

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
    const { kind, id, forSeconds } = await readRequest(request, requestSchema, 'REVOCATION_MALFORMED');
    const forMs = forSeconds === undefined ? undefined : forSeconds * 1_000;
    const report = carryOut(() => target.revoke(kind, id, forMs), notKept);
    sendJson(response, 201, report);
  } else {
    throw wrongMethod('GET, POST');
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
