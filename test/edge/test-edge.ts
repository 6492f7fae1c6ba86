import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type RequestListener,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { z } from 'zod';
import type { Clock } from '../../src/base/clock.ts';
import { type Edge, startEdge } from '../../src/edge/edge.ts';
import { edgeSchema } from '../../src/edge/settings.ts';
import { freePort } from '../support/free-port.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

type EdgeInput = NonNullable<z.input<typeof edgeSchema>>;
type BehaviourInput = NonNullable<EdgeInput['distributions']>[number]['behaviours'][number];
type RequestFields = Record<string, string | string[]>;

/** An origin that does what a test says, and remembers what it was asked. */
export interface TestOrigin {
  readonly port: number;
  readonly url: string;
  /** Every request, in order. */
  readonly requests: { readonly url: string; readonly method: string; readonly headers: IncomingHttpHeaders }[];
  answer: (...message: Parameters<RequestListener>) => void | Promise<void>;
  /** Nothing listens any more and every connection is cut. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** On a port that stays its own when it stops: until another is started there, nothing listens. */
export async function startTestOrigin(answer: TestOrigin['answer'], port?: number): Promise<TestOrigin> {
  const server = createServer((request, response) => {
    // The real date would mean nothing to an edge whose clock stands still: it adds its own.
    response.sendDate = false;
    origin.requests.push({ url: request.url ?? '', method: request.method ?? '', headers: request.headers });
    void origin.answer(request, response);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(port ?? (await freePort()), '127.0.0.1');
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  const listening = (server.address() as AddressInfo).port;
  const origin: TestOrigin = {
    port: listening,
    url: `http://127.0.0.1:${listening}`,
    requests: [],
    answer,
    stop,
    [Symbol.asyncDispose]: stop,
  };
  return origin;
}

export interface TestEdge extends Edge {
  readonly clock: VirtualClock;
  readonly log: LogRecorder;
  [Symbol.asyncDispose](): Promise<void>;
}

/** An edge with one distribution of one behaviour, whose clock stands still. */
export async function startTestEdge(
  originUrl: string,
  behaviour: BehaviourInput = {},
  rest: EdgeInput = {},
  { clock = new VirtualClock(), dataFolder }: { clock?: VirtualClock; dataFolder?: string } = {},
): Promise<TestEdge> {
  const settings = edgeSchema.parse({
    http: { port: 0 },
    rtmp: { port: 0 },
    location: 'test1',
    origins: { main: { url: originUrl } },
    distributions: [{ name: 'site', behaviours: [behaviour] }],
    ...rest,
  });
  const log = new LogRecorder();
  const folder = dataFolder === undefined ? {} : { dataFolder };
  const edge = await startEdge(settings, { clock: clock satisfies Clock, log, ...folder });
  return { ...edge, clock, log, [Symbol.asyncDispose]: () => edge.close() };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

/** Each request on a connection of its own. */
export async function get(
  port: number,
  path: string,
  headers: RequestFields = {},
  method = 'GET',
  body?: string,
): Promise<Answer> {
  const response = await openGet(port, path, headers, method, body);
  const bytes = await readAll(response);
  return { status: response.statusCode ?? 0, headers: response.headers, body: bytes, text: bytes.toString() };
}

/** Resolves with the head; the body is the caller's to read or to leave. */
export async function openGet(
  port: number,
  path: string,
  headers: RequestFields = {},
  method = 'GET',
  body?: string,
): Promise<IncomingMessage> {
  const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: new Agent() });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

/** Rejects when the body breaks off. */
export async function readAll(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** A promise and the way to keep it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: () => resolve() };
}
