import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ConfigError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Guest } from '../policy/limits/viewings.ts';
import { listenAt, listenFinding } from '../sockets/listening.ts';
import type { TrustedProxies } from '../sockets/proxy-reception.ts';
import { directAddress, proxiedAddress } from '../sockets/remote-end.ts';
import type { ServerTls } from '../sockets/server-tls.ts';
import { answerBrokenRequest } from './broken-request.ts';
import { HttpLane } from './http-lane.ts';
import {
  defaultDeadlines,
  type HttpDeadlines,
  hasLongTarget,
  maxHeadBytes,
  maxTargetBytes,
  sweepIntervalMs,
} from './listener-bounds.ts';
import type { QuickResponder } from './quick-connection.ts';
import { takeProxied } from './proxied-listener.ts';
import { takeQuickPath } from './quick-path.ts';

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
  /** Whether the handler answers targets longer than `maxTargetBytes` too; without it they are answered 414. */
  readonly answersLongTargets?: boolean;
  /** Who takes connections that change over to another protocol; without it such a request is like any other. */
  readonly upgrade?: HttpUpgrade;
  /** Who answers plain GETs at once; without it every request goes the whole way. */
  readonly quick?: QuickResponder;
  /** Who may come for others; if left out, nobody. */
  readonly proxies?: TrustedProxies;
  /** With it the listener speaks HTTPS: TLS 1.2 and 1.3, `http/1.1` by ALPN. */
  readonly tls?: ServerTls;
  readonly deadlines?: HttpDeadlines;
  /** Asked for each connection, by its address: whether it may stay; what it returns is called when it has gone. */
  readonly admitConnection?: (address: string) => (() => void) | undefined;
  /** Why it cannot serve now, in one sentence; `undefined` when it can. */
  readonly health?: () => string | undefined;
  readonly log: Log;
}

export interface HttpListener {
  readonly port: number;
  readonly address: string;
  /** Breaks off the answers on the fast path that are for whom `isOver` says. Returns how many. */
  endAnswersOf(isOver: (guest: Guest) => boolean): number;
  /**
   * Stops accepting, closes idle connections at once and running ones when they are done, or after `graceMs` all the
   * same. Resolves when the last connection is gone.
   */
  close(graceMs: number): Promise<void>;
}

/** Opens an HTTP/1.1 listener with the bounds of this house. Throws a `ConfigError` when the port cannot be had. */
export async function startHttpListener(options: HttpListenerOptions): Promise<HttpListener> {
  const { log, name, tls, deadlines = defaultDeadlines } = options;
  const state: ListenerState = { closing: false, tcpConnections: new Set() };
  const server = createBoundedServer(options, deadlines, state);
  // `100 Continue` is for whoever reads the body to say: a refusal comes before it (RFC 9110 §10.1.1).
  server.on('checkContinue', (request, response) => handleRequest(options, state, request, response));
  server.on('upgrade', (request, socket, head) => options.upgrade?.upgrade(request, socket, head));
  server.timeout = deadlines.silenceMs;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerBrokenRequest(error, socket));
  const quickPath = options.quick && takeQuickPath(server, options.quick, { deadlines, secure: tls !== undefined });
  // What is added last sees a connection first.
  const { proxies } = options;
  guardConnections(server, options, (socket) => proxiedAddress(socket, proxies));
  const proxied = proxies && takeProxied(server, proxies, { deadlineMs: deadlines.headMs, secure: tls !== undefined });
  guardConnections(server, options, (socket) => directAddress(socket, proxies));
  try {
    await listenAt(server, options);
  } catch (error) {
    quickPath?.close();
    throw new ConfigError(`the ${name} cannot listen for HTTP`, [listenFinding(error, options, options.setting)]);
  }
  server.on('error', (error) => log.error({ err: error, listener: name }, 'HTTP listener failed'));

  const { address, port } = server.address() as AddressInfo;
  log.info({ setting: options.setting, host: address, port }, `listening for ${tls === undefined ? 'HTTP' : 'HTTPS'}`);
  return {
    port,
    address,
    endAnswersOf: (isOver) => quickPath?.endAnswersOf(isOver) ?? 0,
    close: (graceMs) => {
      state.closing = true;
      proxied?.destroyWaiting();
      return closeServer(server, graceMs, {
        whenIdle: () => {
          server.closeIdleConnections();
          quickPath?.closeWhenIdle();
        },
        all: () => {
          server.closeAllConnections();
          quickPath?.destroyAll();
          for (const socket of state.tcpConnections) socket.destroy();
        },
      }).finally(() => quickPath?.close());
    },
  };
}

