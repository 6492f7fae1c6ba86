import { compileHosts, compilePathPattern } from '../policy/behaviour-match.ts';
import { applicationName, streamPath } from '../policy/stream-path.ts';
import type { RelayOrigin } from './relay-origin.ts';
import type { DistributionSettings } from './settings.ts';
import type { StreamingBehaviourSettings, StreamingSettings } from './streaming-settings.ts';

/** A behaviour of a streaming distribution, ready for use. */
export interface StreamingBehaviour extends Omit<StreamingBehaviourSettings, 'origins'> {
  /** Name of its distribution. */
  readonly distribution: string;
  /** Unlike that of any other behaviour of the edge. */
  readonly id: string;
  /** First the primary. */
  readonly origins: readonly RelayOrigin[];
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
  stream(tcUrl: string | undefined, app: string, streamName: string): RoutedStream | Unrouted;
}

interface CompiledDistribution {
  readonly hosts: readonly string[];
  readonly name: string;
  readonly apps: readonly string[];
  behaviourOf(path: string): StreamingBehaviour | undefined;
}

export function compileStreamingRoutes(
  streaming: readonly StreamingSettings[],
  web: readonly DistributionSettings[],
  origins: ReadonlyMap<string, RelayOrigin>,
): StreamingRoutes {
  const streamingOf = compileHosts(streaming.map((distribution) => compileDistribution(distribution, origins)));
  const webOf = compileHosts(web);
  const distributionFor = (tcUrl: string | undefined, appField: string) => {
    const host = hostOf(tcUrl);
    const distribution = streamingOf(host);
    if (distribution === undefined) {
      const isWeb = webOf(host) !== undefined;
      return isWeb
        ? unrouted(
            'DistributionTypeMismatch',
            `${shown(host)} is a web distribution: its streams are watched over HTTP`,
          )
        : unrouted('DistributionNotFound', `no streaming distribution answers for ${shown(host)}`);
    }
    const app = applicationName(appField);
    if (!distribution.apps.includes(app)) {
      const known = distribution.apps.map((name) => `rtmp://HOST/${name}/NAME`).join(', ');
      return unrouted('InvalidInstance', `there is no application "${shown(app)}" here: streams are at ${known}`);
    }
    return { kind: 'distribution', distribution, app } as const;
  };
  return {
    application: (tcUrl, app) => {
      const found = distributionFor(tcUrl, app);
      return found.kind === 'unrouted' ? found : undefined;
    },
    stream: (tcUrl, appField, streamName) => {
      const found = distributionFor(tcUrl, appField);
      if (found.kind === 'unrouted') return found;
      const { distribution, app } = found;
      const named = streamPath(app, streamName);
      if (named === undefined) {
        return unrouted('InvalidURI', 'a stream name is 1 to 128 letters, digits, dots, hyphens and underscores');
      }
      const behaviour = distribution.behaviourOf(named.path);
      if (behaviour === undefined) return unrouted('InvalidURI', `no behaviour answers for ${named.path}`);
      return { kind: 'routed', behaviour, app, ...named };
    },
  };
}

function compileDistribution(
  { name, hosts, apps, behaviours }: StreamingSettings,
  origins: ReadonlyMap<string, RelayOrigin>,
): CompiledDistribution {
  const compiled = behaviours.map((settings, index) => ({
    matches: compilePathPattern(settings.stream),
    behaviour: {
      ...settings,
      distribution: name,
      id: `${name}#${index}`,
      origins: settings.origins.map((originName) => {
        const origin = origins.get(originName);
        if (origin === undefined) throw new TypeError(`the settings let an unknown origin "${originName}" through`);
        return origin;
      }),
    },
  }));
  return {
    name,
    hosts,
    apps,
    behaviourOf: (path) => compiled.find(({ matches }) => matches(`/${path}`))?.behaviour,
  };
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
