import type { Readable } from 'node:stream';
import { buildConnector, type Dispatcher, Pool } from 'undici';
import { UpstreamError } from '../base/errors.ts';
import { type FieldLines, fieldValue, fieldValues, withoutFields } from '../formats/http-fields/field-lines.ts';
import { refusalField } from '../policy/edge-signature.ts';
import { lendBody, type LentBody, lending } from './lent-reading.ts';
import { type UpstreamPhase, upstreamError, worthAnotherConnection } from './upstream-error.ts';

export interface UpstreamSettings {
  /** Scheme, host and port, and perhaps a path that all requests go below. */
  readonly url: string;
  readonly connectTimeoutMs: number;
  readonly connectAttempts: number;
  /** Silence allowed before the head of the answer and between pieces of its body. */
  readonly responseTimeoutMs: number;
  readonly maxConnections: number;
}

/** For connections over TLS, in PEM: whom to trust, and what to present to who asks for it. */
export interface ClientTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** How an origin server knows who asks. */
export interface UpstreamCredentials {
  /** In lower case: fields that a request has from `fields` alone. */
  readonly ownFields: ReadonlySet<string>;
  /** Fields of a request that goes out now. `target` as it goes on the wire. */
  fields(method: string, target: string): FieldLines;
  /** For each new connection; the same object until it changes. */
  tls(): ClientTls | undefined;
}

export interface UpstreamRequest {
  readonly method: string;
  /** Path and query, as they go on the wire. */
  readonly target: string;
  readonly fields: FieldLines;
  /** Not to be sent a second time, whatever becomes of the first; with its body, if it has one. */
  readonly once?: { readonly body?: Readable };
}

/** Told what comes back, in this order: `onInformation`…, `onHead`, `onData`…, `onEnd`; or `onError` at any point, and then nothing. */
export interface UpstreamHandler {
  /** An interim answer, 102 to 199 (RFC 9110 §15.2). */
  onInformation?(status: number, fields: FieldLines): void;
  onHead(status: number, fields: FieldLines): void;
  /** The bytes are good until it returns: what is kept of them is copied. */
  onData(bytes: Buffer): void;
  /** The body is complete: its announced length was met, or its last chunk came. */
  onEnd(): void;
  onError(error: UpstreamError): void;
}

/** A request on its way. */
export interface UpstreamExchange {
  /** Back-pressure: the origin is not read any more; what is on its way comes still. */
  pause(): void;
  resume(): void;
  /** Nobody wants it any more: the connection is given up, the handler hears nothing more. */
  abort(): void;
}

/** The connections to one origin server. Redirects are not followed, nothing is decoded, cookies are not known. */
export class Upstream {
  readonly #pool: Pool;
  readonly #settings: UpstreamSettings;
  readonly #basePath: string;
  readonly #queueTimeoutMs: number;
  readonly #credentials: UpstreamCredentials | undefined;

