import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { RecentEntries } from '../../base/recent-entries.ts';
import { AddressRanges } from '../../http/address-ranges.ts';
import type { VerifiedGrant } from '../../http/grant-verifier.ts';
import { RefusalLog } from '../../live/refusal-log.ts';
import { addressKey } from '../../policy/limits/address-key.ts';
import { ConnectionCounts } from '../../policy/limits/connection-counts.ts';
import type { RevocationKind, Revocations } from '../../policy/limits/revocations.ts';
import {
  beginsViewing,
  type Guest,
  type Holder,
  streamOfPlaylist,
  type Viewing,
  type ViewingBounds,
  viewingName,
  type ViewingProtocol,
  type Viewings,
} from '../../policy/limits/viewings.ts';
import { type Excess, excessCode } from './excess.ts';
import type { EdgeLimitSettings } from './limit-settings.ts';
import type { ViewerLimits } from './viewer-limits.ts';

/** What is asked for over HTTP, as far as limits go. */
export interface AskedPlace {
  readonly limits: ViewerLimits | undefined;
  /** Name of the distribution. */
  readonly distribution: string;
  readonly trustedKeyGroups: readonly string[];
}

export interface AttendanceOptions {
  readonly settings: Pick<EdgeLimitSettings, 'connectionsPerAddress' | 'exempt' | 'sessionWindowMs'>;
  readonly revocations: Revocations;
  readonly viewings: Viewings;
  readonly clock: Clock;
  readonly log: Log;
}

/** How an address counts. */
interface KnownAddress {
  readonly key: string;
  readonly isExempt: boolean;
}

/** So many need not be read again. */
const knownAddresses = 16_384;
const unbounded: ViewingBounds = { perAddress: undefined, perGrant: undefined };
/** What is watched goes on. */
const nothingMore: ViewingBounds = { perAddress: 0, perGrant: undefined };
/** Players go to another rendition at once, and come back to this one later. */
const withheldRendition: Excess = { kind: 'limited', what: 'rendition', per: 'stream', retryAfterSeconds: 20 };

/** Who is here, and whether that is too much: asked for each request, connection and player of an edge. */
export class Attendance {
  readonly #options: AttendanceOptions;
  readonly #exempt: AddressRanges;
  readonly #addresses = new RecentEntries<KnownAddress>(knownAddresses);
  readonly #connections: ConnectionCounts;
  readonly #refusals: RefusalLog;
  readonly #refused = new Map<string, number>();

  constructor(options: AttendanceOptions) {
    this.#options = options;
    this.#exempt = new AddressRanges(options.settings.exempt);
    this.#connections = new ConnectionCounts(options.settings.connectionsPerAddress);
    this.#refusals = new RefusalLog(options);
  }

  /** Who was refused, by why, since the start. */
  get refused(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#refused);
  }

  /** Whether a request has to be looked at: nothing is bounded, guarded or revoked in most places. */
  concerns({ limits, trustedKeyGroups }: AskedPlace): boolean {
    return limits !== undefined || trustedKeyGroups.length > 0 || !this.#options.revocations.isEmpty;
  }

  /** A connection comes. `undefined`: it is one too many; else to be called when it is gone. */
  connect(address: string): (() => void) | undefined {
    const { key, isExempt } = this.#known(address);
    if (isExempt) return nothing;
    if (!this.#connections.begin(key)) {
      this.#count('LIMIT_CONNECTIONS_PER_ADDRESS', key, undefined);
      return undefined;
    }
    return () => this.#connections.end(key);
  }

  /** Before a grant is looked at: takes one of the requests that an address may have. A player's `play` is one. */
  ofAddress(
    limits: ViewerLimits | undefined,
    address: string | undefined,
    nowMs = this.#options.clock.monotonicMs(),
  ): Excess | undefined {
    const { clock, revocations } = this.#options;
    if (limits?.perAddress === undefined && !revocations.hasAny('address')) return undefined;
    const { key, isExempt } = this.#known(address ?? '');
    if (revocations.hasAny('address') && revocations.has('address', key, clock.wallMs())) return revoked('address');
    const excess = isExempt ? undefined : limits?.perAddress?.takeRequest(key, nowMs);
    return excess && { kind: 'limited', what: excess.what, per: 'address', retryAfterSeconds: seconds(excess.waitMs) };
  }

