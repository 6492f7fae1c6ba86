import { randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { LimitError, ProtocolError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Ban, BanList } from '../policy/ban-list.ts';
import { compileBehaviours } from '../policy/behaviour-match.ts';
import { cacheKey, type ChosenQuery, chooseQuery } from '../policy/cache-key.ts';
import { type InvalidationPattern, parseInvalidationPattern } from '../policy/invalidation-pattern.ts';
import type { BanStore, InvalidationRecord } from '../stores/ban-store.ts';
import { BanSweeper } from '../stores/ban-sweeper.ts';
import type { CacheStore } from '../stores/cache-store.ts';
import type { CachedResponse } from './edge-response.ts';
import { chosenQueryOf } from './routes.ts';
import type { DistributionSettings } from './settings.ts';

/** CloudFront's bounds, for each distribution. */
const maxInProgress = 3_000;
const maxWildcardsInProgress = 15;
/** Bans are remembered for a while after they have been carried out. */
const maxRemembered = 100_000;
const maxWildcardsRemembered = 1_000;
/** Findings that an error names. */
const maxFindings = 10;
/** So many of the last can be asked about. */
const maxReports = 1_000;

export interface InvalidationRequest {
  /** May be left out where there is one distribution. */
  readonly distribution: string | undefined;
  /** `/path`, `/path?query`, `/beginning*`, `#tag`. */
  readonly items: readonly string[];
}

/** How an invalidation stands. It is in force in any case: nothing that it names is given to anybody. */
export interface InvalidationReport {
  readonly id: string;
  readonly distribution: string;
  readonly items: readonly string[];
  readonly createdWallMs: number;
  /** `completed`: everything that it names has been removed from the stores. */
  readonly status: 'in-progress' | 'completed';
  /** Objects removed from the stores since it came, or since this process began. */
  readonly dropped: number;
}

interface Running {
  readonly record: InvalidationRecord;
  readonly droppedBefore: number;
}

/** Takes invalidations of an edge's distributions: kept on disk, in force, and carried out in the background. */
export class Invalidations {
  readonly #options: InvalidationsOptions;
  readonly #sweeper: BanSweeper;
  /** The way to the chosen query of a path, by distribution. */
  readonly #chosenQueryOf: ReadonlyMap<string, (path: string) => ChosenQuery>;
  /** In the order of their numbers. */
  readonly #running = new Map<string, Running>();
  readonly #completed = new Map<string, InvalidationReport>();

  /** Puts in force what an earlier run has kept. */
  constructor(options: InvalidationsOptions) {
    this.#options = options;
    const { banStore, bans, clock, distributions, log, store } = options;
    this.#chosenQueryOf = new Map(distributions.map((settings) => [settings.name, chosenQueries(settings)]));
    this.#sweeper = new BanSweeper({
      bans,
      store,
      clock,
      log,
      onSwept: (sequence) => this.#complete(sequence),
      onForgotten: (upToSequence) => banStore.forget(upToSequence),
    });
    for (const record of banStore.records()) {
      bans.restore(record.bans, record.sequence);
      this.#running.set(record.id, { record, droppedBefore: 0 });
    }
    if (this.#running.size > 0) this.#sweeper.sweep();
  }

  /**
   * In force, and sure to stay so, when it returns. Throws a `ProtocolError` with everything that is wrong with it, and
   * a `LimitError` when too much is in progress.
   */
  create(request: InvalidationRequest): InvalidationReport {
    const { banStore, bans, clock, log } = this.#options;
    const distribution = this.#distributionOf(request);
    const wanted = this.#bansOf(distribution, request.items);
    this.#checkLimits(distribution, wanted);
    const record: InvalidationRecord = {
      id: `I${randomBytes(9).toString('hex').toUpperCase()}`,
      distribution,
      items: request.items,
      bans: wanted,
      sequence: bans.current + 1,
      createdWallMs: clock.wallMs(),
    };
    banStore.add(record);
    bans.add(wanted);
    this.#running.set(record.id, { record, droppedBefore: this.#sweeper.droppedTotal });
    this.#sweeper.sweep();
    log.info({ invalidation: record.id, distribution, items: request.items.slice(0, maxFindings) }, 'invalidated');
    return this.find(record.id) ?? reportOf(record, 'in-progress', 0);
  }

  /** `undefined`: there was none of this name, or it was long ago. */
  find(id: string): InvalidationReport | undefined {
    const running = this.#running.get(id);
    if (running === undefined) return this.#completed.get(id);
    return reportOf(running.record, 'in-progress', this.#sweeper.droppedTotal - running.droppedBefore);
  }

  close(): void {
    this.#sweeper.close();
    this.#options.banStore.close();
  }

  #distributionOf({ distribution }: InvalidationRequest): string {
    const names = [...this.#chosenQueryOf.keys()];
    const [only] = names;
    if (distribution === undefined && only !== undefined && names.length === 1) return only;
    if (distribution !== undefined && names.includes(distribution)) return distribution;
    throw new ProtocolError(
      'NO_SUCH_DISTRIBUTION',
      distribution === undefined
        ? `this edge has several distributions: say which one (${names.join(', ')})`
        : `this edge has no distribution "${distribution}" (there: ${names.join(', ')})`,
    );
  }

  #bansOf(distribution: string, items: readonly string[]): Ban[] {
    const bans = new Map<string, Ban>();
    const findings: string[] = [];
    for (const item of items) {
      const pattern = parseInvalidationPattern(item);
      if (pattern.kind === 'malformed') {
        findings.push(
          `"${item.length > 80 ? `${item.slice(0, 80)}…` : item}" cannot be invalidated: ${pattern.sentence}`,
        );
      } else {
        const ban = this.#banOf(distribution, pattern);
        bans.set(JSON.stringify(ban), ban);
      }
    }
    if (findings.length > maxFindings)
      findings.splice(maxFindings, Infinity, `and ${findings.length - maxFindings} more`);
    if (items.length === 0) findings.push('there is nothing to invalidate');
    if (findings.length > 0) throw new ProtocolError('INVALIDATION_MALFORMED', findings.join('; '));
    return [...bans.values()];
  }

  #banOf(distribution: string, pattern: Exclude<InvalidationPattern, { kind: 'malformed' }>): Ban {
    switch (pattern.kind) {
      case 'tag':
        return { kind: 'tag', distribution, tag: pattern.tag };
      case 'prefix':
        return { kind: 'prefix', cacheKeyPrefix: cacheKey(distribution, pattern.prefix, '') };
      case 'exact': {
        // What a viewer would get who asks for the same.
        const chosen = this.#chosenQueryOf.get(distribution)?.(pattern.path) ?? 'all';
        const key = cacheKey(distribution, pattern.path, chooseQuery(pattern.query, chosen));
        return { kind: 'exact', cacheKey: key };
      }
    }
  }

  #checkLimits(distribution: string, wanted: readonly Ban[]): void {
    const running = [...this.#running.values()].filter(({ record }) => record.distribution === distribution);
    const inProgress = [...running.flatMap(({ record }) => record.bans), ...wanted];
    const { exactAndTags, prefixes } = this.#options.bans.sizes;
    const wildcards = wanted.filter(isWildcard).length;
    const bounds = [
      { what: 'paths and tags in progress', value: inProgress.length, limit: maxInProgress },
      { what: 'wildcards in progress', value: inProgress.filter(isWildcard).length, limit: maxWildcardsInProgress },
      {
        what: 'paths and tags of the last twenty minutes',
        value: exactAndTags + wanted.length - wildcards,
        limit: maxRemembered,
      },
      { what: 'wildcards of the last twenty minutes', value: prefixes + wildcards, limit: maxWildcardsRemembered },
    ];
    const met = bounds.find(({ value, limit }) => value > limit);
    if (met === undefined) return;
    throw new LimitError('TOO_MANY_INVALIDATIONS_IN_PROGRESS', `too many ${met.what}, wait or use a wildcard`, met);
  }

  #complete(sequence: number): void {
    for (const [id, { record, droppedBefore }] of this.#running) {
      if (record.sequence > sequence) break;
      this.#running.delete(id);
      this.#completed.set(id, reportOf(record, 'completed', this.#sweeper.droppedTotal - droppedBefore));
      const [oldest] = this.#completed.keys();
      if (this.#completed.size > maxReports && oldest !== undefined) this.#completed.delete(oldest);
    }
  }
}

interface InvalidationsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly bans: BanList;
  readonly banStore: BanStore;
  readonly store: CacheStore<CachedResponse>;
  readonly distributions: readonly DistributionSettings[];
}

function chosenQueries({ behaviours }: DistributionSettings): (path: string) => ChosenQuery {
  const behaviourOf = compileBehaviours(
    behaviours.map((settings) => ({ path: settings.path, chosenQuery: chosenQueryOf(settings) })),
  );
  return (path) => behaviourOf(path)?.chosenQuery ?? 'all';
}

function isWildcard({ kind }: Ban): boolean {
  return kind === 'prefix';
}

function reportOf(record: InvalidationRecord, status: InvalidationReport['status'], dropped: number) {
  const { id, distribution, items, createdWallMs } = record;
  return { id, distribution, items, createdWallMs, status, dropped };
}
