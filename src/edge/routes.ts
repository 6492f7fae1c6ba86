import type { Upstream } from '../http/upstream.ts';
import { compileBehaviours, compileHosts } from '../policy/behaviour-match.ts';
import { type ChosenQuery, compileChosenQuery } from '../policy/cache-key.ts';
import { parseRequestTarget, readingsOf, type RequestTarget } from '../policy/request-target.ts';
import type { CacheTagField } from '../policy/cache-tags.ts';
import type { CachePolicy } from '../policy/cache-policy.ts';
import type { AllowedMethods } from '../policy/methods.ts';
import type { ForwardedFields } from '../policy/origin-request.ts';
import { type CrossSiteRule, crossSiteRule } from './cross-site.ts';
import type { Countries } from './geo/country-database.ts';
import { type ServedCountries, servedCountries } from './geo/served-countries.ts';
import { type ViewerCountry, viewerCountry } from './geo/viewer-country.ts';
import { compileViewerLimits, type LimitSurroundings, type ViewerLimits } from './limits/viewer-limits.ts';
import type { BehaviourSettings, DistributionSettings } from './settings.ts';

/** A behaviour, ready for use. */
export interface Behaviour {
  readonly path: string;
  /** Name of its distribution. */
  readonly distribution: string;
  readonly upstream: Upstream;
  readonly chosenQuery: ChosenQuery;
  readonly policy: CachePolicy;
  readonly methods: AllowedMethods;
  readonly forwarded: ForwardedFields;
  readonly tagField: CacheTagField | undefined;
  readonly surrogateControl: boolean;
  readonly disk: boolean;
  readonly cors: CrossSiteRule;
  /** Who wants in needs a grant signed with a key of one of these; empty: everybody may. */
  readonly trustedKeyGroups: readonly string[];
  /** How a grant for a playlist opens what that lists. */
  readonly carryGrants: BehaviourSettings['carryGrants'];
  readonly viewerProtocol: BehaviourSettings['viewerProtocol'];
  /** `undefined`: all are served. */
  readonly served: ServedCountries | undefined;
  readonly viewerCountry: ViewerCountry | undefined;
  /** Of its distribution. */
  readonly limits: ViewerLimits | undefined;
  /** What its distribution has in place of an error of this status. */
  errorPage(status: number): ErrorPage | undefined;
}

/** A page in place of an error (CloudFront: custom error response). */
export interface ErrorPage {
  readonly behaviour: Behaviour;
  readonly target: RequestTarget & { kind: 'resource' };
  /** What viewers get with it. */
  readonly status: number;
}

/**
 * Where a request goes: its behaviour, or what there is none of. `ambiguous`: its path is written in a way that its
 * origin may take for a path of another behaviour.
 */
export type Route = (host: string, path: string) => Behaviour | 'no-distribution' | 'no-behaviour' | 'ambiguous';

/** A web distribution, ready for use. */
export interface Distribution {
  readonly name: string;
  readonly hosts: readonly string[];
  /** Of a normalised path. */
  behaviourAt(path: string): Behaviour | 'no-behaviour' | 'ambiguous';
}

export function compileDistributions(
  distributions: readonly DistributionSettings[],
  upstreams: ReadonlyMap<string, Upstream>,
  surroundings: LimitSurroundings,
  countries?: Countries,
): Distribution[] {
  return distributions.map((distribution) => {
    const limits = compileViewerLimits(distribution.limits, distribution.name, surroundings);
    const behaviourOf = compileBehaviours(
      distribution.behaviours.map((settings) => ({
        ...compileBehaviour(distribution, settings, upstreams, countries),
        limits,
        errorPage: (status: number) => errorPages.get(status),
      })),
    );
    const errorPages = compileErrorPages(distribution, behaviourOf);
    return {
      name: distribution.name,
      hosts: distribution.hosts,
      behaviourAt: (path) => {
        const behaviour = behaviourOf(path);
        const readings = readingsOf(path);
        if (readings?.every((reading) => reading === path || behaviourOf(reading) === behaviour) !== true) {
          return 'ambiguous';
        }
        return behaviour ?? 'no-behaviour';
      },
    };
  });
}

export function compileRoutes(distributions: readonly Distribution[]): Route {
  const distributionOf = compileHosts(distributions);
  return (host, path) => distributionOf(host)?.behaviourAt(path) ?? 'no-distribution';
}

function compileBehaviour(
  { name, cacheTags, geo }: DistributionSettings,
  settings: BehaviourSettings,
  upstreams: ReadonlyMap<string, Upstream>,
  countries: Countries | undefined,
): Omit<Behaviour, 'errorPage' | 'limits'> {
  const upstream = upstreams.get(settings.origin);
  if (upstream === undefined) throw new TypeError(`the settings let an unknown origin "${settings.origin}" through`);
  return {
    path: settings.path,
    distribution: name,
    upstream,
    chosenQuery: chosenQueryOf(settings),
    policy: cachePolicy(settings),
    methods: settings.methods,
    forwarded: forwardedFields(settings.requestFields),
    tagField: cacheTags,
    surrogateControl: settings.surrogateControl,
    disk: settings.disk,
    cors: crossSiteRule(settings.cors, settings.credentialSites),
    trustedKeyGroups: settings.trustedKeyGroups,
    carryGrants: settings.carryGrants,
    viewerProtocol: settings.viewerProtocol,
    served: servedCountries(settings.geo ?? geo, countries),
    viewerCountry: viewerCountry(settings.viewerCountry, countries),
  };
}

function compileErrorPages(
  { errorPages }: DistributionSettings,
  behaviourOf: (path: string) => Behaviour | undefined,
): ReadonlyMap<number, ErrorPage> {
  const compiled = new Map<number, ErrorPage>();
  for (const { page, respondWith, status } of errorPages) {
    const target = parseRequestTarget(page);
    const behaviour = target.kind === 'resource' ? behaviourOf(target.path) : undefined;
    if (target.kind !== 'resource' || behaviour === undefined) {
      throw new TypeError(`the settings let the error page "${page}" through, which nobody answers`);
    }
    compiled.set(status, { behaviour, target, status: respondWith ?? status });
  }
  return compiled;
}

/** Which query parameters tell objects apart. */
export function chosenQueryOf({ policy, query }: BehaviourSettings): ChosenQuery {
  // The query is part of the URI, in the order it has (RFC 9111 §2).
  return policy === 'standards' && query === 'all' ? 'exact' : compileChosenQuery(query);
}

function cachePolicy({ policy, errorTtlMs, ...ttl }: BehaviourSettings): CachePolicy {
  const { minTtlMs, defaultTtlMs, maxTtlMs, maxStaleMs } = ttl;
  return policy === 'standards'
    ? { name: 'standards', maxStaleMs }
    : { name: 'cloudfront', minTtlMs, defaultTtlMs, maxTtlMs, maxStaleMs, errorTtl: errorTtlMs };
}

function forwardedFields(setting: BehaviourSettings['requestFields']): ForwardedFields {
  if (setting === 'all') return 'all';
  return new Set(setting === 'none' ? [] : setting);
}
