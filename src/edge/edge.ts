import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { CloseBudget } from '../base/close-budget.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { GrantTokens, type TokenSecrets } from '../http/grant-tokens.ts';
import { OwnTokenSecrets } from '../http/own-token-secrets.ts';
import { SharedTokenSecrets } from '../http/shared-token-secrets.ts';
import type { Environment } from '../http/secret-source.ts';
import { Upstream } from '../http/upstream.ts';
import { BanList } from '../policy/ban-list.ts';
import type { CacheStoreStats } from '../stores/cache-store.ts';
import { BanGuard } from '../stores/ban-guard.ts';
import { BanStore } from '../stores/ban-store.ts';
import { SliceMemory } from '../stores/slice-memory.ts';
import { CountryDatabase } from './geo/country-database.ts';
import { asksForCountries } from './geo/geo-settings.ts';
import { Invalidations } from './invalidations.ts';
import { KeyWatch } from './key-watch.ts';
import { type EdgeCounters, zeroCounters } from './edge-counters.ts';
import { Attendance } from './limits/attendance.ts';
import { AccessRevocation } from './limits/access-revocation.ts';
import { RevocationFile } from '../stores/revocation-file.ts';
import { RunningPlays } from './limits/running-plays.ts';
import { OpenAnswers } from './limits/open-answers.ts';
import { Viewings } from '../policy/limits/viewings.ts';
import { Revocations } from '../policy/limits/revocations.ts';
import { type HttpListenersStats, startHttpListeners } from './http-listeners.ts';
import { OriginCredentials } from './origin-credentials.ts';
import type { EdgeContext } from './request-steps.ts';
import { type LiveRelayStats, startLiveRelay } from './live-relay.ts';
import { openResponseStore } from './response-store.ts';
import { compileDistributions, compileRoutes } from './routes.ts';
import { RecentPlaylists } from './recent-playlists.ts';
import { RunningFetches } from './running-fetches.ts';
import type { EdgeSettings } from './settings.ts';
import { HoldBudget } from './held-slices.ts';
import { SlicedObjects } from './sliced-objects.ts';
import { FlvFiles } from './stored/flv-files.ts';
import { StoredPlays } from './stored/stored-plays.ts';
import { trustedProxies } from './trusted-proxies.ts';

/** How long `close` lets answers that are being sent come to their end. */
const closeGraceMs = 2_000;

export interface Edge {
  readonly httpPort: number;
  readonly httpAddress: string;
  /** Of the listener for HTTPS. */
  readonly httpsPort: number | undefined;
  readonly rtmpPort: number;
  /** Of the listener for `rtmps://`. */
  readonly rtmpsPort: number | undefined;
  readonly invalidations: Pick<Invalidations, 'create' | 'find'>;
  readonly access: Pick<AccessRevocation, 'sessions' | 'revocations' | 'revoke' | 'takeBack'>;
  readonly keys: Pick<KeyWatch, 'look'>;
  stats(): EdgeStats;
  /** Stops accepting, lets running answers end for two seconds or `budget`, then ends them and all requests to origins. */
  close(budget?: CloseBudget): Promise<void>;
}

export interface EdgeStats extends HttpListenersStats {
  readonly counters: Readonly<EdgeCounters>;
  readonly cache: CacheStoreStats;
  /** Who was refused for wanting too much, or because access was revoked, by why. */
  readonly limited: Readonly<Record<string, number>>;
  readonly live: LiveRelayStats;
}

interface EdgeSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  /** Where secrets may stand; nowhere if left out. */
  readonly environment?: Environment;
  /** Where it keeps what must outlive a restart, for itself alone; without one, nothing does. */
  readonly dataFolder?: string;
  /** A media file to practise with, so as to be ready for the first stored file before anybody plays it. */
  readonly warmUpFile?: string;
}

/**
 * Starts an edge: listens for viewers and encoders, answers from its cache, relays live streams, asks origins. Throws a
 * `ConfigError` when a port or a public key cannot be had, and when publishing would be open to everybody without that being written out.
 */
