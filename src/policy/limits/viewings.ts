import { folderOf } from '../request-target.ts';

/** How somebody watches, or publishes. */
export type ViewingProtocol = 'hls' | 'rtmp' | 'http-flv' | 'ws-flv' | 'publish';

/** Who watches: an address by `addressKey`, and a grant where one was asked for. */
export interface Holder {
  readonly address: string;
  readonly grantId: string | undefined;
  readonly keyPairId: string | undefined;
}

/** Somebody watches something: a connection, or requests for one HLS stream as long as they go on. */
export interface Viewing extends Holder {
  /** For an operator. */
  readonly id: string;
  readonly protocol: ViewingProtocol;
  /** `app/name`; of HLS the distribution and the folder of the first playlist, which ends with `/`. */
  readonly stream: string;
  readonly beganMs: number;
  /** When it was asked for last, of HLS. */
  seenMs: number;
}

/** Who has been let in over HTTP. */
export interface Guest extends Holder {
  /** What the request is a part of. */
  readonly viewing: Viewing | undefined;
}

/** How many viewings at once each may have; `undefined`: as many as they want. */
export interface ViewingBounds {
  readonly perAddress: number | undefined;
  readonly perGrant: number | undefined;
}

/** The name under which one that comes again is known, in another connection say. */
export function viewingName({ address, grantId, stream }: Holder & Pick<Viewing, 'stream'>): string {
  return `${grantId ?? '-'} ${address} ${stream}`;
}

const maxRequested = 100_000;
/** Of one grant at one address. */
const maxRequestedPerHolder = 64;
/** So many windows a player may pause and still be known, though not counted, by its segments. */
const knownWindows = 10;
/** Whether a request for this path begins a viewing: of a playlist. What else is below its folder goes on with it. */
export function beginsViewing(path: string): boolean {
  return path.endsWith('.m3u8');
}

/** What is watched by who asks for a playlist over HTTP. */
export function streamOfPlaylist(distribution: string, path: string): string {
  return `${distribution}${folderOf(path)}`;
}

/**
 * Who watches what. RTMP and FLV are connections; HLS is requests, which count as one viewing per grant, address and
 * stream until none has come for `windowMs`.
 */
export class Viewings {
  readonly #windowMs: number;
  readonly #nextId: () => string;
  readonly #byAddress = new Map<string, Set<Viewing>>();
  readonly #byGrant = new Map<string, Set<Viewing>>();
  /** Those of HLS, by address and grant; the oldest first. */
  readonly #requested = new Map<string, Viewing[]>();
  #requestedCount = 0;
  #sweptMs = 0;

  constructor(windowMs: number, nextId: () => string) {
    this.#windowMs = windowMs;
    this.#nextId = nextId;
  }

