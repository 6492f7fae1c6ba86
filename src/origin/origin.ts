import { randomBytes } from 'node:crypto';
import { CloseBudget } from '../base/close-budget.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Environment } from '../http/secret-source.ts';
import { FanOut } from '../live/fan-out.ts';
import { FlvResponder } from '../live/flv-responder.ts';
import { StreamDirectory } from '../live/stream-directory.ts';
import { EdgeDoor } from './access/edge-door.ts';
import { DirectoryPlayGate, liveApp } from './directory-play-gate.ts';
import { startOriginHttp } from './http-listeners.ts';
import { httpRoutes } from './http-routes.ts';
import { startIngest } from './ingest.ts';
import { Ladders } from './ladder/ladders.ts';
import { openLibrary } from './library/open-library.ts';
import { LiveChannels } from './live-channel.ts';
import { LiveKeeping, liveFolder, lockLiveFolder } from './live-keeping.ts';
import { LiveResponder } from './live-responder.ts';
import { quickLive } from './quick-live.ts';
import { Restreams } from './restreams.ts';
import type { OriginSettings } from './settings.ts';
import { loadSlates } from './slates.ts';

export interface OriginDependencies {
  readonly clock: Clock;
  readonly log: Log;
  /** Where secrets may stand; nowhere if left out. */
  readonly environment?: Environment;
  /** The player page's files, served for everything that is not below `/live/`; `undefined` serves streams only. */
  readonly siteDirectory: string | undefined;
  /** Where what outlives a restart is kept; without it nothing does. */
  readonly dataFolder?: string;
}

/** A running origin. */
export interface Origin {
  readonly httpAddress: string;
  readonly httpPort: number;
  /** Of the listener for HTTPS. */
  readonly httpsPort: number | undefined;
  readonly rtmpAddress: string;
  readonly rtmpPort: number;
  /** Of the listener for `rtmps://`. */
  readonly rtmpsPort: number | undefined;
  readonly directory: StreamDirectory;
  /** Encoders are disconnected, streams end, answers under way get a moment, then nothing listens any more. */
  close(budget?: CloseBudget): Promise<void>;
}

/** What answers under way get when the origin closes. */
const closeGraceMs = 2_000;
/** And what is kept for them, however slow encoders are to leave. */
const leastCloseGraceMs = 750;

/**
 * Starts ingest, packaging and HTTP. Throws a `ConfigError` when a port cannot be had, publishing is not safe, or another
 * origin keeps its streams in the data folder.
 */
export async function startOrigin(settings: OriginSettings, dependencies: OriginDependencies): Promise<Origin> {
  const { dataFolder, log } = dependencies;
  const keepFolder = dataFolder === undefined || settings.live.keep === 'memory' ? undefined : liveFolder(dataFolder);
  const lock = keepFolder === undefined ? undefined : lockLiveFolder(keepFolder, log);
  try {
    const origin = await start(settings, dependencies, keepFolder);
    const close = (budget?: CloseBudget) => origin.close(budget).finally(() => lock?.release());
    return { ...origin, close };
  } catch (error) {
    lock?.release();
    throw error;
  }
}

async function start(
  settings: OriginSettings,
  { clock, log, environment = {}, siteDirectory, dataFolder }: OriginDependencies,
  keepFolder: string | undefined,
): Promise<Origin> {
  const door = new EdgeDoor(settings.access, { environment, clock, log });
  const { reconnectGraceMs, maxStreams, backup } = settings.live;
  const library = openLibrary(settings.library, { clock, log, dataFolder });
  const slateOf = await loadSlates(settings.live);
  const directory = new StreamDirectory({ clock, log, reconnectGraceMs, maxStreams, backup, slateOf });
  const { ladder: rules, ffmpeg } = settings.live;
  const ladders = new Ladders({ rules, ffmpeg, clock, log, random: Math.random });
  const keeping =
    keepFolder === undefined ? undefined : new LiveKeeping({ folder: keepFolder, settings: settings.live, clock, log });
  const before = (await keeping?.load()) ?? [];
  const channels = new LiveChannels(directory, {
    settings: settings.live,
    clock,
    log,
    before,
    ...(keeping === undefined ? {} : { keeping }),
    addRenditions: (packager) => ladders.follow(packager),
    nextEpoch: () => `${Math.round(clock.wallMs()).toString(36)}-${randomBytes(3).toString('hex')}`,
  });
  const originId = `origin-${randomBytes(8).toString('hex')}`;
  const restreams = new Restreams(directory, settings.live.restream, { originId, clock, log, random: Math.random });
  const fanOut = new FanOut({ settings: settings.fanOut, settingsPath: 'origin.fanOut', clock });
  const play = { gate: new DirectoryPlayGate(directory), fanOut };
  const flv = new FlvResponder({ ...play, hasApplication: (_, app) => app === liveApp, clock, log });
  const responder = new LiveResponder(channels, {
    restreamsOf: (path) => restreams.statesOf(path),
    publishersOf: (path) => directory.publishersOf(path),
  });
  const routes = httpRoutes(responder, siteDirectory, library);
  const ingest = await startIngest(settings, { directory, play, clock, log, originId, door });
  try {
    for (const { path, endedWallMs } of before) if (endedWallMs === undefined) directory.revive(path);
    const quick = quickLive(responder, clock);
    const http = await startOriginHttp(settings, { door, flv, quick, routes, clock, log });
    return {
      httpAddress: http.address,
      httpPort: http.port,
      httpsPort: http.httpsPort,
      rtmpAddress: ingest.host,
      rtmpPort: ingest.port,
      rtmpsPort: ingest.rtmpsPort,
      directory,
      close: async (budget = CloseBudget.of(clock)) => {
        const forPublishers = budget.keeping(leastCloseGraceMs);
        await Promise.all([ingest.close(forPublishers), restreams.close(forPublishers)]);
        directory.stopSlates();
        // Streams that are kept do not end for their viewers.
        for (const part of keeping === undefined ? [directory, channels] : [channels, directory]) part.close();
        flv.close();
        await keeping?.close(budget.keeping(leastCloseGraceMs).graceMs(closeGraceMs));
        await Promise.all([ladders.close(budget), http.close(budget.graceMs(closeGraceMs))]);
        door.close();
      },
    };
  } catch (error) {
    await ingest.close();
    door.close();
    channels.close();
    directory.close();
    await ladders.close(CloseBudget.of(clock));
    throw error;
  }
}
