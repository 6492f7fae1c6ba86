import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { sendJson, wrongMethod } from './json-exchange.ts';

/** Which keys for signed URLs count, as it is told over HTTP. */
export const keysReportSchema = z.object({
  /** Ids by key group. */
  groups: z.record(z.string(), z.array(z.string())),
  /** Groups that a behaviour asks for. */
  asked: z.array(z.string()),
});

export type KeysReport = Readonly<z.output<typeof keysReportSchema>>;

/** Whoever verifies with these keys. */
export interface KeyTarget {
  /** Looks at the key store now. What it tells is in force. */
  look(): { readonly groups: Readonly<Record<string, readonly string[]>>; readonly asked: readonly string[] };
}

export const keysPath = '/v1/keys';

/** `POST /v1/keys`: the key store has changed. Throws a `ControlRefusal`. */
export function answerKeys(target: KeyTarget, { method }: IncomingMessage, response: ServerResponse): void {
  if (method !== 'POST') throw wrongMethod('POST');
  sendJson(response, 200, target.look());
}