  /** All that go on, the oldest first. */
  list(nowMs: number): readonly Viewing[] {
    return [...this.#byAddress.values()]
      .flatMap((viewings) => [...viewings])
      .filter((viewing) => this.#goesOn(viewing, nowMs))
      .sort((a, b) => a.beganMs - b.beganMs);
  }

  find(id: string): Viewing | undefined {
    for (const viewings of this.#byAddress.values()) {
      for (const viewing of viewings) if (viewing.id === id) return viewing;
    }
    return undefined;
  }

  /** A connection begins, which is to be given to `end`; or whose bound says no. */
  begin(
    holder: Holder,
    protocol: Exclude<ViewingProtocol, 'hls'>,
    stream: string,
    bounds: ViewingBounds,
    nowMs: number,
  ): Viewing | keyof ViewingBounds {
    return this.#exceeded(holder, bounds, nowMs) ?? this.#add(holder, protocol, stream, nowMs);
  }

  end(viewing: Viewing): void {
    remove(this.#byAddress, viewing.address, viewing);
    if (viewing.grantId !== undefined) remove(this.#byGrant, viewing.grantId, viewing);
  }

  /**
   * A request over HTTP for `path` of a distribution: part of a viewing, which one, or of none (`undefined`), or the bound
   * that is in its way.
   */
  request(
    holder: Holder,
    { distribution, path }: { readonly distribution: string; readonly path: string },
    bounds: ViewingBounds,
    nowMs: number,
  ): Viewing | keyof ViewingBounds | undefined {
    const name = holder.grantId === undefined ? holder.address : `${holder.address} ${holder.grantId}`;
    // Files are asked for under many grants of which nothing is watched: the name need not be looked up then.
    const watches = holder.grantId === undefined || this.#byGrant.has(holder.grantId);
    const ofHolder = watches ? this.#requested.get(name) : undefined;
    const known = ofHolder?.find(({ stream }) => isBelow(stream, distribution, path));
    if (known !== undefined) {
      if (!this.#goesOn(known, nowMs)) {
        const exceeded = this.#exceeded(holder, bounds, nowMs);
        if (exceeded !== undefined) return exceeded;
      }
      known.seenMs = nowMs;
      return known;
    }
    if (!beginsViewing(path)) return undefined;
    this.#sweep(nowMs);
    const exceeded = this.#exceeded(holder, bounds, nowMs);
    if (exceeded !== undefined) return exceeded;
    const begun = this.#add(holder, 'hls', streamOfPlaylist(distribution, path), nowMs);
    const held = this.#requested.get(name);
    if (held === undefined) this.#requested.set(name, [begun]);
    else held.push(begun);
    this.#requestedCount++;
    if ((held?.length ?? 0) > maxRequestedPerHolder) this.#forgetFirst(name);
    if (this.#requestedCount > maxRequested) this.#forgetFirst(this.#requested.keys().next().value ?? '');
    return begun;
  }

  #add(holder: Holder, protocol: ViewingProtocol, stream: string, nowMs: number): Viewing {
    const { address, grantId, keyPairId } = holder;
    const viewing = {
      id: this.#nextId(),
      address,
      grantId,
      keyPairId,
      protocol,
      stream,
      beganMs: nowMs,
      seenMs: nowMs,
    };
    add(this.#byAddress, address, viewing);
    if (grantId !== undefined) add(this.#byGrant, grantId, viewing);
    return viewing;
  }

  #exceeded(holder: Holder, { perAddress, perGrant }: ViewingBounds, nowMs: number): keyof ViewingBounds | undefined {
    if (perAddress !== undefined && this.#count(this.#byAddress.get(holder.address), nowMs) >= perAddress) {
      return 'perAddress';
    }
    const { grantId } = holder;
    if (perGrant === undefined || grantId === undefined) return undefined;
    return this.#count(this.#byGrant.get(grantId), nowMs) >= perGrant ? 'perGrant' : undefined;
  }

  #count(viewings: ReadonlySet<Viewing> | undefined, nowMs: number): number {
    let count = 0;
    for (const viewing of viewings ?? []) {
      if (viewing.protocol !== 'publish' && this.#goesOn(viewing, nowMs)) count++;
    }
    return count;
  }

  #goesOn({ protocol, seenMs }: Viewing, nowMs: number): boolean {
    return protocol !== 'hls' || nowMs - seenMs < this.#windowMs;
  }

  /** Forgets what nobody has asked for in a long time. */
  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < this.#windowMs) return;
    this.#sweptMs = nowMs;
    for (const [name, held] of this.#requested) {
      const kept = held.filter(({ seenMs }) => nowMs - seenMs < knownWindows * this.#windowMs);
      if (kept.length === held.length) continue;
      for (const viewing of held) if (!kept.includes(viewing)) this.end(viewing);
      this.#requestedCount -= held.length - kept.length;
      if (kept.length === 0) this.#requested.delete(name);
      else this.#requested.set(name, kept);
    }
  }

  #forgetFirst(name: string): void {
    const held = this.#requested.get(name) ?? [];
    const first = held.shift();
    if (held.length === 0) this.#requested.delete(name);
    if (first === undefined) return;
    this.#requestedCount--;
    this.end(first);
  }
}

function isBelow(stream: string, distribution: string, path: string): boolean {
  return (
    stream.length <= distribution.length + path.length &&
    stream.startsWith(distribution) &&
    path.startsWith(stream.slice(distribution.length))
  );
}

function add(index: Map<string, Set<Viewing>>, name: string, viewing: Viewing): void {
  const viewings = index.get(name);
  if (viewings === undefined) index.set(name, new Set([viewing]));
  else viewings.add(viewing);
}

function remove(index: Map<string, Set<Viewing>>, name: string, viewing: Viewing): void {
  const viewings = index.get(name);
  if (viewings === undefined) return;
  viewings.delete(viewing);
  if (viewings.size === 0) index.delete(name);
}
