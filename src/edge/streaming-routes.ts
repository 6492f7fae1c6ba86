import { compileHosts, compilePathPattern } from '../policy/behaviour-match.ts';
import { isStoredApplication, type StoredName, storedName } from '../policy/stored-name.ts';
import { applicationName, streamPath } from '../policy/stream-path.ts';
import type { Countries } from './geo/country-database.ts';
import { type ServedCountries, servedCountries } from './geo/served-countries.ts';
import { compileViewerLimits, type LimitSurroundings, type ViewerLimits } from './limits/viewer-limits.ts';
import type { RelayOrigin } from './relay-origin.ts';
import type { DistributionSettings } from './settings.ts';
import type { StoredMediaSettings, StreamingBehaviourSettings, StreamingSettings } from './streaming-settings.ts';

/** A behaviour of a streaming distribution, ready for use. */
export interface StreamingBehaviour extends Omit<StreamingBehaviourSettings, 'origins' | 'geo'> {
  /** Name of its distribution. */
  readonly distribution: string;
  /** Unlike that of any other behaviour of the edge. */
  readonly id: string;
  /** `undefined`: viewers of all countries are. */
  readonly served: ServedCountries | undefined;
  /** First the primary. */
  readonly origins: readonly RelayOrigin[];
  /** Of its distribution. */
  readonly limits: ViewerLimits | undefined;
}

export interface RoutedStream {
  readonly kind: 'routed';
  readonly behaviour: StreamingBehaviour;
  /** Without query. */
  readonly app: string;
  /** Without query. */
  readonly name: string;
  /** `app/name`. */
  readonly path: string;
}

/** A file that is asked for as a stream. */
export interface RoutedFile {
  readonly kind: 'stored';
  readonly library: StoredMediaSettings;
  /** By its streaming distribution; the behaviour that has it over HTTP counts too. */
  readonly served: ServedCountries | undefined;
  /** Of the distribution that it is asked of. */
  readonly limits: ViewerLimits | undefined;
  readonly name: StoredName;
  /** `app/name`, without query. */
  readonly path: string;
}

/** What nothing answers for, with the error that CloudFront had for it. */
export interface Unrouted {
  readonly kind: 'unrouted';
  readonly code: 'DistributionNotFound' | 'DistributionTypeMismatch' | 'InvalidInstance' | 'InvalidURI';
  /** For a person; holds no query. */
  readonly sentence: string;
}

export interface StreamingRoutes {
  /** Whether anything can be had of this application on this host, as `connect` asks. */
  application(tcUrl: string | undefined, app: string): Unrouted | undefined;
  /** Whether it has live streams. */
  hasLiveStreams(tcUrl: string | undefined, app: string): boolean;
  /** What is played by this name. */
  play(tcUrl: string | undefined, app: string, streamName: string): RoutedStream | RoutedFile | Unrouted;
  /** What is published by this name. */
  publish(tcUrl: string | undefined, app: string, streamName: string): RoutedStream | Unrouted;
}

interface CompiledDistribution {
  readonly hosts: readonly string[];
  readonly apps: readonly string[];
  readonly stored: StoredMediaSettings | undefined;
  readonly served: ServedCountries | undefined;
  readonly limits: ViewerLimits | undefined;
  behaviourOf(path: string): StreamingBehaviour | undefined;
}

/** Distributions of one host that have different applications. */
interface HostGroup {
  readonly hosts: readonly string[];
  readonly distributions: readonly CompiledDistribution[];
}

