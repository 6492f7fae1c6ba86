import { z } from 'zod';
import { UpstreamError } from '../base/errors.ts';
import type { RevocationKind } from '../policy/limits/revocations.ts';
import { type ControlAccess, readAccessFile } from './access-file.ts';
import {
  type RevocationAnswer,
  revocationReportSchema,
  revocationsPath,
  revocationsSchema,
  sessionsPath,
  sessionsSchema,
  type ToldRevocation,
  type ToldSession,
} from './access-routes.ts';
import { type InvalidationReport, invalidationReportSchema, invalidationsPath } from './invalidation-routes.ts';
import { keysPath, type KeysReport, keysReportSchema } from './key-routes.ts';

const timeoutMs = 15_000;

const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** Asks a running process, for a command. What fails is an `UpstreamError` in the operator's words. */
export class ControlClient {
  readonly #access: ControlAccess;

  /** Throws a `ConfigError` when no process has left its address in the data folder. */
  constructor(dataFolder: string) {
    this.#access = readAccessFile(dataFolder);
  }

  /** In force when it resolves. */
  invalidate(items: readonly string[], distribution: string | undefined): Promise<InvalidationReport> {
    const body = JSON.stringify({ distribution, items });
    return this.#ask(invalidationsPath, { method: 'POST', body }, invalidationReportSchema);
  }

  invalidation(id: string): Promise<InvalidationReport> {
    return this.#ask(`${invalidationsPath}/${id}`, { method: 'GET' }, invalidationReportSchema);
  }

  /** The key store has changed: what it holds is in force when it resolves. */
  followKeys(): Promise<KeysReport> {
    return this.#ask(keysPath, { method: 'POST' }, keysReportSchema);
  }

  async sessions(): Promise<readonly ToldSession[]> {
    return (await this.#ask(sessionsPath, { method: 'GET' }, sessionsSchema)).sessions;
  }

  async revocations(): Promise<readonly ToldRevocation[]> {
    return (await this.#ask(revocationsPath, { method: 'GET' }, revocationsSchema)).revocations;
  }

  /** In force when it resolves. */
  revoke(kind: RevocationKind, id: string, forMs: number | undefined): Promise<RevocationAnswer> {
    const body = JSON.stringify({ kind, id, forSeconds: forMs === undefined ? undefined : forMs / 1_000 });
    return this.#ask(revocationsPath, { method: 'POST', body }, revocationReportSchema);
  }

  async takeBackRevocation(kind: RevocationKind, id: string): Promise<void> {
    const path = `${revocationsPath}/${kind}/${encodeURIComponent(id)}`;
    await this.#ask(path, { method: 'DELETE' }, revocationsSchema);
  }

  async #ask<Answer>(
    path: string,
    request: { readonly method: string; readonly body?: string },
    schema: z.ZodType<Answer>,
  ): Promise<Answer> {
    const { status, text } = await this.#exchange(path, request);
    const answer: unknown = JSON.parse(text);
    if (status < 400) return schema.parse(answer);
    const { code, message } = errorSchema.parse(answer).error;
    throw new UpstreamError(code, message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message);
  }

  async #exchange(path: string, request: { readonly method: string; readonly body?: string }) {
    const { url, secret, processId } = this.#access;
    try {
      const response = await fetch(`${url}${path}`, {
        ...request,
        headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${secret}` },
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const isOurs = response.headers.get('content-type') === 'application/json' && response.status !== 401;
      if (isOurs) return { status: response.status, text: await response.text() };
    } catch (cause) {
      throw new UpstreamError(
        'EDGE_NOT_RUNNING',
        `the edge that was process ${processId} does not answer at ${url}: start it again, or name the data folder of the running one with --data`,
        { cause },
      );
    }
    throw new UpstreamError(
      'NOT_THIS_EDGE',
      `what answers at ${url} is not the edge that was process ${processId}: start that again, or name the data folder of the running one with --data`,
    );
  }
}
