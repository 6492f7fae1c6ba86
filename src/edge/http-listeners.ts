import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { type ListenerPairOptions, startListenerPair } from '../http/listener-pair.ts';
import { defaultDeadlines, hasLongTarget } from '../http/listener-bounds.ts';
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
  const common: ListenerPairOptions['common'] = {
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
  const { http, https } = settings;
  const listeners = await startListenerPair({ name: 'edge', http, https, common, proxies, clock });
  const running = opened.move();
  return {
    httpPort: listeners.port,
    httpAddress: listeners.address,
    httpsPort: listeners.httpsPort,
    stats: () => ({
      quickHits: quick.hits,
      quickJoins: crowd.joins,
      requests: metrics.snapshot(),
      accessLog: accessLog?.stats(),
    }),
    endAnswersOf: (isOver) => context.openAnswers.endThoseOf(isOver) + listeners.endAnswersOf(isOver),
    close: async (graceMs) => {
      await listeners.close(graceMs);
      await running.disposeAsync();
    },
  };
}