/** Nobody else gets to see a connection that may not stay. `addressOf`: `undefined` for one that is not counted here. */
function guardConnections(
  server: Server,
  { admitConnection: admit }: HttpListenerOptions,
  addressOf: (socket: Socket) => string | undefined,
): void {
  if (admit === undefined) return;
  const taking = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const address = addressOf(socket);
    const left = address === undefined ? nobodyLeft : admit(address);
    if (left === undefined) {
      socket.destroy();
      return;
    }
    if (left !== nobodyLeft) socket.once('close', left);
    for (const take of taking) take.call(server, socket);
  });
}

function nobodyLeft(): void {
  // Was not counted.
}

interface ListenerState {
  closing: boolean;
  /** Below TLS: of a connection whose handshake does not end nobody else knows. */
  readonly tcpConnections: Set<Socket>;
}

function createBoundedServer(options: HttpListenerOptions, deadlines: HttpDeadlines, state: ListenerState): Server {
  const bounds: ServerOptions = {
    maxHeaderSize: maxHeadBytes,
    headersTimeout: deadlines.headMs,
    requestTimeout: deadlines.requestMs,
    keepAliveTimeout: deadlines.keepAliveMs,
    // How often these are looked at; the default of 30 s would make 10 s mean up to 40.
    connectionsCheckingInterval: sweepIntervalMs(deadlines),
    noDelay: true,
    requireHostHeader: true,
    insecureHTTPParser: false,
    shouldUpgradeCallback: (request) =>
      !state.closing && refusalOf(request, false) === undefined && options.upgrade?.wants(request) === true,
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
    handleRequest(options, state, request, response);
  const { tls } = options;
  if (tls === undefined) return createServer(bounds, onRequest);
  const server = createSecureServer(
    // As the plain one: who asks for nothing more still gets what is on its way.
    { ...bounds, ...tls.credentials, handshakeTimeout: deadlines.headMs, allowHalfOpen: true },
    onRequest,
  );
  server.on('connection', (socket) => {
    state.tcpConnections.add(socket);
    socket.once('close', () => state.tcpConnections.delete(socket));
  });
  const stopFollowing = tls.onChange((credentials) => server.setSecureContext(credentials));
  server.on('close', stopFollowing);
  return server;
}

function handleRequest(
  options: HttpListenerOptions,
  { closing }: ListenerState,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  response.on('error', ignoreError);
  const connection: Duplex = request.socket;
  if (connection instanceof HttpLane) response.once('close', () => connection.answered());
  if (closing) response.shouldKeepAlive = false;
  const refusal = refusalOf(request, options.answersLongTargets === true);
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
    if (running !== undefined) {
      running.catch((error: unknown) => failRequest(options.log, request, response, error));
    }
  } catch (error) {
    failRequest(options.log, request, response, error);
  }
}

function ignoreError(): void {
  // A write to a viewer that has gone. The response's `close` event tells whoever needs to know.
}

/** What is wrong with a request that the parser lets through. */
function refusalOf(
  request: IncomingMessage,
  longTargetsPass: boolean,
): { status: number; sentence: string } | undefined {
  if (!longTargetsPass && hasLongTarget(request)) {
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

function closeServer(server: Server, graceMs: number, end: { whenIdle(): void; all(): void }): Promise<void> {
  return new Promise((resolve) => {
    // A connection that was busy becomes idle only when its answer has been sent: looked at again and again.
    const idleSweep = setInterval(() => end.whenIdle(), 50);
    const deadline = setTimeout(() => end.all(), graceMs);
    server.close(() => {
      clearInterval(idleSweep);
      clearTimeout(deadline);
      resolve();
    });
    end.whenIdle();
  });
}
