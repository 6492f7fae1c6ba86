import { existsSync } from 'node:fs';
import { CloseBudget } from '../base/close-budget.ts';
import type { Log } from '../base/log.ts';
import type { Edge } from '../edge/edge.ts';
import type { EdgeSettings } from '../edge/settings.ts';
import { createLog } from '../observe/log.ts';
import { libraryFolder } from '../origin/library/library-settings.ts';
import type { Origin } from '../origin/origin.ts';
import type { Configuration } from './configuration-schema.ts';
import { type ConfigurationFlags, loadConfiguration } from './configuration.ts';
import { prepareDataFolder } from './data-folder.ts';
import { startDemo } from './demo.ts';
import { ownHost } from '../base/own-address.ts';
import { demoClip, programFile } from './program-files.ts';
import { runUntilSignal } from './shutdown.ts';
import { systemClock } from './system-clock.ts';
import { welcome } from './welcome.ts';

/** Of the time in which the process has to be gone, what the demo may take, and what is kept for edge and origin. */
const demoShareMs = 500;
const edgeShareMs = 1_000;
const originShareMs = 1_750;

// A role is loaded where it runs: what does not run is code all the same, which each collection of garbage goes through.
const originRole = () => import('../origin/origin.ts');
const edgeRole = () => import('../edge/edge.ts');
const controlRole = () => import('../control/control.ts');

/** With both roles in one process and no origin server named, the edge fetches from the origin role next to it. */
function edgeSettings(
  { edge, origin: { access } }: Configuration,
  origin: Origin | undefined,
  originsConfigured: boolean,
): EdgeSettings {
  const main = edge.origins['main'];
  if (originsConfigured || origin === undefined || main === undefined) return edge;
  const here = {
    url: `http://${ownHost(origin.httpAddress)}:${origin.httpPort}`,
    rtmp: `rtmp://${ownHost(origin.rtmpAddress)}:${origin.rtmpPort}`,
    ...(access.kind === 'signed' ? { sign: { secrets: access.secrets } } : {}),
  };
  return { ...edge, origins: { ...edge.origins, main: { ...main, ...here } } };
}

/** Whether encoders may come to the origin itself. */
function takesEncoders({ origin: { access } }: Configuration): boolean {
  return access.kind === 'open' || access.directPublish;
}

/** Where encoders publish: at the edge if it runs here, else at the origin, unless it answers edges only. */
function rtmpOf(configuration: Configuration, runningEdge: Edge | undefined, runningOrigin: Origin | undefined) {
  const { edge, origin } = configuration;
  if (runningEdge !== undefined) return { host: edge.rtmp.host, port: runningEdge.rtmpPort };
  if (runningOrigin === undefined || !takesEncoders(configuration)) return undefined;
  return { host: origin.rtmp.host, port: runningOrigin.rtmpPort };
}

function libraryOf({ edge, origin }: Configuration, runningEdge: Edge | undefined, dataFolder: string) {
  const app = runningEdge && edge.streaming.find(({ stored }) => stored !== undefined)?.apps[0];
  return { folder: libraryFolder(origin.library, dataFolder), app };
}

/** The page is built by `npm start`; the published package carries it. Without it the origin serves streams only. */
function siteDirectory(log: Log): string | undefined {
  const directory = programFile('player', 'dist');
  if (existsSync(directory)) return directory;
  log.warn({}, 'the player page is not built, so there is no page to open: "npm start" builds it');
  return undefined;
}

/** `streamfront start`: runs the roles until a signal ends them. Throws a `ConfigError` when it cannot start. */
export async function start(flags: ConfigurationFlags): Promise<void> {
  const { file, configuration, originsConfigured } = loadConfiguration(flags);
  const { roles } = configuration;
  const log = createLog(configuration.log);
  const dataFolder = prepareDataFolder(configuration.data);

  await using running = new AsyncDisposableStack();
  let closing: CloseBudget | undefined;
  const closeBudget = () => (closing ??= CloseBudget.of(systemClock));
  const origin = roles.includes('origin')
    ? await (await originRole()).startOrigin(configuration.origin, {
        clock: systemClock,
        environment: process.env,
        log: log.child({ role: 'origin' }),
        siteDirectory: siteDirectory(log),
        dataFolder,
      })
    : undefined;
  if (origin !== undefined) running.defer(() => origin.close(closeBudget()));

  const edge = roles.includes('edge')
    ? await (await edgeRole()).startEdge(edgeSettings(configuration, origin, originsConfigured), {
        clock: systemClock,
        environment: process.env,
        log: log.child({ role: 'edge' }),
        dataFolder,
        warmUpFile: demoClip,
      })
    : undefined;
  const keptForOriginMs = origin === undefined ? 0 : originShareMs;
  if (edge !== undefined) running.defer(() => edge.close(closeBudget().keeping(keptForOriginMs)));

  if (edge !== undefined) {
    const control = await (await controlRole()).startControl(configuration.control, {
      clock: systemClock,
      log: log.child({ role: 'control' }),
      dataFolder,
      invalidations: edge.invalidations,
      keys: edge.keys,
      access: edge.access,
    });
    running.defer(() => control.close(closeBudget().keeping(keptForOriginMs + edgeShareMs)));
  }

  const demoWanted = configuration.demo ?? file === undefined;
  if (origin !== undefined && demoWanted && edge === undefined && !takesEncoders(configuration)) {
    log.info({}, 'origin.access lets edges publish only, so the demo clip is not published');
  } else if (origin !== undefined && demoWanted) {
    const demo = startDemo({
      rtmpHost: edge === undefined ? origin.rtmpAddress : configuration.edge.rtmp.host,
      rtmpPort: edge?.rtmpPort ?? origin.rtmpPort,
      policies: [configuration.origin.publish, ...(edge === undefined ? [] : [configuration.edge.publish])],
      clock: systemClock,
      log,
    });
    running.defer(() => demo.stop(closeBudget().graceMs(demoShareMs)));
  }

  // Before the words by which somebody may know that it can be ended.
  const ended = runUntilSignal(() => running.disposeAsync(), log);
  process.stdout.write(
    welcome({
      edge: edge && { host: configuration.edge.http.host, port: edge.httpPort },
      rtmp: rtmpOf(configuration, edge, origin),
      keyNeeded: roles.some((role) => configuration[role].publish.auth === 'key'),
      demoFile: demoClip,
      library: origin && libraryOf(configuration, edge, dataFolder),
      dataFolder,
    }),
  );
  await ended;
}