export async function startEdge(settings: EdgeSettings, deps: EdgeSurroundings): Promise<Edge> {
  const { log } = deps;
  const keys = new KeyWatch(settings, deps);
  const grants = keys.verifier;
  const proxies = trustedProxies(settings, deps);
  await using opened = new AsyncDisposableStack();
  opened.defer(() => keys.close());
  const tokenSecrets = openTokenSecrets(settings, deps);
  opened.defer(() => tokenSecrets.close());
  const credentials = new Map<string, OriginCredentials>();
  const upstreams = new Map<string, Upstream>();
  for (const [name, server] of Object.entries(settings.origins)) {
    const own = new OriginCredentials({ environment: {}, ...deps, name, settings: server });
    opened.defer(() => own.close());
    credentials.set(name, own);
    upstreams.set(name, new Upstream(server, own.forHttp));
  }
  const counters = zeroCounters();
  const sliceMemory = new SliceMemory(settings.cache.sliceBytes);
  const tiers = openResponseStore(settings.cache, deps, sliceMemory);
  opened.defer(() => tiers.close());
  const banFile = deps.dataFolder === undefined ? ':memory:' : join(deps.dataFolder, 'control.sqlite');
  const banStore = new BanStore(banFile, tiers.folder, deps.clock.wallMs());
  const bans = new BanList(banStore.start);
  const store = new BanGuard(tiers.store, bans);
  const { distributions } = settings;
  const invalidations = new Invalidations({ clock: deps.clock, log, bans, banStore, store, distributions });
  opened.defer(() => invalidations.close());
  // Short: an operator types the ids of sessions. Unlike those of the run before.
  const viewings = new Viewings(settings.limits.sessionWindowMs, countedIds(randomBytes(3).toString('hex')));
  const revocationFile = deps.dataFolder === undefined ? undefined : new RevocationFile(deps.dataFolder);
  const revocations = new Revocations(revocationFile?.read());
  const attendance = new Attendance({ settings: settings.limits, viewings, revocations, clock: deps.clock, log });
  const runningPlays = new RunningPlays(attendance, deps.clock);
  const countries = asksForCountries(settings)
    ? await CountryDatabase.open({ ...deps, file: settings.countryDatabase })
    : undefined;
  opened.defer(() => countries?.close());
  const web = compileDistributions(distributions, upstreams, deps, countries);
  const via = `1.1 ${settings.location} (StreamFront)`;
  const context: EdgeContext = {
    clock: deps.clock,
    log,
    bans,
    store,
    slices: new SlicedObjects({
      ...deps,
      bans,
      store,
      counters,
      sliceBytes: settings.cache.sliceBytes,
      slicedFromBytes: settings.cache.slicedFromBytes,
      readAheadBytes: settings.cache.readAheadBytes,
      budget: new HoldBudget(settings.cache.memoryBytes / 4),
      memory: sliceMemory,
    }),
    fetches: new RunningFetches(bans),
    playlists: new RecentPlaylists(bans),
    maxObjectBytes: settings.cache.maxObjectBytes,
    maxWaiting: settings.cache.maxWaiting,
    counters,
    name: { location: settings.location, via, cacheName: `streamfront-${settings.location}` },
    identity: { via, cdnId: `streamfront-${randomBytes(8).toString('hex')}` },
    route: compileRoutes(web),
    grants,
    attendance,
    openAnswers: new OpenAnswers(attendance, deps.clock),
    tokens: new GrantTokens(tokenSecrets),
    httpsPort: () => settings.https?.publicPort ?? listeners.httpsPort ?? 443,
    // Unlike any other edge's.
    nextRequestId: countedIds(randomBytes(9).toString('base64url')),
  };
  const stored = new StoredPlays(context, web);
  opened.defer(() => stored.close());
  const live = await startLiveRelay(settings, {
    ...deps,
    stored,
    grants,
    credentials,
    attendance,
    runningPlays,
    countries,
    proxies,
  });
  opened.defer(() => live.close(CloseBudget.of(deps.clock)));
  const facts = {
    location: settings.location,
    rtmpPort: live.rtmpPort,
    rtmpsPort: live.rtmpsPort,
    streamKeyNeeded: settings.publish.auth === 'key' || settings.publish.auth === 'hook',
  };
  const libraries = settings.streaming.flatMap(({ stored: files }) => files ?? []);
  const flvFiles = new FlvFiles({ context, libraries, plays: stored });
  const listeners = await startHttpListeners(settings, { context, flv: live.flv, flvFiles, facts, proxies, ...deps });
  const access = new AccessRevocation({
    revocations,
    viewings,
    runningPlays,
    file: revocationFile,
    clock: deps.clock,
    log,
    endAnswersOf: (isOver) => listeners.endAnswersOf(isOver),
  });
  if (deps.warmUpFile !== undefined && libraries.length > 0) stored.warmUp(deps.warmUpFile);
  // From here on it is for `close`.
  opened.move();
  return {
    httpPort: listeners.httpPort,
    httpAddress: listeners.httpAddress,
    httpsPort: listeners.httpsPort,
    rtmpPort: live.rtmpPort,
    rtmpsPort: live.rtmpsPort,
    invalidations,
    keys,
    access,
    stats: () => ({
      counters: { ...counters },
      cache: store.stats(),
      limited: attendance.refused,
      live: live.stats(),
      ...listeners.stats(),
    }),
    close: async (budget = CloseBudget.of(deps.clock)) => {
      keys.close();
      await Promise.all([listeners.close(budget.graceMs(closeGraceMs)), live.close(budget)]);
      await stored.close();
      await Promise.all([...upstreams.values()].map((upstream) => upstream.close()));
      for (const own of credentials.values()) own.close();
      tokenSecrets.close();
      invalidations.close();
      countries?.close();
      await tiers.close();
    },
  };
}

/** Throws a `ConfigError` when one of them cannot be had. */
function openTokenSecrets(
  { grantSecrets: secrets }: EdgeSettings,
  { environment = {}, clock, log, dataFolder }: EdgeSurroundings,
): TokenSecrets & { close(): void } {
  if (secrets.length > 0) {
    return new SharedTokenSecrets({ secrets, setting: 'edge.grantSecrets', environment, clock, log });
  }
  return new OwnTokenSecrets(dataFolder === undefined ? undefined : join(dataFolder, 'grant-tokens.json'), log);
}

/** Cheap, and unlike any others where `beginning` is. */
function countedIds(beginning: string): () => string {
  let count = 0;
  return () => `${beginning}-${(count++).toString(36)}`;
}
