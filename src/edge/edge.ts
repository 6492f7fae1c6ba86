import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { CloseBudget } from '../base/close-budget.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { startHttpListener } from '../http/listener.ts';
import { Upstream } from '../http/upstream.ts';
import { BanList } from '../policy/ban-list.ts';
import type { CacheStoreStats } from '../stores/cache-store.ts';
import { BanGuard } from '../stores/ban-guard.ts';
import { BanStore } from '../stores/ban-store.ts';
import { MemoryCache } from '../stores/memory-cache.ts';
import { answerEdgeDocument, wantsEdgeDocument } from './edge-document.ts';
import type { CachedResponse } from './edge-response.ts';
import { Invalidations } from './invalidations.ts';
import type { EdgeCounters } from './origin-fetch.ts';
import { type EdgeContext, serveRequest } from './request-steps.ts';
import { type LiveRelayStats, startLiveRelay } from './live-relay.ts';
import { compileRoutes } from './routes.ts';
import { RunningFetches } from './running-fetches.ts';
import type { EdgeSettings } from './settings.ts';

/** How long `close` lets answers that are being sent come to their end. */
const closeGraceMs = 2_000;

export interface Edge {
  readonly httpPort: number;
  readonly httpAddress: string;
  readonly rtmpPort: number;
  /** Of the listener for `rtmps://`. */
  readonly rtmpsPort: number | undefined;
  readonly invalidations: Pick<Invalidations, 'create' | 'find'>;
  stats(): EdgeStats;
  /** Stops accepting, lets running answers end for two seconds or `budget`, then ends them and all requests to origins. */
  close(budget?: CloseBudget): Promise<void>;
}

export interface EdgeStats {
  readonly counters: Readonly<EdgeCounters>;
  readonly cache: CacheStoreStats;
  readonly live: LiveRelayStats;
}

interface EdgeSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  /** Where it keeps what must outlive a restart, for itself alone; without one, nothing does. */
  readonly dataFolder?: string;
}

/**
 * Starts an edge: listens for viewers and encoders, answers from its cache, relays live streams, asks origins. Throws a
 * `ConfigError` when a port cannot be had, and when publishing would be open to everybody without that being written out.
 */
export async function startEdge(settings: EdgeSettings, deps: EdgeSurroundings): Promise<Edge> {
  const { log } = deps;
  await using opened = new AsyncDisposableStack();
  const upstreams = new Map(Object.entries(settings.origins).map(([name, server]) => [name, new Upstream(server)]));
  const counters = zeroCounters();
  const banFile = deps.dataFolder === undefined ? ':memory:' : join(deps.dataFolder, 'control.sqlite');
  const banStore = new BanStore(banFile, deps.clock.wallMs());
  const bans = new BanList(banStore.start);
  const store = new BanGuard(new MemoryCache<CachedResponse>(settings.cache.memoryBytes), bans);
  const { distributions } = settings;
  const invalidations = new Invalidations({ clock: deps.clock, log, bans, banStore, store, distributions });
  opened.defer(() => invalidations.close());
  const via = `1.1 ${settings.location} (StreamFront)`;
  const context: EdgeContext = {
    clock: deps.clock,
    log,
    bans,
    store,
    fetches: new RunningFetches(bans),
    maxObjectBytes: settings.cache.maxObjectBytes,
    maxWaiting: settings.cache.maxWaiting,
    counters,
    name: { location: settings.location, via, cacheName: `streamfront-${settings.location}` },
    identity: { via, cdnId: `streamfront-${randomBytes(8).toString('hex')}` },
    route: compileRoutes(distributions, upstreams),
    nextRequestId: requestIds(),
  };
  const live = await startLiveRelay(settings, deps);
  opened.defer(() => live.close(CloseBudget.of(deps.clock)));
  const facts = {
    location: settings.location,
    rtmpPort: live.rtmpPort,
    rtmpsPort: live.rtmpsPort,
    streamKeyNeeded: settings.publish.auth === 'key' || settings.publish.auth === 'hook',
  };
  const listener = await startHttpListener({
    name: 'edge',
    ...settings.http,
    setting: 'edge.http.port',
    handler: (request, response) => {
      if (wantsEdgeDocument(request)) return answerEdgeDocument(facts, response);
      // Live streams as FLV have no end: they do not go through the cache.
      if (live.flv.wants(request)) return live.flv.answer(request, response);
      return serveRequest(context, request, response);
    },
    upgrade: live.flv,
    log,
  });
  // From here on it is for `close`.
  opened.move();
  return {
    httpPort: listener.port,
    httpAddress: listener.address,
    rtmpPort: live.rtmpPort,
    rtmpsPort: live.rtmpsPort,
    invalidations,
    stats: () => ({ counters: { ...counters }, cache: store.stats(), live: live.stats() }),
    close: async (budget = CloseBudget.of(deps.clock)) => {
      await Promise.all([listener.close(budget.graceMs(closeGraceMs)), live.close(budget)]);
      await Promise.all([...upstreams.values()].map((upstream) => upstream.close()));
      invalidations.close();
    },
  };
}

function zeroCounters(): EdgeCounters {
  return {
    requests: 0,
    hits: 0,
    misses: 0,
    refreshHits: 0,
    staleHits: 0,
    errors: 0,
    originRequests: 0,
    originErrors: 0,
  };
}

/** Unlike any other edge's, and cheap: a random beginning and a count. */
function requestIds(): () => string {
  const beginning = randomBytes(9).toString('base64url');
  let count = 0;
  return () => `${beginning}-${(count++).toString(36)}`;
}