  /** Behind the grant: takes one of the requests that it may have, and tells which viewing the request is a part of. */
  ofRequest(
    { distribution, limits, trustedKeyGroups }: AskedPlace,
    address: string | undefined,
    grant: VerifiedGrant | undefined,
    path: string,
    nowMs = this.#options.clock.monotonicMs(),
  ): Excess | Guest {
    const holder = this.#holder(address, grant);
    if (limits === undefined && trustedKeyGroups.length === 0) return { ...holder, viewing: undefined };
    const excess = this.#ofGrant(limits, holder, nowMs);
    if (excess !== undefined) return excess;
    const { viewings } = this.#options;
    const egress = limits?.egress;
    const full = egress?.full(beginsViewing(path) ? streamOfPlaylist(distribution, path) : undefined, nowMs);
    const bounds = full === undefined ? this.#bounds(limits, address) : nothingMore;
    const viewing = viewings.request(holder, { distribution, path }, bounds, nowMs);
    if (full !== undefined && (viewing === undefined || typeof viewing === 'string')) return overEgress(full);
    if (typeof viewing === 'string') return this.#tooManySessions(viewing);
    if (viewing !== undefined && egress?.withholds(viewing.stream, path, nowMs) === true) return withheldRendition;
    return this.#sentAway(viewing) ?? { ...holder, viewing };
  }

  /** The same for a player or an encoder that has a connection; `endViewing` is to be called when it is over. */
  ofStream(
    limits: ViewerLimits | undefined,
    address: string,
    grant: VerifiedGrant | undefined,
    protocol: Exclude<ViewingProtocol, 'hls'>,
    stream: string,
  ): Excess | Viewing {
    const { clock, viewings } = this.#options;
    const nowMs = clock.monotonicMs();
    const holder = this.#holder(address, grant);
    const excess = this.#ofGrant(limits, holder, nowMs);
    if (excess !== undefined) return excess;
    const full = protocol === 'publish' ? undefined : limits?.egress?.full(stream, nowMs);
    if (full !== undefined) return overEgress(full);
    const bounds = protocol === 'publish' ? unbounded : this.#bounds(limits, address);
    const viewing = viewings.begin(holder, protocol, stream, bounds, nowMs);
    if (typeof viewing === 'string') return this.#tooManySessions(viewing);
    const sentAway = this.#sentAway(viewing);
    if (sentAway !== undefined) viewings.end(viewing);
    return sentAway ?? viewing;
  }

  /** Counts what goes out to a guest, of a stream if it is of one. */
  spend(
    limits: ViewerLimits | undefined,
    { address, grantId }: Holder,
    stream: string | undefined,
    bytes: number,
    nowMs = this.#options.clock.monotonicMs(),
  ): void {
    limits?.egress?.spend(stream, bytes, nowMs);
    if (limits?.perAddress?.meters === true && !this.#known(address).isExempt) {
      limits.perAddress.spend(address, bytes, nowMs);
    }
    if (limits?.perGrant?.meters === true && grantId !== undefined) limits.perGrant.spend(grantId, bytes, nowMs);
  }

  /** How long nothing more should go out to a guest. */
  owedMs(limits: ViewerLimits | undefined, { address, grantId }: Holder): number {
    const nowMs = this.#options.clock.monotonicMs();
    const byAddress = limits?.perAddress?.owedMs(address, nowMs) ?? 0;
    return Math.max(byAddress, grantId === undefined ? 0 : (limits?.perGrant?.owedMs(grantId, nowMs) ?? 0));
  }

