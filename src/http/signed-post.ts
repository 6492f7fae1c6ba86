import { createHmac } from 'node:crypto';
import type { Pool } from 'undici';
import { UpstreamError } from '../base/errors.ts';
import { codeOf } from '../base/thrown.ts';
import { signedContent } from '../policy/publish-hook.ts';

/** Of an answer: what is longer is cut off. */
const maxAnswerBytes = 8_192;

/** Who has more to ask at once waits in line. */
const maxConnections = 16;

/** The secret as bytes: `whsec_` and base64 as Standard Webhooks write it, anything else as it stands. */
function secretBytes(secret: string): Buffer {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  return base64 === undefined ? Buffer.from(secret, 'utf8') : Buffer.from(base64, 'base64');
}

/** The value of `webhook-signature` (Standard Webhooks 1.0, symmetric): `v1,` and HMAC-SHA-256 in base64. */
export function webhookSignature(secret: string, id: string, timestampSeconds: number, body: string): string {
  const digest = createHmac('sha256', secretBytes(secret)).update(signedContent(id, timestampSeconds, body));
  return `v1,${digest.digest('base64')}`;
}

export interface SignedPostRequest {
  readonly id: string;
  readonly timestampSeconds: number;
  /** JSON. */
  readonly body: string;
  /** Ends the exchange; its reason becomes the error. */
  readonly signal: AbortSignal;
}

/** Posts signed JSON to one URL: a connection for each request, no redirects followed. */
export class SignedPost {
  /** For logs: without the query, where some put a token. */
  readonly where: string;
  readonly #pool: Promise<Pool>;
  readonly #path: string;
  readonly #secret: string;

  constructor(url: string, secret: string) {
    const { origin, pathname, search } = new URL(url);
    this.where = `${origin}${pathname}`;
    this.#path = `${pathname}${search}`;
    this.#secret = secret;
    this.#pool = openPool(origin);
  }

  /** Rejects with the reason of the signal, or with an `UpstreamError` that names the URL when there is no answer. */
  async send({ id, timestampSeconds, body, signal }: SignedPostRequest): Promise<{ status: number; body: string }> {
    try {
      const pool = await this.#pool;
      signal.throwIfAborted();
      const answer = await pool.request({
        method: 'POST',
        path: this.#path,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'StreamFront',
          'webhook-id': id,
          'webhook-timestamp': String(timestampSeconds),
          'webhook-signature': webhookSignature(this.#secret, id, timestampSeconds, body),
        },
        body,
        signal,
      });
      const pieces: Buffer[] = [];
      let length = 0;
      for await (const piece of answer.body as AsyncIterable<Buffer>) {
        pieces.push(piece);
        length += piece.length;
        if (length >= maxAnswerBytes) break;
      }
      const text = Buffer.concat(pieces).subarray(0, maxAnswerBytes).toString('utf8');
      return { status: answer.statusCode, body: text };
    } catch (cause) {
      signal.throwIfAborted();
      const code = codeOf(cause) ?? 'no code';
      throw new UpstreamError('PUBLISH_HOOK_UNREACHABLE', `${this.where} could not be asked (${code})`, { cause });
    }
  }

  /** What is under way fails. */
  async close(): Promise<void> {
    await (await this.#pool).destroy();
  }
}

/** Loads the HTTP client: it is much code, which an origin without a hook does not need. */
async function openPool(origin: string): Promise<Pool> {
  const { Pool } = await import('undici');
  // No connection is kept: publishers are rare, and one that the server gave up meanwhile would look like a failure.
  return new Pool(origin, { connections: maxConnections, pipelining: 0, maxHeaderSize: 16_384 });
}
