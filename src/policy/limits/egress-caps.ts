import { RecentEntries } from '../../base/recent-entries.ts';
import { EgressMeter } from './egress-meter.ts';

/** In bytes a second; `undefined`: no cap. */
export interface EgressCapSettings {
  readonly bytesPerSecond: number | undefined;
  readonly streamBytesPerSecond: number | undefined;
}

/** What a multivariant playlist leads to, the largest first. */
export interface Ladder {
  readonly renditions: readonly LadderRendition[];
}

export interface LadderRendition {
  /** As the playlist has it. */
  readonly uri: string;
  /** Of its media playlist; `undefined`: somewhere else. */
  readonly path: string | undefined;
  /** Below which nothing is but this rendition, ends with `/`; `undefined`: there is no such folder. */
  readonly folder: string | undefined;
}

interface MeteredStream {
  readonly meter: EgressMeter | undefined;
  /** By the path of their playlist. */
  readonly ladders: Map<string, Ladder>;
}

const rememberedStreams = 4_096;
/** Of one stream: for players of different kinds. */
const maxLadders = 8;

/** What goes out of a distribution and of each of its streams, and what is withheld so that it stays below the caps. */
export class EgressCaps {
  readonly #settings: EgressCapSettings;
  readonly #onWithheld: (stream: string | undefined, count: number) => void;
  readonly #meter: EgressMeter | undefined;
  readonly #streams = new RecentEntries<MeteredStream>(rememberedStreams);
  /** As many may be withheld of a stream that has the longest ladder. */
  #mostWithheld = 0;

  /** `onWithheld`: of a stream, or of all (`undefined`), another number of renditions is withheld from now on. */
  constructor(
    settings: EgressCapSettings,
    nowMs: number,
    onWithheld: (stream: string | undefined, count: number) => void,
  ) {
    this.#settings = settings;
    this.#onWithheld = onWithheld;
    const { bytesPerSecond } = settings;
    this.#meter = bytesPerSecond === undefined ? undefined : new EgressMeter(bytesPerSecond, nowMs);
  }

  /** Of the distribution. */
  bytesPerSecond(nowMs: number): number {
    return this.#meter?.bytesPerSecond(nowMs) ?? 0;
  }

  /** Counts what goes out, of a stream or of something else. */
  spend(stream: string | undefined, bytes: number, nowMs: number): void {
    const meter = stream === undefined ? undefined : this.#of(stream, nowMs).meter;
    this.#meter?.spend(bytes, nowMs);
    meter?.spend(bytes, nowMs);
    this.#adapt(stream, meter, nowMs);
  }

  /** Whose cap keeps anything more from beginning; what is watched goes on. */
  full(stream: string | undefined, nowMs: number): 'stream' | 'distribution' | undefined {
    if (this.#meter?.isFull(nowMs) === true) return 'distribution';
    return stream !== undefined && this.#streams.get(stream)?.meter?.isFull(nowMs) === true ? 'stream' : undefined;
  }

  /** A multivariant playlist was seen. */
  noteLadder(stream: string, path: string, ladder: Ladder, nowMs: number): void {
    const { ladders } = this.#of(stream, nowMs);
    if (ladders.size < maxLadders || ladders.has(path)) ladders.set(path, ladder);
    this.#mostWithheld = Math.max(this.#mostWithheld, ladder.renditions.length - 1);
  }

  /** Those of a ladder that are withheld now; the smallest never is. */
  withheld(stream: string, { renditions }: Ladder, nowMs: number): readonly LadderRendition[] {
    const meter = this.#streams.get(stream)?.meter;
    // What has become quiet gives back without anything going out.
    this.#adapt(stream, meter, nowMs);
    const count = Math.max(this.#meter?.withheld ?? 0, meter?.withheld ?? 0);
    return renditions.slice(0, Math.max(0, Math.min(count, renditions.length - 1)));
  }

  /** Whether a path is the playlist, or within the folder, of a rendition that is withheld. */
  withholds(stream: string, path: string, nowMs: number): boolean {
    const known = this.#streams.get(stream);
    if (known === undefined || known.ladders.size === 0) return false;
    if ((this.#meter?.withheld ?? 0) === 0 && (known.meter?.withheld ?? 0) === 0) return false;
    return [...known.ladders.values()].some((ladder) =>
      this.withheld(stream, ladder, nowMs).some(
        (rendition) => rendition.path === path || (rendition.folder !== undefined && path.startsWith(rendition.folder)),
      ),
    );
  }

  #adapt(stream: string | undefined, meter: EgressMeter | undefined, nowMs: number): void {
    if (this.#meter?.adapt(this.#mostWithheld, nowMs) === true) this.#onWithheld(undefined, this.#meter.withheld);
    if (stream !== undefined && meter?.adapt(this.#longest(stream), nowMs) === true) {
      this.#onWithheld(stream, meter.withheld);
    }
  }

  #longest(stream: string): number {
    const ladders = this.#streams.get(stream)?.ladders.values() ?? [];
    return Math.max(0, ...[...ladders].map(({ renditions }) => renditions.length - 1));
  }

  #of(stream: string, nowMs: number): MeteredStream {
    const known = this.#streams.get(stream);
    if (known !== undefined) return known;
    const { streamBytesPerSecond } = this.#settings;
    const meter = streamBytesPerSecond === undefined ? undefined : new EgressMeter(streamBytesPerSecond, nowMs);
    const made: MeteredStream = { meter, ladders: new Map() };
    this.#streams.set(stream, made);
    return made;
  }
}