  /** What has gone out too early to a guest need not be made up for. */
  forgive(limits: ViewerLimits | undefined, { address, grantId }: Holder): void {
    limits?.perAddress?.forgive(address);
    if (grantId !== undefined) limits?.perGrant?.forgive(grantId);
  }

  /** Over: what `ofStream` has given. */
  endViewing(viewing: Viewing): void {
    this.#options.viewings.end(viewing);
  }

  /** A request that was let in and is to be let in again, by somebody else. */
  giveBack(limits: ViewerLimits | undefined, { address, grantId }: Holder): void {
    limits?.perAddress?.giveBack(address);
    if (grantId !== undefined) limits?.perGrant?.giveBack(grantId);
  }

  /** Writes down that somebody was refused: in the log not more often than every ten seconds for each reason. */
  note(excess: Excess, address: string | undefined, grant: VerifiedGrant | undefined): void {
    this.#count(excessCode(excess), this.#known(address ?? '').key, grant?.id);
  }

  /** Where nothing `concerns` who asks. */
  anybody(address: string | undefined): Guest {
    return { ...this.#holder(address, undefined), viewing: undefined };
  }

  #holder(address: string | undefined, grant: VerifiedGrant | undefined): Holder {
    return { address: this.#known(address ?? '').key, grantId: grant?.id, keyPairId: grant?.keyPairId };
  }

  #ofGrant(limits: ViewerLimits | undefined, { grantId, keyPairId }: Holder, nowMs: number): Excess | undefined {
    if (grantId === undefined || keyPairId === undefined) return undefined;
    const { clock, revocations } = this.#options;
    if (!revocations.isEmpty) {
      const wallMs = clock.wallMs();
      if (revocations.has('key', keyPairId, wallMs)) return revoked('key');
      if (revocations.has('grant', grantId, wallMs)) return revoked('grant');
    }
    const excess = limits?.perGrant?.takeRequest(grantId, nowMs);
    return excess && { kind: 'limited', what: excess.what, per: 'grant', retryAfterSeconds: seconds(excess.waitMs) };
  }

  #sentAway(viewing: Viewing | undefined): Excess | undefined {
    const { clock, revocations } = this.#options;
    if (viewing === undefined || !revocations.hasAny('session')) return undefined;
    if (!revocations.has('session', viewingName(viewing), clock.wallMs())) return undefined;
    // Who is sent away takes nobody's place, however often they ask.
    viewing.seenMs = Number.NEGATIVE_INFINITY;
    return revoked('session');
  }

  #bounds(limits: ViewerLimits | undefined, address: string | undefined): ViewingBounds {
    if (limits === undefined) return unbounded;
    const { perAddress, perGrant } = limits;
    return {
      perAddress: this.#known(address ?? '').isExempt ? undefined : perAddress?.settings.sessions,
      perGrant: perGrant?.settings.sessions,
    };
  }

  #tooManySessions(bound: keyof ViewingBounds): Excess {
    const per = bound === 'perAddress' ? 'address' : 'grant';
    const { sessionWindowMs } = this.#options.settings;
    return { kind: 'limited', what: 'sessions', per, retryAfterSeconds: seconds(sessionWindowMs) };
  }

  #known(address: string): KnownAddress {
    const known = this.#addresses.get(address);
    if (known !== undefined) return known;
    const found = { key: addressKey(address), isExempt: this.#exempt.has(address) };
    this.#addresses.set(address, found);
    return found;
  }

  #count(code: string, address: string, grantId: string | undefined): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
    const who = grantId === undefined ? address : `${address} with grant ${grantId}`;
    this.#refusals.warn(code, { address, ...(grantId && { grantId }) }, `${code}: ${who}`);
  }
}

function nothing(): void {
  // What is exempt was not counted.
}

function revoked(what: RevocationKind): Excess {
  return { kind: 'revoked', what };
}

function overEgress(per: 'stream' | 'distribution'): Excess {
  return { kind: 'limited', what: 'egress', per, retryAfterSeconds: 5 };
}

/** For Retry-After: in whole seconds, at least one. */
function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}
