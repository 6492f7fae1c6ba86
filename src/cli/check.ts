import { join, resolve } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import { accessFindings, describeAccess, describeCredentials } from './access-check.ts';
import type { Configuration } from './configuration-schema.ts';
import { type ConfigurationFlags, loadConfiguration } from './configuration.ts';
import { describeGeo, viewerLines } from './geo-check.ts';
import { keyGroupsAtStart } from '../edge/key-watch.ts';
import { loadKeyGroups } from '../http/grant-keys.ts';
import type { PublishSettings } from '../policy/publish-settings.ts';
import type { RtmpsListenerSettings } from '../rtmp/listener-settings.ts';
import { libraryFolder } from '../origin/library/library-settings.ts';
import { audioOnlyName } from '../origin/ladder/ladder-settings.ts';
import type { OriginSettings } from '../origin/settings.ts';
import { formatDurationMs, formatSizeBytes } from '../base/units.ts';
import { keysFolder } from '../stores/keys/key-store.ts';
import { say } from './say.ts';
import { systemClock } from './system-clock.ts';
import { describeTls } from './tls-check.ts';

/** Of the edge, with both roles in one process and no origin server named. */
const ownOrigin = 'the origin of this process';

/** `streamfront check`: throws a `ConfigError` with all findings, or prints what the configuration means. */
export async function check(flags: ConfigurationFlags): Promise<void> {
  const { file, configuration, originsConfigured } = loadConfiguration(flags);
  const findings = accessFindings(configuration, process.env);
  if (findings.length > 0) throw new ConfigError(`${file ?? 'the command line'} cannot be used`, findings);
  const { roles, data, origin, edge, control } = configuration;
  const isOwnOrigin = !originsConfigured && roles.includes('origin');
  const lines = [`${file ?? 'The default configuration (no streamfront.yaml in this folder)'} is fine.`];
  lines.push(`  roles    ${roles.join(', ')}; data in ${data}`);
  if (roles.includes('origin')) {
    lines.push(
      `  origin   RTMP in on ${origin.rtmp.host}:${origin.rtmp.port}, HTTP on ${origin.http.host}:${origin.http.port}`,
      ...rtmpsLines(origin.rtmps, 'origin.rtmps'),
      ...httpsLines(origin.https, 'origin.https'),
      `           ${describeAccess(origin.access)}`,
      `           publishing: ${describeAuth(origin.publish)}`,
      ...hookLines(origin.publish),
      `           library in ${libraryFolder(origin.library, data)}`,
      `           live window ${formatDurationMs(origin.live.windowMs)}, segments of ${formatDurationMs(origin.live.segmentMs)}, parts of ${formatDurationMs(origin.live.partMs)}`,
      ...origin.live.restream.map(
        // What follows the server may be a stream key.
        ({ stream, to }) => `           ${stream} is pushed on to ${to.map((url) => serverOf(url)).join(', ')}`,
      ),
      ...(await slateLines(origin.live)),
      ...madeLines(origin.live),
    );
  }
  if (roles.includes('edge')) {
    lines.push(
      `  edge     RTMP on ${edge.rtmp.host}:${edge.rtmp.port}, HTTP on ${edge.http.host}:${edge.http.port}, location ${edge.location}`,
      ...rtmpsLines(edge.rtmps, 'edge.rtmps'),
      ...httpsLines(edge.https, 'edge.https'),
      `           cache: ${describeCache(edge.cache, data)}`,
      ...(edge.accessLog === undefined ? [] : [`           access log in ${edge.accessLog.folder}`]),
      `           publishing: ${describeAuth(edge.publish)}`,
      ...hookLines(edge.publish),
      ...(await viewerLines(edge)),
    );
    for (const [name, keys] of keyGroupsAtStart(edge, loadKeyGroups(edge), keysFolder(resolve(data)))) {
      lines.push(`           key group ${name}: ${[...keys.keys()].join(', ') || 'no keys, so it lets nobody in'}`);
    }
    for (const [name, server] of Object.entries(edge.origins)) {
      const shown = describeCredentials(server);
      if (shown !== '') lines.push(`           to the origin ${name} it ${shown}`);
    }
    for (const distribution of edge.distributions) {
      lines.push(
        `           distribution ${distribution.name} for ${distribution.hosts.join(', ')}${describeGeo(distribution.geo)}`,
      );
      for (const behaviour of distribution.behaviours) {
        const where = isOwnOrigin ? ownOrigin : edge.origins[behaviour.origin]?.url;
        lines.push(
          `             ${behaviour.path} → ${behaviour.origin} (${where}), by policy ${behaviour.policy}${described('signed for', behaviour.trustedKeyGroups)}${carried(behaviour.carryGrants)}${describeGeo(behaviour.geo)}`,
        );
      }
    }
    lines.push(`           commands reach it on ${control.http.host}:${control.http.port}`);
    for (const { name, hosts, apps, behaviours, stored, geo } of edge.streaming) {
      lines.push(
        `           streaming distribution ${name} for ${hosts.join(', ')}, applications ${apps.join(', ')}${describeGeo(geo)}`,
      );
      if (stored !== undefined) {
        const { distribution, path, ttlMs } = stored;
        lines.push(
          `             files below ${path} of the web distribution ${distribution}; a version is good for ${formatDurationMs(ttlMs)}`,
        );
      }
      for (const { stream, origins, publish, idleGraceMs, originGraceMs, ...guards } of behaviours) {
        const group = origins
          .map((name) => `${name} (${isOwnOrigin ? ownOrigin : serverOf(edge.origins[name]?.rtmp ?? '')})`)
          .join(', then ');
        lines.push(
          `             ${stream} → ${group}; ${publish ? 'may be published here' : 'may not be published here'}${described('signed for viewers of', guards.trustedKeyGroups)}${described('signed for encoders of', guards.publishKeyGroups)}${describeGeo(guards.geo)}`,
          `               fetched ${formatDurationMs(idleGraceMs)} past the last viewer; origin gone: kept ${formatDurationMs(originGraceMs)}`,
        );
      }
    }
  }
  say(lines);
}

