import { randomBytes } from 'node:crypto';
import type { CloseBudget } from '../base/close-budget.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { GrantVerifier } from '../http/grant-verifier.ts';
import { PublishAuthority } from '../http/publish-authority.ts';
import { viewerOf } from '../http/viewer-address.ts';
import { FanOut, type FanOutStats } from '../live/fan-out.ts';
import { FlvResponder } from '../live/flv-responder.ts';
import type { PlayService } from '../rtmp/connected-context.ts';
import type { TrustedProxies } from '../sockets/proxy-reception.ts';
import type { ProxiedListener } from './proxy-settings.ts';
import { EdgePlayGate } from './edge-play-gate.ts';
import type { Countries } from './geo/country-database.ts';
import type { Attendance } from './limits/attendance.ts';
import { PlayLimits } from './limits/play-limits.ts';
import type { RunningPlays } from './limits/running-plays.ts';
import { Relay, type RelayStats } from './relay.ts';
import type { RelayOptions } from './relay-options.ts';
import type { OriginCredentials } from './origin-credentials.ts';
import { relayOrigins } from './relay-origin.ts';
import { RelayPublish } from './relay-publish.ts';
import type { RelayedPublicationStats } from './relayed-publication.ts';
import { type RtmpListenersStats, startRtmpListeners } from './rtmp-listeners.ts';
import type { EdgeSettings } from './settings.ts';
import type { StoredPlays, StoredPlaysStats } from './stored/stored-plays.ts';
import { StreamDoor } from './stream-door.ts';
import { compileStreamingRoutes } from './streaming-routes.ts';

export interface LiveRelayStats extends RelayStats {
  /** Players that were refused, by why. */
  readonly refused: Readonly<Record<string, number>>;
  readonly stored: StoredPlaysStats;
  readonly publications: readonly RelayedPublicationStats[];
  readonly players: FanOutStats;
  readonly listeners: RtmpListenersStats;
}

/** The live half of a running edge. */
export interface LiveRelay {
  /** For players over HTTP and WebSocket. */
  readonly flv: FlvResponder;
  readonly rtmpPort: number;
  readonly rtmpsPort: number | undefined;
  stats(): LiveRelayStats;
  /** Ends every connection and every stream. */
  close(budget: CloseBudget): Promise<void>;
}

interface LiveRelaySurroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly stored: StoredPlays;
  readonly grants: GrantVerifier;
  /** By the name of the origin. */
  readonly credentials: ReadonlyMap<string, OriginCredentials>;
  readonly attendance: Attendance;
  readonly runningPlays: RunningPlays;
  readonly countries: Countries | undefined;
  readonly proxies: (listener: ProxiedListener) => TrustedProxies | undefined;
}

/** Starts what relays live streams both ways. Throws a `ConfigError` as `startRtmpListeners` does. */
export async function startLiveRelay(
  settings: EdgeSettings,
  { clock, log, stored, grants, credentials, attendance, runningPlays, proxies, countries }: LiveRelaySurroundings,
): Promise<LiveRelay> {
  const origins = relayOrigins(settings.origins, credentials);
  const surroundings = { clock, log };
  const routes = compileStreamingRoutes(settings.streaming, settings.distributions, origins, surroundings, countries);
  const options: RelayOptions = {
    edgeId: `edge-${randomBytes(8).toString('hex')}`,
    maxLiveStreams: settings.maxLiveStreams,
    maxMessageBytes: settings.rtmp.maxMessageBytes,
    clock,
    log,
    random: Math.random,
  };
  const apps = [...new Set(settings.streaming.flatMap(({ apps, stored }) => (stored === undefined ? apps : [])))];
  const authority = new PublishAuthority(settings.publish, { clock, log, apps });
  const relay = new Relay(options);
  const door = new StreamDoor(grants, clock);
  const limits = new PlayLimits(attendance, runningPlays);
  const relayPublish = new RelayPublish(routes, authority, { door, limits }, options);
  const fanOut = new FanOut({ settings: settings.fanOut, settingsPath: 'edge.fanOut', clock });
  const gate = new EdgePlayGate(routes, relay, stored, door, limits);
  const play: PlayService = { gate, fanOut };
  const flv = new FlvResponder({
    ...play,
    hasApplication: (tcUrl, app) => routes.hasLiveStreams(tcUrl, app),
    viewerOf,
    fields: [['X-Edge-Location', settings.location]],
    clock,
    log,
  });
  const listeners = await startRtmpListeners(settings, {
    routes,
    play,
    relayPublish,
    authority,
    options,
    attendance,
    proxies,
  }).catch(async (error: unknown) => {
    await authority.close();
    throw error;
  });
  return {
    flv,
    rtmpPort: listeners.port,
    rtmpsPort: listeners.rtmpsPort,
    stats: () => ({
      ...relay.stats(),
      refused: gate.refused,
      stored: stored.stats(),
      players: fanOut.stats(),
      publications: relayPublish.stats(),
      listeners: listeners.stats(),
    }),
    close: async (budget) => {
      flv.close();
      relay.close();
      await listeners.close(budget.keeping(authority.leastCloseMs));
      await authority.close(budget);
    },
  };
}
