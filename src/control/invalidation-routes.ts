import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { ControlRefusal, carryOut, readRequest, sendJson, wrongMethod } from './json-exchange.ts';

const notInvalidated = { code: 'NOT_INVALIDATED', sentence: 'nothing was invalidated' };

const requestSchema = z.strictObject({
  distribution: z.string().optional(),
  items: z.array(z.string()),
});

/** How an invalidation stands, as it is told over HTTP. */
export const invalidationReportSchema = z.object({
  id: z.string(),
  distribution: z.string(),
  items: z.array(z.string()),
  status: z.enum(['in-progress', 'completed']),
  dropped: z.int(),
});

export type InvalidationReport = Readonly<z.output<typeof invalidationReportSchema>>;

/** Whoever carries invalidations out. */
export interface InvalidationTarget {
  /** In force when it returns. Throws a `ProtocolError` for a request that cannot be, a `LimitError` for one too many. */
  create(request: { readonly distribution: string | undefined; readonly items: readonly string[] }): Reported;
  find(id: string): Reported | undefined;
}

type Reported = Omit<InvalidationReport, 'items'> & { readonly items: readonly string[] };

export const invalidationsPath = '/v1/invalidations';

/** `POST /v1/invalidations` and `GET /v1/invalidations/ID`. Throws a `ControlRefusal`. */
export async function answerInvalidation(
  target: InvalidationTarget,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method, url = '' } = request;
  if (url === invalidationsPath) {
    if (method !== 'POST') throw wrongMethod('POST');
    const { distribution, items } = await readRequest(request, requestSchema, 'INVALIDATION_MALFORMED');
    const report = carryOut(() => target.create({ distribution, items }), notInvalidated);
    sendJson(response, 201, report, ['Location', `${invalidationsPath}/${report.id}`]);
    return;
  }
  if (method !== 'GET') throw wrongMethod('GET');
  const report = target.find(url.slice(invalidationsPath.length + 1));
  if (report === undefined) throw new ControlRefusal(404, 'NO_SUCH_INVALIDATION', 'there is no such invalidation');
  sendJson(response, 200, report);
}