/** How grants for playlists go on, if they do. */
function carried(how: 'none' | 'cookie' | 'query'): string {
  return how === 'none' ? '' : `, carried on to what playlists list by ${how}`;
}

/** The key groups that somebody needs a grant of, or nothing. */
function described(what: string, keyGroups: readonly string[]): string {
  return keyGroups.length === 0 ? '' : `, ${what} ${keyGroups.join(', ')}`;
}

function describeCache({ memoryBytes, disk }: Configuration['edge']['cache'], data: string): string {
  const memory = `${formatSizeBytes(memoryBytes)} of memory`;
  if (disk.sizeBytes === 0) return `${memory}, nothing on disk`;
  return `${memory}, ${formatSizeBytes(disk.sizeBytes)} on disk in ${disk.path ?? join(data, 'cache')}`;
}

/** `rtmp://host:port`, without what may hold a key. */
function serverOf(url: string): string {
  return /^rtmps?:\/\/[^/?#]*/i.exec(url)?.[0] ?? url;
}

/** Reads the clips too: what is wrong with one is found before it is needed. */
async function slateLines(live: OriginSettings['live']): Promise<string[]> {
  if (live.slate.length === 0) return [];
  // Media files take a while to load that other configurations need not wait for.
  const { loadSlates } = await import('../origin/slates.ts');
  await loadSlates(live);
  return live.slate.map(
    ({ stream, file, afterMs }) =>
      `           ${stream} shows ${file} after ${formatDurationMs(afterMs)} without a publisher`,
  );
}

/** What is made of streams beside what is published. */
function madeLines({ ladder, encryption }: OriginSettings['live']): string[] {
  return [
    ...ladder.map(({ stream, renditions, audioOnly }) => {
      const names = [...renditions.map(({ name }) => name), ...(audioOnly ? [audioOnlyName] : [])];
      return `           ${stream} has renditions: ${names.join(', ')}`;
    }),
    ...encryption.map(({ stream, method }) => `           ${stream} is encrypted, by ${method}`),
  ];
}

function rtmpsLines(rtmps: RtmpsListenerSettings | undefined, setting: string): string[] {
  return rtmps === undefined ? [] : [`           ${describeTls('RTMPS', rtmps, setting, systemClock.wallMs())}`];
}

function httpsLines(https: OriginSettings['https'], setting: string): string[] {
  return https === undefined ? [] : [`           ${describeTls('HTTPS', https, setting, systemClock.wallMs())}`];
}

function hookLines({ hook }: PublishSettings): string[] {
  if (hook === undefined) return [];
  const { origin, pathname } = new URL(hook.url);
  const onFailure = hook.onFailure === 'open' ? 'admitted' : 'refused';
  const timeout = formatDurationMs(hook.timeoutMs);
  // Without the query, where some put a token.
  return [
    `           the hook at ${origin}${pathname} is asked; without an answer in ${timeout} encoders are ${onFailure}`,
  ];
}

function describeAuth(publish: PublishSettings): string {
  const keys = `${publish.keys.length} stream key${publish.keys.length === 1 ? '' : 's'}`;
  switch (publish.auth) {
    case 'loopback':
      return `encoders on this machine need no key, others need one (${keys})`;
    case 'key':
      return `every encoder needs a key (${keys})`;
    case 'hook':
      return 'the hook decides about every encoder';
    case 'none':
      return publish.hook === undefined
        ? 'anybody who reaches the port may publish'
        : 'whoever the hook lets in may publish';
  }
}
