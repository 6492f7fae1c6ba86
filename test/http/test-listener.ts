import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { QuickHead } from '../../src/http/answer-images.ts';
import { type HttpListener, type HttpListenerOptions, startHttpListener } from '../../src/http/listener.ts';
import type { PlainGet } from '../../src/http/plain-get.ts';
import type { QuickResponder } from '../../src/http/quick-connection.ts';
import { LogRecorder } from '../support/log-recorder.ts';

export interface TestListener extends HttpListener {
  /** Targets that came to the handler, the slow way. */
  readonly handled: string[];
  /** Targets that were answered at once. */
  readonly quick: string[];
  /** Of these, what the viewer did not take to the end. */
  readonly brokenOff: string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** What `/quick…` is answered with at once: the target, and as many bytes as it says at its end. */
function quickBody(target: string): Buffer {
  const bytes = Number(/\d+$/.exec(target)?.[0] ?? 0);
  return bytes === 0 ? Buffer.from(`quick ${target}`) : Buffer.alloc(bytes, 'q');
}

/** A listener on the fast path, where `/quick…` is answered at once and all else by the handler. */
export async function startTestListener(options: Partial<HttpListenerOptions> = {}): Promise<TestListener> {
  const handled: string[] = [];
  const quick: string[] = [];
  const brokenOff: string[] = [];
  const responder: QuickResponder = {
    answer: ({ target }: PlainGet) => {
      if (target.startsWith('/gone')) return 'for-good';
      if (!target.startsWith('/quick')) return 'whole-way';
      quick.push(target);
      const body = quickBody(target);
      return {
        head: new QuickHead(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nX-Request-Id: `),
        requestId: `r${quick.length}`,
        body: body.length < 4_096 ? body.toString('latin1') : body,
        ended: (whole) => {
          if (!whole) brokenOff.push(target);
        },
      };
    },
  };
  const listener = await startHttpListener({
    name: 'edge',
    host: '127.0.0.1',
    port: 0,
    setting: 'edge.http.port',
    handler: (request, response) => {
      handled.push(request.url ?? '');
      const body = `slow ${request.url}`;
      response.writeHead(200, ['Content-Length', String(body.length)]);
      response.end(body);
    },
    quick: responder,
    log: new LogRecorder(),
    ...options,
  });
  return { ...listener, handled, quick, brokenOff, [Symbol.asyncDispose]: () => listener.close(0) };
}

/** A connection that keeps all that comes. */
export interface RawClient {
  readonly socket: Socket;
  readonly text: () => string;
  /** Resolves with all that came, when the other side has closed. */
  readonly closed: () => Promise<string>;
}

export function rawClient(port: number): RawClient {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1');
  let text = '';
  socket.on('data', (piece: string) => {
    text += piece;
  });
  socket.on('error', () => undefined);
  const closing = once(socket, 'close');
  return { socket, text: () => text, closed: async () => closing.then(() => text) };
}

/** Sends the bytes as they are and gives all that comes back until the server closes. */
export function exchange(port: number, bytes: string): Promise<string> {
  const client = rawClient(port);
  client.socket.write(bytes, 'latin1');
  return client.closed();
}
