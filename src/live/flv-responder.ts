import { percentDecoded } from '../base/percent-decoding.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../base/clock.ts';
import { AccessError, LimitError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { anySiteFields, preflightFields } from '../formats/http-fields/cors.ts';
import { parseRequestTarget } from '../policy/request-target.ts';
import type { FanOut } from './fan-out.ts';
import { type FlvConnection, HttpFlvConnection, WebSocketFlvConnection } from './flv-connection.ts';
import { FlvSession } from './flv-session.ts';
import { RefusalLog } from './refusal-log.ts';
import type { LiveAdmission, PlayGate, PlayRefused, PlayRequest } from './play-gate.ts';
import { WebSocketPing } from './web-socket-ping.ts';
export interface FlvResponderOptions {
  readonly gate: PlayGate;
  readonly fanOut: FanOut;
  /** Whether streams of this application are given as FLV on this host: what is below other paths is somebody else's. */
  readonly hasApplication: (tcUrl: string | undefined, app: string) => boolean;
  /** Who asks; if left out, who is at the other end of the connection. */
  readonly viewerOf?: (request: IncomingMessage) => Viewer;
  /** Of every answer, beside those that say who may read it. */
  readonly fields?: readonly (readonly [name: string, value: string])[];
  readonly clock: Clock;
  readonly log: Log;
}

interface Viewer {
  readonly address: string | undefined;
  readonly port: number | undefined;
}

/** How long the gate has for its answer. */
const admissionTimeoutMs = 15_000;

/** Players have nothing to say. */
const maxMessageBytes = 1_024;

const statuses = {
  'NetStream.Play.StreamNotFound': 404,
  'NetStream.Play.Failed': 503,
  'NetStream.Play.Unauthorized': 403,
} as const;

const reasonPhrases: Readonly<Record<number, string>> = {
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
};

/** `GET /live/NAME.flv`: live streams as FLV over HTTP, and over WebSocket on the same paths. */
export class FlvResponder {
  readonly #options: FlvResponderOptions;
  readonly #sessions = new Set<FlvSession>();
  readonly #refusals: RefusalLog;
  readonly #webSocketServer = new WebSocketServer({
    noServer: true,
    // Video does not become smaller.
    perMessageDeflate: false,
    clientTracking: false,
    maxPayload: maxMessageBytes,
  });

  constructor(options: FlvResponderOptions) {
    this.#options = options;
    this.#refusals = new RefusalLog(options);
  }

  /** Whether the request is for a live stream as FLV. WebSocket is the one protocol to change over to there. */
  wants(request: IncomingMessage): boolean {
    const { upgrade } = request.headers;
    if (upgrade !== undefined && upgrade.toLowerCase() !== 'websocket') return false;
    return this.#target(request) !== undefined;
  }

  /** Answers a request that it `wants`. What it rejects with is a bug of ours. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method } = request;
    if (method === 'OPTIONS') {
      response.writeHead(204, this.#fields([...preflightFields, ['Allow', 'GET, HEAD, OPTIONS']])).end();
      return;
    }
    if (method !== 'GET' && method !== 'HEAD') {
      this.#refuse(request, response, 405, 'only GET, HEAD and OPTIONS are understood here', [
        ['Allow', 'GET, HEAD, OPTIONS'],
      ]);
      return;
    }
    const left = new AbortController();
    response.once('close', () => left.abort(playerLeft()));
    const asked = this.#playRequest(request, 'http-flv');
    const admission = await this.#admit(asked, left);
    if (left.signal.aborted && response.destroyed) {
      if (admission?.kind === 'live') admission.release();
      return;
    }
    if (admission === undefined || admission.kind === 'refused') {
      const { status, sentence, retryAfterSeconds } = refusalOf(admission);
      const fields = retryAfterSeconds === undefined ? [] : [['Retry-After', String(retryAfterSeconds)] as const];
      this.#refuse(request, response, status, sentence, fields);
      return;
    }
    const { socket } = response;
    // Up to the end of the connection: every player reads it so, and each gets the same bytes.
    response.shouldKeepAlive = false;
    response.removeHeader('Transfer-Encoding');
    response.writeHead(
      200,
      this.#fields([
        ['Content-Type', 'video/x-flv'],
        ['Cache-Control', 'no-store'],
        ['X-Content-Type-Options', 'nosniff'],
      ]),
    );
    if (method === 'HEAD' || socket === null) {
      admission.release();
      response.end();
      return;
    }
    // Has its own bounds: a player may wait for its publisher, and is ended when it takes nothing.
    socket.setTimeout(0);
    const connection = new HttpFlvConnection(response, socket);
    connection.together(() => {
      response.flushHeaders();
      const session = this.#begin(asked, admission, connection);
      response.once('close', () => session.connectionClosed());
    });
  }

  /** Answers a request that it `wants` and that asks for WebSocket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // The listener's deadline for silence was for HTTP.
    if (socket instanceof Socket) socket.setTimeout(0);
    socket.on('error', () => {});
    this.#upgrade(request, socket, head).catch((error: unknown) => {
      this.#options.log.error({ err: error, url: request.url }, 'request failed');
      socket.destroy();
    });
  }

  /** Ends all players. */
  close(): void {
    for (const session of this.#sessions) session.close();
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const left = new AbortController();
    const leave = (): void => left.abort(playerLeft());
    socket.once('close', leave);
    const asked = this.#playRequest(request, 'ws-flv');
    const admission = await this.#admit(asked, left);
    if (socket.destroyed) {
      if (admission?.kind === 'live') admission.release();
      return;
    }
    if (admission === undefined || admission.kind === 'refused') {
      const { status, sentence, retryAfterSeconds } = refusalOf(admission);
      const retryAfter = retryAfterSeconds === undefined ? '' : `Retry-After: ${retryAfterSeconds}\r\n`;
      const body = `${sentence}\n`;
      socket.end(
        `HTTP/1.1 ${status} ${reasonPhrases[status] ?? ''}\r\nConnection: close\r\nCache-Control: no-store\r\n${retryAfter}` +
          `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
        () => socket.destroy(),
      );
      return;
    }
    let upgraded = false;
    const release = (): void => {
      if (!upgraded) admission.release();
    };
    // A handshake that is none is answered by the package, and the socket closed.
    socket.once('close', release);
    this.#webSocketServer.handleUpgrade(request, socket, head, (webSocket) => {
      upgraded = true;
      this.#beginWebSocket(asked, admission, webSocket, socket);
    });
  }

  #beginWebSocket(asked: PlayRequest, admission: LiveAdmission, webSocket: WebSocket, socket: Duplex): void {
    // Such as a message that is too long: the connection is closed by the package.
    webSocket.on('error', () => {});
    const session = this.#begin(asked, admission, new WebSocketFlvConnection(webSocket, socket));
    const ping = new WebSocketPing(webSocket, this.#options.clock);
    webSocket.once('close', () => {
      ping.stop();
      session.connectionClosed();
    });
  }

  #begin(request: PlayRequest, admitted: LiveAdmission, connection: FlvConnection): FlvSession {
    const { fanOut, clock, log } = this.#options;
    const session: FlvSession = new FlvSession({
      request,
      admitted,
      connection,
      fanOut,
      clock,
      log: log.child({ peer: `${request.peerAddress}:${request.peerPort}` }),
      onClosed: () => this.#sessions.delete(session),
    });
    this.#sessions.add(session);
    return session;
  }

  /** `undefined`: no answer in time, or nobody waits for it any more. */
  async #admit(request: PlayRequest, left: AbortController): Promise<LiveAdmission | PlayRefused | undefined> {
    const { gate, clock } = this.#options;
    const timer = clock.after(admissionTimeoutMs, () => {
      left.abort(
        new LimitError('FLV_ADMISSION_TIMEOUT', 'milliseconds without an answer whether this may be played', {
          limit: admissionTimeoutMs,
          value: admissionTimeoutMs,
        }),
      );
    });
    const peer = `${request.peerAddress}:${request.peerPort}`;
    try {
      const admission = await gate.admit(request, left.signal);
      if (admission.kind === 'refused') {
        const { code, sentence } = admission;
        this.#refusals.warn(code, { peer, protocol: request.protocol }, `${code}: ${sentence}`);
        return admission;
      }
      if (admission.kind === 'live' && !admission.stream.ended) return admission;
      admission.release();
      return undefined;
    } catch (error) {
      if (!left.signal.aborted) throw error;
      if (error instanceof LimitError) this.#refusals.warn(error.code, { peer }, error.message);
      return undefined;
    } finally {
      timer.cancel();
    }
  }

  #playRequest(request: IncomingMessage, protocol: 'http-flv' | 'ws-flv'): PlayRequest {
    const { app, tcUrl, streamName } = this.#target(request) ?? { app: '', tcUrl: undefined, streamName: '' };
    const { headers } = request;
    const { address = '', port = 0 } = (this.#options.viewerOf ?? connectedViewer)(request);
    return {
      app,
      tcUrl,
      streamName,
      peerAddress: address,
      peerPort: port,
      protocol,
      web: request,
      clientName: headers['user-agent']?.slice(0, 256),
    };
  }

  /** `/live/stage.flv?key=x` → the application `live` and the stream name `stage?key=x`. */
  #target({ url = '', headers }: IncomingMessage): Pick<PlayRequest, 'app' | 'tcUrl' | 'streamName'> | undefined {
    // Every request comes by here: most say at a glance that they want something else.
    if (!url.includes('.flv') && !url.includes('%')) return undefined;
    const target = parseRequestTarget(url);
    if (target.kind !== 'resource' || !target.path.endsWith('.flv')) return undefined;
    const { path, query } = target;
    const nameAt = path.lastIndexOf('/') + 1;
    const app = path.slice(1, Math.max(1, nameAt - 1));
    // The host decides which distribution it is.
    const tcUrl = headers.host === undefined ? undefined : `rtmp://${headers.host}/${app}`;
    if (!this.#options.hasApplication(tcUrl, app)) return undefined;
    const name = percentDecoded(path.slice(nameAt, -'.flv'.length));
    if (name === undefined) return undefined;
    return { app, tcUrl, streamName: query === '' ? name : `${name}?${query}` };
  }

  #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    sentence: string,
    fields: readonly (readonly [string, string])[],
  ): void {
    const body = `${sentence}\n`;
    response.writeHead(
      status,
      this.#fields([
        ['Content-Type', 'text/plain; charset=utf-8'],
        ['Content-Length', String(Buffer.byteLength(body))],
        ['Cache-Control', 'no-store'],
        ...fields,
      ]),
    );
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  #fields(fields: readonly (readonly [string, string])[]): string[] {
    return [...anySiteFields, ...(this.#options.fields ?? []), ...fields].flat();
  }
}

function refusalOf(refused: PlayRefused | undefined): {
  readonly status: number;
  readonly sentence: string;
  readonly retryAfterSeconds: number | undefined;
} {
  if (refused === undefined) return { status: 503, sentence: 'the stream cannot be had now', retryAfterSeconds: 1 };
  const { retryAfterSeconds, sentence, statusCode } = refused;
  if (retryAfterSeconds !== undefined) return { status: 429, sentence, retryAfterSeconds };
  const status = statuses[statusCode];
  return { status, sentence, retryAfterSeconds: status === 503 ? 1 : undefined };
}

function playerLeft(): AccessError {
  return new AccessError('FLV_PLAYER_LEFT', 'the player left before it was admitted');
}

function connectedViewer({ socket }: IncomingMessage): Viewer {
  return { address: socket.remoteAddress, port: socket.remotePort };
}
