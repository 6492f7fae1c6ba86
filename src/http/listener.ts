import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { ConfigError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

/** Bytes of a request target; a longer one is answered 414 (CloudFront's bound). */
const maxTargetBytes = 8_192;
/** Bytes of request line and fields together; more is answered 431 (CloudFront's bound). */
const maxHeadBytes = 20_480;
/** A request head must be there this long after its first byte, else 408. */
const headTimeoutMs = 10_000;
/** A request body must be there this long after the request began, else 408. */
const requestTimeoutMs = 300_000;
/** How long a connection may stay without a request. */
const keepAliveMs = 65_000;
/** A connection on which not a byte moves for this long is closed: the peer reads nothing, or is gone. */
const silenceMs = 120_000;

/** Takes connections over whose client asks for another protocol (RFC 9110 §7.8). */
export interface HttpUpgrade {
  /** Whether this request shall be taken over; it is answered as any other if not. */
  wants(request: IncomingMessage): boolean;
  /** The connection is no concern of the listener any more. `head`: what came after the request. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface HttpListenerOptions {
  /** Whose listener this is, in logs and errors: `edge`, `origin`. */
  readonly name: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** The setting that says the port, such as `edge.http.port`: named when the port cannot be had. */
  readonly setting: string;
  /** Called for every request but `/healthz`. What it throws or rejects with becomes a 500 for that request. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
  /** Who takes connections that change over to another protocol; without it such a request is like any other. */
  readonly upgrade?: HttpUpgrade;
  /** Why it cannot serve now, in one sentence; `undefined` when it can. */
  readonly health?: () => string | undefined;
  readonly log: Log;
}

export interface HttpListener {
  readonly port: number;
  readonly address: string;
  /**
   * Stops accepting, closes idle connections at once and running ones when they are done, or after `graceMs` all the
   * same. Resolves when the last connection is gone.
   */
  close(graceMs: number): Promise<void>;
}

/** Opens an HTTP/1.1 listener with the bounds of this house. Throws a `ConfigError` when the port cannot be had. */
export async function startHttpListener(options: HttpListenerOptions): Promise<HttpListener> {
  const { log, name } = options;
  let closing = false;

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    response.on('error', ignoreError);
    if (closing) response.shouldKeepAlive = false;
    const refusal = refusalOf(request);
    if (refusal !== undefined) {
      answerPlainly(response, refusal.status, refusal.sentence, true);
      return;
    }
    if (request.url === '/healthz') {
      const sentence = closing ? 'shutting down' : options.health?.();
      answerPlainly(response, sentence === undefined ? 200 : 503, sentence ?? 'ok', false);
      return;
    }
    try {
      const running = options.handler(request, response);
      if (running !== undefined) running.catch((error: unknown) => failRequest(log, request, response, error));
    } catch (error) {
      failRequest(log, request, response, error);
    }
  };

  const server = createServer(
    {
      maxHeaderSize: maxHeadBytes,
      headersTimeout: headTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveMs,
      // How often the two timeouts above are looked at; the default of 30 s would make 10 s mean up to 40.
      connectionsCheckingInterval: 2_000,
      noDelay: true,
      requireHostHeader: true,
      insecureHTTPParser: false,
      shouldUpgradeCallback: (request) =>
        !closing && refusalOf(request) === undefined && options.upgrade?.wants(request) === true,
    },
    answer,
  );
  // `100 Continue` is for whoever reads the body to say: a refusal comes before it (RFC 9110 §10.1.1).
  server.on('checkContinue', answer);
  server.on('upgrade', (request, socket, head) => options.upgrade?.upgrade(request, socket, head));
  server.timeout = silenceMs;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerBrokenRequest(error, socket));
  await listen(server, options);
  server.on('error', (error) => log.error({ err: error, listener: name }, 'HTTP listener failed'));

  const { address, port } = server.address() as AddressInfo;
  log.info({ setting: options.setting, host: address, port }, 'listening for HTTP');
  return {
    port,
    address,
    close: (graceMs) => {
      closing = true;
      return closeServer(server, graceMs);
    },
  };
}

function ignoreError(): void {
  // A write to a viewer that has gone. The response's `close` event tells whoever needs to know.
}

/** What is wrong with a request that the parser lets through. */
function refusalOf(request: IncomingMessage): { status: number; sentence: string } | undefined {
  if ((request.url?.length ?? 0) > maxTargetBytes) {
    return { status: 414, sentence: `the URL is longer than ${maxTargetBytes} bytes` };
  }
  // RFC 9112 §3.2: more than one Host field is answered 400. Node keeps the first and says nothing.
  const { rawHeaders } = request;
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const fieldName = rawHeaders[i];
    if (fieldName?.length === 4 && fieldName.toLowerCase() === 'host') hosts++;
  }
  return hosts > 1 ? { status: 400, sentence: 'more than one Host field' } : undefined;
}

function answerPlainly(response: ServerResponse, status: number, sentence: string, close: boolean): void {
  const body = `${sentence}\n`;
  if (close) response.shouldKeepAlive = false;
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(body);
}

/** A bug of ours met one request: that one gets a 500, the process goes on. */
function failRequest(log: Log, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  log.error({ err: error, method: request.method, url: request.url }, 'request failed');
  if (response.headersSent) response.destroy();
  else answerPlainly(response, 500, 'internal error', true);
}

/** The parser gave up on a connection: it is told why, unless an answer is on its way on it, and closed. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Node's own mark of the answer that a connection is busy with: a status line must not land in its body.
  const { _httpMessage: current } = socket as { _httpMessage?: { headersSent: boolean } | null };
  if (error.code === 'ECONNRESET' || !socket.writable || current?.headersSent === true) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  const body = `${status.slice(4).toLowerCase()}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nCache-Control: no-store\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

async function listen(server: Server, { name, host, port, setting }: HttpListenerOptions): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(`the ${name} cannot listen for HTTP`, [listenFinding(code, host, port, setting)]);
  }
}

function listenFinding(code: string | undefined, host: string, port: number, setting: string): string {
  const hostSetting = setting.replace(/port$/, 'host');
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use: choose another with ${setting} (0 takes any free one)`;
    case 'EACCES':
      return `port ${port} on ${host} is not allowed for this user: choose one above 1023 with ${setting}`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `this machine has no address ${host}: change ${hostSetting}`;
    default:
      return `port ${port} on ${host} cannot be had (${code ?? 'unknown error'}): see ${setting} and ${hostSetting}`;
  }
}

function closeServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    // A connection that was busy becomes idle only when its answer has been sent: looked at again and again.
    const idleSweep = setInterval(() => server.closeIdleConnections(), 50);
    const deadline = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearInterval(idleSweep);
      clearTimeout(deadline);
      resolve();
    });
    server.closeIdleConnections();
  });
}
