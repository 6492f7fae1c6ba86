import { CloseBudget } from '../base/close-budget.ts';
import type { Clock } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { PublishAuthority } from '../http/publish-authority.ts';
import type { PublishHookStats } from '../http/publish-hook.ts';
import { TlsMaterial } from '../http/tls-material.ts';
import type { StreamDirectory } from '../live/stream-directory.ts';
import { publishSafety } from '../policy/publish-credentials.ts';
import type { PlayService } from '../rtmp/connected-context.ts';
import type { ExamineConnect } from '../rtmp/connect-command.ts';
import { refusedVia } from '../rtmp/relay-via.ts';
import { listenRtmp } from '../rtmp/rtmp-listen.ts';
import type { RtmpServer, RtmpServerStats } from '../rtmp/rtmp-server.ts';
import { sessionLimits } from '../rtmp/session-limits.ts';
import type { EdgeDoor } from './access/edge-door.ts';
import { DirectoryGate } from './directory-gate.ts';
import type { OriginSettings } from './settings.ts';

export interface IngestOptions {
  /** Names this origin, so that a stream that it pushes on does not come back to it. */
  readonly originId?: string;
  /** Whom it answers; everybody if left out. */
  readonly door?: EdgeDoor;
  readonly directory: StreamDirectory;
  /** Refuses players if left out. */
  readonly play?: PlayService;
  readonly clock: Clock;
  readonly log: Log;
}

/** Of both listeners together. */
export interface IngestStats extends RtmpServerStats {
  /** Where there is a publish hook. */
  readonly hook: PublishHookStats | undefined;
}

export interface Ingest {
  readonly host: string;
  /** The port that it listens on, also where the setting is 0. */
  readonly port: number;
  /** Of the listener for `rtmps://`. */
  readonly rtmpsPort: number | undefined;
  stats(): IngestStats;
  /** Takes no more encoders and disconnects those that publish. The directory stays as it is. */
  close(budget?: CloseBudget): Promise<void>;
}

/**
 * Listens where encoders publish, and feeds what they send to the streams of the directory. Throws `ConfigError` when
 * it would be open to everybody without that being written out, when certificate or key cannot be used, and when it
 * cannot listen.
 */
export async function startIngest(
  settings: Pick<OriginSettings, 'rtmp' | 'rtmps' | 'publish'>,
  { directory, play, clock, log, originId, door }: IngestOptions,
): Promise<Ingest> {
  const findings = publishSafety('origin', settings);
  if (findings.length > 0) throw new ConfigError('The RTMP listener does not start:', findings);
  const { rtmp, rtmps, publish } = settings;
  const authority = new PublishAuthority(publish, { clock, log });
  const common = {
    maxConnections: rtmp.maxConnections,
    limits: sessionLimits(rtmp),
    reconnectUrl: rtmp.reconnectUrl,
    gate: new DirectoryGate(authority, directory, clock),
    play,
    examineConnect: ((application, certificate) =>
      (originId === undefined ? undefined : refusedVia(application.via, originId)) ??
      door?.refusalOfConnect(application, certificate)) satisfies ExamineConnect,
    clock,
    log,
  };
  await using opened = new AsyncDisposableStack();
  let closing: CloseBudget | undefined;
  opened.defer(() => authority.close(closing));
  const plain = await listenRtmp('origin.rtmp', { ...common, host: rtmp.host, port: rtmp.port });
  opened.defer(() => plain.close());
  let secure: RtmpServer | undefined;
  if (rtmps !== undefined) {
    const { host, port, certificate, key, maxVersion } = rtmps;
    const files = { certificate, key, peerCa: door?.peerCa };
    const tls = new TlsMaterial({ files, setting: 'origin.rtmps', clock, log });
    opened.defer(() => tls.close());
    const server = await listenRtmp('origin.rtmps', { ...common, host, port, tls, maxTlsVersion: maxVersion });
    opened.defer(() => server.close());
    secure = server;
  }
  const running = opened.move();
  return {
    host: plain.host,
    port: plain.port,
    rtmpsPort: secure?.port,
    stats: () => ({ ...together(plain.stats(), secure?.stats()), hook: authority.hookStats() }),
    close: async (budget = CloseBudget.of(clock)) => {
      closing = budget;
      const forListeners = budget.keeping(authority.leastCloseMs);
      await Promise.all([plain.close(forListeners), secure?.close(forListeners)]);
      await running.disposeAsync();
    },
  };
}

function together(plain: RtmpServerStats, secure: RtmpServerStats | undefined): RtmpServerStats {
  if (secure === undefined) return plain;
  const closed = { ...plain.closed };
  for (const [code, count] of Object.entries(secure.closed)) closed[code] = (closed[code] ?? 0) + count;
  return {
    ...plain,
    connections: plain.connections + secure.connections,
    accepted: plain.accepted + secure.accepted,
    closed,
  };
}