  constructor(settings: UpstreamSettings, credentials?: UpstreamCredentials) {
    const url = new URL(settings.url);
    this.#settings = settings;
    this.#credentials = credentials;
    this.#basePath = url.pathname.replace(/\/$/, '');
    this.#queueTimeoutMs = settings.connectTimeoutMs * settings.connectAttempts + settings.responseTimeoutMs;
    this.#pool = new Pool(url.origin, {
      connections: settings.maxConnections,
      connect: lending(connector(settings.connectTimeoutMs, credentials)),
      headersTimeout: settings.responseTimeoutMs,
      bodyTimeout: settings.responseTimeoutMs,
      maxHeaderSize: 65_536,
      pipelining: 1,
    });
  }

  fetch(request: UpstreamRequest, handler: UpstreamHandler): UpstreamExchange {
    return new Exchange(
      this.#pool,
      this.#settings,
      this.#queueTimeoutMs,
      onTheWire(request, this.#basePath, this.#credentials),
      request.once === undefined ? this.#settings.connectAttempts : 1,
      handler,
    );
  }

  /** Requests that are running fail. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

function connector(timeout: number, credentials: UpstreamCredentials | undefined): buildConnector.connector {
  const build = (tls: ClientTls | undefined) => buildConnector({ timeout, allowH2: false, ...tls });
  let known = credentials?.tls();
  let connect = build(known);
  return (options, callback) => {
    const tls = credentials?.tls();
    if (tls !== known) {
      known = tls;
      connect = build(tls);
    }
    connect(options, callback);
  };
}

/**
 * A request as it is sent. Where the origin server wants to know who asks, the fields are made when the request leaves:
 * it may have waited for a connection before, and may go over another one again.
 */
function onTheWire(
  { method, target, fields, once }: UpstreamRequest,
  basePath: string,
  credentials: UpstreamCredentials | undefined,
): Dispatcher.DispatchOptions {
  const path = basePath + target;
  const body = once?.body ?? null;
  if (credentials === undefined) return { method, path, headers: [...fields], body };
  const others = withoutFields(fields, credentials.ownFields);
  return {
    method,
    path,
    get headers() {
      return [...others, ...credentials.fields(method, path)];
    },
    body,
  };
}

/** So many 1xx may come before the answer. */
const maxInterimAnswers = 100;

/** One request, over as many connections as it may try. */
class Exchange implements UpstreamExchange {
  readonly #pool: Pool;
  readonly #settings: UpstreamSettings;
  readonly #queueTimeoutMs: number;
  readonly #request: Dispatcher.DispatchOptions;
  readonly #handler: UpstreamHandler;
  readonly #maxAttempts: number;
  #queueTimer: NodeJS.Timeout | undefined;
  #attempt = 0;
  #interimAnswers = 0;
  #phase: UpstreamPhase = 'connecting';
  #controller: Dispatcher.DispatchController | undefined;
  #lent: LentBody | undefined;
  #done = false;

  constructor(
    pool: Pool,
    settings: UpstreamSettings,
    queueTimeoutMs: number,
    request: Dispatcher.DispatchOptions,
    maxAttempts: number,
    handler: UpstreamHandler,
  ) {
    this.#pool = pool;
    this.#settings = settings;
    this.#queueTimeoutMs = queueTimeoutMs;
    this.#handler = handler;
    this.#request = request;
    this.#maxAttempts = maxAttempts;
    this.#dispatch();
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#done) return;
    this.#finish();
    this.#controller?.abort(new Error('nobody waits for the answer any more'));
  }

  #finish(): void {
    this.#done = true;
    this.#lent?.end();
    clearTimeout(this.#queueTimer);
  }

  #fail(error: UpstreamError): void {
    if (this.#done) return;
    this.#finish();
    this.#controller?.abort(error);
    this.#handler.onError(error);
  }

  #dispatch(): void {
    const { maxConnections, url } = this.#settings;
    this.#attempt++;
    this.#phase = 'connecting';
    // The pool's queue has no deadline of its own: all connections may be busy for long.
    this.#queueTimer = setTimeout(() => {
      this.#fail(new UpstreamError('ORIGIN_BUSY', `all ${maxConnections} connections to ${url} are busy`));
    }, this.#queueTimeoutMs);
    this.#pool.dispatch(this.#request, {
      onRequestStart: (controller) => {
        this.#controller = controller;
        // Given up while it stood in the queue, from where it cannot be taken.
        if (this.#done) controller.abort(new Error('nobody waits for the answer any more'));
        this.#phase = 'waiting';
        clearTimeout(this.#queueTimer);
      },
      onResponseStart: (controller, status) => {
        if (this.#done) return;
        const fields = fieldLines(controller.rawHeaders);
        if (status < 200) {
          // Each of them begins the wait for the answer anew.
          if (++this.#interimAnswers > maxInterimAnswers) {
            this.#fail(new UpstreamError('ORIGIN_INVALID', `${this.#settings.url} sends interim answers without end`));
          } else {
            this.#handler.onInformation?.(status, fields);
          }
          return;
        }
        this.#phase = 'body';
        // RFC 9112 §6.3: such a message is to be handled as an error, since it may be an attempt at response splitting.
        if (fieldValues(fields, 'transfer-encoding').length > 0 && fieldValues(fields, 'content-length').length > 0) {
          this.#fail(new UpstreamError('ORIGIN_INVALID', `${this.#settings.url} gives its body two lengths`));
          return;
        }
        const refusal = status === 403 ? fieldValue(fields, refusalField.toLowerCase()) : undefined;
        if (refusal !== undefined) {
          // It is nothing that a viewer could do anything about.
          const said = `the origin server ${this.#settings.url} refuses this edge: ${refusal.slice(0, 256)}`;
          this.#fail(new UpstreamError('ORIGIN_REFUSES_EDGE', said));
          return;
        }
        if (fieldValues(fields, 'content-length').length > 0) this.#lent = lendBody();
        this.#handler.onHead(status, fields);
      },
      onResponseData: (_controller, bytes) => {
        if (!this.#done) this.#handler.onData(bytes);
      },
      onResponseEnd: () => {
        if (this.#done) return;
        this.#finish();
        this.#handler.onEnd();
      },
      onResponseError: (_controller, error) => this.#onError(error),
    });
  }

  #onError(cause: Error): void {
    if (this.#done) return;
    clearTimeout(this.#queueTimer);
    const error = upstreamError(cause, this.#phase, this.#settings.url);
    if (this.#phase !== 'body' && worthAnotherConnection(error) && this.#attempt < this.#maxAttempts) {
      this.#controller = undefined;
      this.#dispatch();
      return;
    }
    this.#fail(error);
  }
}

/** undici gives names and values as bytes, alternating. */
function fieldLines(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((text) => (typeof text === 'string' ? text : text.toString('latin1')));
}