export function compileStreamingRoutes(
  streaming: readonly StreamingSettings[],
  web: readonly DistributionSettings[],
  origins: ReadonlyMap<string, RelayOrigin>,
  surroundings: LimitSurroundings,
  countries?: Countries,
): StreamingRoutes {
  const compiled = streaming.map((settings) => compileDistribution(settings, origins, surroundings, countries));
  const streamingOf = compileHosts(hostGroups(compiled));
  const webOf = compileHosts(web);
  const distributionFor = (tcUrl: string | undefined, appField: string) => {
    const host = hostOf(tcUrl);
    const distributions = streamingOf(host)?.distributions;
    if (distributions === undefined) {
      const isWeb = webOf(host) !== undefined;
      return isWeb
        ? unrouted(
            'DistributionTypeMismatch',
            `${shown(host)} is a web distribution: its streams are watched over HTTP`,
          )
        : unrouted('DistributionNotFound', `no streaming distribution answers for ${shown(host)}`);
    }
    const app = applicationName(appField);
    const live = distributions.find(({ apps, stored }) => stored === undefined && apps.includes(app));
    if (live !== undefined) return { kind: 'live', distribution: live, app } as const;
    for (const { apps, stored, served, limits } of distributions) {
      if (stored !== undefined && isStoredApplication(apps, appField)) {
        return { kind: 'stored', stored, apps, served, limits } as const;
      }
    }
    const known = distributions.flatMap(({ apps }) => apps.map((name) => `rtmp://HOST/${name}/NAME`)).join(', ');
    return unrouted('InvalidInstance', `there is no application "${shown(app)}" here: streams are at ${known}`);
  };
  const streamOf = (distribution: CompiledDistribution, app: string, streamName: string): RoutedStream | Unrouted => {
    const named = streamPath(app, streamName);
    if (named === undefined) {
      return unrouted('InvalidURI', 'a stream name is 1 to 128 letters, digits, dots, hyphens and underscores');
    }
    const behaviour = distribution.behaviourOf(named.path);
    if (behaviour === undefined) return unrouted('InvalidURI', `no behaviour answers for ${named.path}`);
    return { kind: 'routed', behaviour, app, ...named };
  };
  return {
    application: (tcUrl, app) => {
      const found = distributionFor(tcUrl, app);
      return found.kind === 'unrouted' ? found : undefined;
    },
    hasLiveStreams: (tcUrl, app) => distributionFor(tcUrl, app).kind === 'live',
    play: (tcUrl, appField, streamName) => {
      const found = distributionFor(tcUrl, appField);
      if (found.kind === 'unrouted') return found;
      if (found.kind === 'live') return streamOf(found.distribution, found.app, streamName);
      const name = storedName(found.apps, appField, streamName);
      if (name === undefined) return unrouted('InvalidInstance', 'there are no stored files of this application');
      if (name.kind === 'invalid') return unrouted(name.code, name.sentence);
      return {
        kind: 'stored',
        library: found.stored,
        served: found.served,
        limits: found.limits,
        name,
        path: `${name.application}/${name.path}`,
      };
    },
    publish: (tcUrl, appField, streamName) => {
      const found = distributionFor(tcUrl, appField);
      if (found.kind === 'unrouted') return found;
      if (found.kind === 'live') return streamOf(found.distribution, found.app, streamName);
      return unrouted('DistributionTypeMismatch', 'this application has stored files, and nothing is published there');
    },
  };
}

function compileDistribution(
  { name, hosts, apps, behaviours, stored, geo, limits: limitSettings }: StreamingSettings,
  origins: ReadonlyMap<string, RelayOrigin>,
  surroundings: LimitSurroundings,
  countries: Countries | undefined,
): CompiledDistribution {
  const limits = compileViewerLimits(limitSettings, name, surroundings);
  const compiled = behaviours.map(({ geo: ownGeo, ...settings }, index) => ({
    matches: compilePathPattern(settings.stream),
    behaviour: {
      ...settings,
      limits,
      distribution: name,
      id: `${name}#${index}`,
      served: servedCountries(ownGeo ?? geo, countries),
      origins: settings.origins.map((originName) => {
        const origin = origins.get(originName);
        if (origin === undefined) throw new TypeError(`the settings let an unknown origin "${originName}" through`);
        return origin;
      }),
    },
  }));
  return {
    hosts,
    apps,
    stored,
    served: servedCountries(geo, countries),
    limits,
    behaviourOf: (path) => compiled.find(({ matches }) => matches(`/${path}`))?.behaviour,
  };
}

/** One for each host that is named, with all that name it. */
function hostGroups(distributions: readonly CompiledDistribution[]): HostGroup[] {
  const byHost = new Map<string, CompiledDistribution[]>();
  for (const distribution of distributions) {
    for (const host of new Set(distribution.hosts.map((written) => written.toLowerCase()))) {
      byHost.set(host, [...(byHost.get(host) ?? []), distribution]);
    }
  }
  return [...byHost].map(([host, group]) => ({ hosts: [host], distributions: group }));
}

/** `rtmp://HOST:PORT/…` → `HOST:PORT`; empty where nothing is said. */
function hostOf(tcUrl: string | undefined): string {
  return /^[a-z]+:\/\/([^/?#]*)/i.exec(tcUrl ?? '')?.[1] ?? '';
}

/** A name from the wire as it may stand in a sentence: short and printable. */
function shown(text: string): string {
  return text === '' ? 'a client that names no host' : text.slice(0, 64).replace(/[^ -~]/g, '?');
}

function unrouted(code: Unrouted['code'], sentence: string): Unrouted {
  return { kind: 'unrouted', code, sentence };
}
