import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { type HttpListener, type HttpListenerOptions, startHttpListener } from '../http/listener.ts';
import type { QuickResponder } from '../http/quick-connection.ts';
import { TlsMaterial } from '../http/tls-material.ts';
import type { FlvResponder } from '../live/flv-responder.ts';
import type { EdgeDoor } from './access/edge-door.ts';
import type { OriginSettings } from './settings.ts';

export interface OriginHttp {
  readonly address: string;
  readonly port: number;
  /** Of the listener for HTTPS. */
  readonly httpsPort: number | undefined;
  /** As `HttpListener.close`. */
  close(graceMs: number): Promise<void>;
}

export interface OriginHttpParts {
  readonly door: EdgeDoor;
  readonly flv: FlvResponder;
  readonly quick: QuickResponder;
  readonly routes: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Listens where edges fetch, over HTTP and HTTPS. Throws `ConfigError` when a port cannot be had, and when certificate
 * or key cannot be used.
 */
export async function startOriginHttp(
  settings: Pick<OriginSettings, 'http' | 'https'>,
  { door, flv, quick, routes, clock, log }: OriginHttpParts,
): Promise<OriginHttp> {
  const common: Omit<HttpListenerOptions, 'host' | 'port' | 'setting'> = {
    name: 'origin',
    handler: (request, response) => {
      if (door.refuses(request, response)) return undefined;
      return flv.wants(request) ? flv.answer(request, response) : routes(request, response);
    },
    upgrade: {
      wants: (request) => flv.wants(request) && door.admits(request),
      upgrade: (request, socket, head) => flv.upgrade(request, socket, head),
    },
    // What it recognises says nothing of who asks.
    ...(door.isOpen ? { quick } : {}),
    log,
  };
  await using opened = new AsyncDisposableStack();
  const listening: HttpListener[] = [];
  let closeGraceMs = 0;
  opened.defer(async () => {
    await Promise.all(listening.map((listener) => listener.close(closeGraceMs)));
  });
  const http = await startHttpListener({ ...common, ...settings.http, setting: 'origin.http.port' });
  listening.push(http);
  let httpsPort: number | undefined;
  if (settings.https !== undefined) {
    const { host, port, certificate, key } = settings.https;
    const files = { certificate, key, peerCa: door.peerCa };
    const tls = new TlsMaterial({ files, setting: 'origin.https', clock, log });
    opened.defer(() => tls.close());
    const https = await startHttpListener({ ...common, host, port, setting: 'origin.https.port', tls });
    listening.push(https);
    httpsPort = https.port;
  }
  const running = opened.move();
  return {
    address: http.address,
    port: http.port,
    httpsPort,
    close: (graceMs) => {
      closeGraceMs = graceMs;
      return running.disposeAsync();
    },
  };
}
