import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { type HttpListener, type HttpListenerOptions, startHttpListener } from '../http/listener.ts';
import { defaultDeadlines, hasLongTarget } from '../http/listener-bounds.ts';
import { TlsMaterial } from '../http/tls-material.ts';
import type { FlvResponder } from '../live/flv-responder.ts';
import { AccessLog, type AccessLogStats } from '../observe/access-log.ts';
import type { ExchangeRecorder } from '../observe/exchange.ts';
import { observeExchange } from '../observe/observe-exchange.ts';
import { RequestMetrics, type RequestMetricsSnapshot } from '../observe/request-metrics.ts';
import type { Guest } from '../policy/limits/viewings.ts';
import { answerEdgeDocument, edgeDocumentPath, type EdgeFacts, wantsEdgeDocument } from './edge-document.ts';
import { plainAddresses } from './plain-address.ts';
import { type QuickHitContext, quickHits } from './quick-hit.ts';
import { quickJoins } from './quick-join.ts';
import { leaveBody } from './request-body.ts';
import { serveRequest } from './request-arrival.ts';
import type { EdgeContext } from './request-steps.ts';
import type { EdgeSettings } from './settings.ts';
import type { FlvFiles } from './stored/flv-files.ts';
import type { ProxiedListener } from './proxy-settings.ts';
import type { TrustedProxies } from '../sockets/proxy-reception.ts';
import type { ServerTls } from '../sockets/server-tls.ts';

export interface HttpListeners {
  readonly httpPort: number;
  readonly httpAddress: string;
  /** Of the listener for HTTPS. */
  readonly httpsPort: number | undefined;
  stats(): HttpListenersStats;
  /** Breaks off the answers that are for whom `isOver` says. Returns how many. */
  endAnswersOf(isOver: (guest: Guest) => boolean): number;
  /** Stops accepting, lets running answers end for `graceMs`, then ends them. */
  close(graceMs: number): Promise<void>;
}

export interface HttpListenersStats {
  /** Of the hits, those that were answered from the socket at once. */
  readonly quickHits: number;
  /** Of the hits, those that were waited for, or followed as they arrived, on the socket. */
  readonly quickJoins: number;
  readonly requests: RequestMetricsSnapshot;
  readonly accessLog: AccessLogStats | undefined;
}

export interface HttpListenersParts {
  readonly context: EdgeContext;
  readonly flv: FlvResponder;
  readonly flvFiles: FlvFiles;
  readonly facts: EdgeFacts;
  readonly proxies: (listener: ProxiedListener) => TrustedProxies | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Listens where viewers come, over HTTP and HTTPS, and records what they asked for. Throws `ConfigError` when a port
 * cannot be had, and when certificate or key cannot be used.
 */
export async function startHttpListeners(
  settings: Pick<EdgeSettings, 'http' | 'https' | 'accessLog' | 'location'>,
  { context, flv, flvFiles, facts, proxies, clock, log }: HttpListenersParts,
): Promise<HttpListeners> {
  await using opened = new AsyncDisposableStack();
  const metrics = new RequestMetrics();
  const accessLog =
    settings.accessLog && new AccessLog({ ...settings.accessLog, location: settings.location, clock, log });
  if (accessLog !== undefined) opened.defer(() => accessLog.close());
  const recorder: ExchangeRecorder = {
    record: (exchange) => {
      metrics.record(exchange);
      accessLog?.record(exchange);
    },
  };
  const quickContext: QuickHitContext = {
    edge: context,
    recorder,
    findAddress: plainAddresses(
      context.route,
      (path) => path === '/healthz' || path === edgeDocumentPath || path.endsWith('.flv'),
    ),
  };
  const quick = quickHits(quickContext);
  const crowd = quickJoins(quickContext);
  const common: Omit<HttpListenerOptions, 'host' | 'port' | 'setting'> = {
    name: 'edge',
    handler: (request: IncomingMessage, response: ServerResponse) => {
      observeExchange(request, response, { clock, recorder });
      // Live streams as FLV have no end: they do not go through the cache.
      const live = flv.wants(request) && !hasLongTarget(request);
      const file = live ? undefined : flvFiles.wanted(request);
      if (file !== undefined) return flvFiles.answer(request, response, file);
      if (!live && !wantsEdgeDocument(request)) return serveRequest(context, request, response);
      leaveBody(request, response);
      return live ? flv.answer(request, response) : answerEdgeDocument(facts, response);
    },
    // An upload may take as long as it takes, if only it goes on (`request-body.ts`).
    deadlines: { ...defaultDeadlines, requestMs: 0 },
    answersLongTargets: true,
    upgrade: flv,
    admitConnection: (address) => context.attendance.connect(address),
    quick: { answer: (get, peer) => quick.answer(get, peer), join: (get, peer) => crowd.join(get, peer) },
    log,
  };
  const listening: HttpListener[] = [];
  let closeGraceMs = 0;
  opened.defer(async () => {
    await Promise.all(listening.map((listener) => listener.close(closeGraceMs)));
  });
  const listen = async (setting: 'edge.http' | 'edge.https', at: EdgeSettings['http'], tls?: ServerTls) => {
    const trusted = proxies(tls === undefined ? 'http' : 'https');
    const listener = await startHttpListener({
      ...common,
      ...at,
      setting: `${setting}.port`,
      ...(tls && { tls }),
      ...(trusted && { proxies: trusted }),
    });
    listening.push(listener);
    return listener;
  };
  let httpsPort: number | undefined;
  if (settings.https !== undefined) {
    const { host, port, certificate, key } = settings.https;
    const tls = new TlsMaterial({ files: { certificate, key }, setting: 'edge.https', clock, log });
    opened.defer(() => tls.close());
    httpsPort = (await listen('edge.https', { host, port }, tls)).port;
  }
  const http = await listen('edge.http', settings.http);
  const running = opened.move();
  return {
    httpPort: http.port,
    httpAddress: http.address,
    httpsPort,
    stats: () => ({
      quickHits: quick.hits,
      quickJoins: crowd.joins,
      requests: metrics.snapshot(),
      accessLog: accessLog?.stats(),
    }),
    endAnswersOf: (isOver) =>
      listening.reduce(
        (ended, listener) => ended + listener.endAnswersOf(isOver),
        context.openAnswers.endThoseOf(isOver),
      ),
    close: (graceMs) => {
      closeGraceMs = graceMs;
      return running.disposeAsync();
    },
  };
}
