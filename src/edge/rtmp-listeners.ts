import type { CloseBudget } from '../base/close-budget.ts';
import { ConfigError } from '../base/errors.ts';
import type { PublishAuthority } from '../http/publish-authority.ts';
import type { PublishHookStats } from '../http/publish-hook.ts';
import { TlsMaterial } from '../http/tls-material.ts';
import { publishSafety } from '../policy/publish-credentials.ts';
import type { PlayService } from '../rtmp/connected-context.ts';
import type { ConnectedApplication, ExamineConnect } from '../rtmp/connect-command.ts';
import { refusedVia } from '../rtmp/relay-via.ts';
import { listenRtmp } from '../rtmp/rtmp-listen.ts';
import type { RtmpServer, RtmpServerStats } from '../rtmp/rtmp-server.ts';
import { sessionLimits } from '../rtmp/session-limits.ts';
import type { Attendance } from './limits/attendance.ts';
import type { TrustedProxies } from '../sockets/proxy-reception.ts';
import type { ProxiedListener } from './proxy-settings.ts';
import { relayCode } from './relay.ts';
import type { RelayOptions } from './relay-options.ts';
import type { RelayPublish } from './relay-publish.ts';
import type { EdgeSettings } from './settings.ts';
import type { StreamingRoutes } from './streaming-routes.ts';

export interface RtmpListeners {
  readonly host: string;
  readonly port: number;
  /** Of the listener for `rtmps://`. */
  readonly rtmpsPort: number | undefined;
  stats(): RtmpListenersStats;
  close(budget: CloseBudget): Promise<void>;
}

export interface RtmpListenersStats {
  readonly rtmp: RtmpServerStats;
  readonly rtmps: RtmpServerStats | undefined;
  readonly hook: PublishHookStats | undefined;
}

/**
 * Listens where encoders publish and RTMP players come. Throws `ConfigError` when it would be open to everybody without
 * that being written out, when certificate or key cannot be used, and when it cannot listen.
 */
export async function startRtmpListeners(
  settings: Pick<EdgeSettings, 'rtmp' | 'rtmps' | 'publish'>,
  parts: {
    readonly routes: StreamingRoutes;
    readonly play: PlayService;
    readonly relayPublish: RelayPublish;
    readonly authority: PublishAuthority;
    readonly options: RelayOptions;
    readonly attendance: Attendance;
    readonly proxies: (listener: ProxiedListener) => TrustedProxies | undefined;
  },
): Promise<RtmpListeners> {
  const findings = publishSafety('edge', settings);
  if (findings.length > 0) throw new ConfigError('The RTMP listener does not start:', findings);
  const { rtmp, rtmps } = settings;
  const { routes, play, relayPublish, authority, options, attendance, proxies } = parts;
  const { clock, log, edgeId } = options;
  const common = {
    maxConnections: rtmp.maxConnections,
    admitConnection: (address: string) => attendance.connect(address),
    limits: sessionLimits(rtmp, 'edge.rtmp'),
    reconnectUrl: rtmp.reconnectUrl,
    gate: relayPublish,
    play,
    examineConnect: connectExaminer(routes, edgeId),
    clock,
    log,
  };
  await using opened = new AsyncDisposableStack();
  const plain = await listenRtmp('edge.rtmp', {
    ...common,
    host: rtmp.host,
    port: rtmp.port,
    proxies: proxies('rtmp'),
  });
  opened.defer(() => plain.close());
  let secure: RtmpServer | undefined;
  if (rtmps !== undefined) {
    const { host, port, certificate, key, maxVersion } = rtmps;
    const tls = new TlsMaterial({ files: { certificate, key }, setting: 'edge.rtmps', clock, log });
    opened.defer(() => tls.close());
    secure = await listenRtmp('edge.rtmps', {
      ...common,
      host,
      port,
      tls,
      maxTlsVersion: maxVersion,
      proxies: proxies('rtmps'),
    });
    const server = secure;
    opened.defer(() => server.close());
  }
  const running = opened.move();
  return {
    host: plain.host,
    port: plain.port,
    rtmpsPort: secure?.port,
    stats: () => ({ rtmp: plain.stats(), rtmps: secure?.stats(), hook: authority.hookStats() }),
    close: async (budget) => {
      await Promise.all([plain.close(budget), secure?.close(budget)]);
      await running.disposeAsync();
    },
  };
}

/** Refuses an edge that would fetch from itself, and applications that no distribution answers for. */
function connectExaminer(routes: StreamingRoutes, edgeId: string): ExamineConnect {
  return ({ app, tcUrl, via }: ConnectedApplication) => {
    const loop = refusedVia(via, edgeId);
    if (loop !== undefined) return loop;
    const unrouted = routes.application(tcUrl, app);
    return unrouted && { code: relayCode(unrouted.code), sentence: `${unrouted.code}: ${unrouted.sentence}` };
  };
}
