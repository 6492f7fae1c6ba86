import type { Log } from '../base/log.ts';
import { usualLagSeconds } from '../policy/boundary-follower.ts';
import type { CutGap, CutPart, CutterSink, SegmentStart } from '../policy/part-cutter.ts';
import type { CutterStart } from '../policy/segment-cutter.ts';
import { longestSegmentSeconds, type PlaylistTargets } from '../policy/target-duration.ts';
import type { TimedEvent } from '../policy/timed-events.ts';
import { type TimedTrack, timescaleOf } from '../policy/timed-unit.ts';
import type { BegunSegment } from '../stores/kept/mended-windows.ts';
import type { StreamKeys } from './encryption/stream-keys.ts';
import { firstFollowingTrack } from './following-rendition.ts';
import type { KeptRendition, PackagingBefore } from './packaging-state.ts';
import { Rendition, type RenditionBefore } from './rendition.ts';
import type { OriginSettings } from './settings.ts';
import type { StreamMetadata } from './stream-metadata.ts';

/** A rendition reaches back this many TARGETDURATIONs at least, whatever the window. */
const leastTargets = 4;
/**
 * What ends this many TARGETDURATIONs before the newest is not waited for, or where the playlist is shorter, what leaves
 * it with the open segment and what may come with that: all gaps at once would be more than there is room for, and updates
 * of playlists reach back six.
 */
const awaitedTargets = 5;
/** Parts and segments answer this many TARGETDURATIONs after they have left the playlist. */
const keptTargets = 4;

export interface RenditionSetOptions {
  readonly targets: PlaylistTargets;
  readonly settings: Pick<OriginSettings['live'], 'windowMs' | 'windowBytes'>;
  readonly nameOf: (track: TimedTrack) => string;
  readonly wallMsAt: (mediaSeconds: number) => number;
  /** A part, segment or gap more. */
  readonly onChange: () => void;
  /** Of an encrypted stream. */
  readonly keys: Pick<StreamKeys, 'onSegmentBegin' | 'leaveBefore' | 'protectionAt'> | undefined;
  /** What belongs into the parts of each rendition beside its samples. */
  readonly events: Pick<StreamMetadata, 'take'>;
  /** A segment has begun, of a number that no rendition had before. */
  readonly onBegun: (begun: BegunSegment) => void;
  /** There is a rendition, or an initialisation segment, that there was not before. */
  readonly onRenditionChanged: () => void;
  /** A rendition has one more part. */
  readonly onPart: (rendition: Rendition) => void;
  /** A rendition has one more complete segment, or a gap. */
  readonly onSegment: (rendition: Rendition) => void;
  /**
   * Renditions that have nothing yet of the segments before `msn` will not be waited for; the publisher's own not for those
   * before `publishedMsn`.
   */
  readonly onWanted: (msn: number, publishedMsn: number) => void;
  /** That of the stream. */
  readonly log: Log;
}

/** The renditions of one stream, each of which comes into being with its first segment. */
export class RenditionSet implements CutterSink {
  readonly #options: RenditionSetOptions;
  /** By the number of their track, in its order. */
  #renditions: ReadonlyMap<number, Rendition> = new Map();
  #wantedMsn = 0;
  #nextMsn = 0;

  constructor(options: RenditionSetOptions) {
    this.#options = options;
  }

  /** Video first, then by number. */
  list(): readonly Rendition[] {
    return [...this.#renditions.values()];
  }

  /** Media time at which the first playlist begins; -Infinity as long as one has nothing. */
  get startSeconds(): number {
    const starts = this.list().map(({ window }) => window.segments[0]?.startSeconds ?? -Infinity);
    return starts.length === 0 ? -Infinity : Math.min(...starts);
  }

  /** No segment has begun with this number, or a higher one. */
  get nextMsn(): number {
    return this.#nextMsn;
  }

  /** What a restart has to know of them besides their segments. */
  kept(): KeptRendition[] {
    return [...this.#renditions].map(([track, { name, config, initState }]) => ({ track, name, config, ...initState }));
  }

  /**
   * Goes on with the renditions from before a restart that have segments left; with those that somebody makes of the
   * publisher's only when `isMade`: somebody is still to make them. Returns which.
   */
  restore(
    { renditions, mended }: PackagingBefore,
    isMade: boolean,
  ): Omit<CutterStart, 'trailing'> & { readonly trailing: readonly KeptRendition[] } {
    const left = renditions.filter(
      ({ track, name }) => mended.windows.has(name) && (isMade || track < firstFollowingTrack),
    );
    for (const { track, config, name, ...inits } of left) {
      this.#add({ track, config }, name, { ...inits, segments: mended.windows.get(name) ?? [] });
    }
    this.#nextMsn = mended.nextMsn;
    return {
      nextMsn: mended.nextMsn,
      discontinuities: Math.max(0, ...this.list().map(({ window }) => window.discontinuities)),
      published: left.filter(({ track }) => track < firstFollowingTrack),
      trailing: left.filter(({ track }) => track >= firstFollowingTrack),
    };
  }

  onSegmentStart(track: TimedTrack, start: SegmentStart): void {
    const { msn, startTicks, discontinuity } = start;
    const startSeconds = startTicks / timescaleOf(track.config);
    if (msn >= this.#nextMsn) this.#options.keys?.onSegmentBegin(msn, startSeconds);
    const initIndex = this.#renditions.get(track.track)?.initState.initIndex;
    const rendition = this.#of(track);
    rendition.startSegment(track.config, start);
    if (msn >= this.#nextMsn) {
      this.#nextMsn = msn + 1;
      this.#options.onBegun({ msn, startSeconds, discontinuity });
    } else if (rendition.initState.initIndex !== initIndex) this.#options.onRenditionChanged();
  }

  onPart({ track }: TimedTrack, part: CutPart): void {
    const rendition = this.#renditions.get(track);
    if (rendition === undefined) return;
    rendition.addPart(part, this.#eventsOf(rendition, part));
    this.#options.onPart(rendition);
    this.#options.onChange();
  }

  onLastPart({ track }: TimedTrack): void {
    const { window } = this.#renditions.get(track) ?? {};
    if (window?.expectNoPart() === true) this.#options.onChange();
  }

  onSegmentEnd({ track }: TimedTrack, durationTicks: number): void {
    const rendition = this.#renditions.get(track);
    if (rendition === undefined) return;
    rendition.endSegment(durationTicks);
    this.#forgetKeys();
    this.#options.onSegment(rendition);
    this.#options.onChange();
    const { segments } = rendition.window;
    const last = segments.at(-1);
    if (last === undefined) return;
    const { targetDurationSeconds } = this.#options.targets;
    const awaitedFromSeconds = last.startSeconds - awaitedTargets * targetDurationSeconds;
    const comesSeconds = longestSegmentSeconds(targetDurationSeconds) + usualLagSeconds;
    const listedFromSeconds = last.startSeconds + last.durationSeconds + comesSeconds - this.#windowSeconds;
    const awaited = segments.filter(({ startSeconds }) => startSeconds > awaitedFromSeconds);
    const wanted = awaited.find(
      ({ startSeconds, durationSeconds }) => startSeconds + durationSeconds > listedFromSeconds,
    );
    // The segment before the missing one must stay too: its last picture is listed when it is known what follows.
    const published = awaited.find(({ startSeconds }) => startSeconds > listedFromSeconds);
    if (wanted === undefined || published === undefined || published.msn <= this.#wantedMsn) return;
    this.#wantedMsn = published.msn;
    this.#options.onWanted(wanted.msn, published.msn);
  }

  onGap(track: TimedTrack, gap: CutGap): void {
    const initIndex = this.#renditions.get(track.track)?.initState.initIndex;
    const rendition = this.#of(track);
    this.#options.log.warn({ rendition: rendition.name, msn: gap.msn }, 'Rendition has nothing for a segment');
    rendition.addGap(track.config, gap);
    if (rendition.initState.initIndex !== initIndex) this.#options.onRenditionChanged();
    this.#options.onSegment(rendition);
    this.#options.onChange();
  }

  /** Its last picture stands no longer: also before anybody publishes again. */
  onRunEnd({ track }: TimedTrack): void {
    const { iFrames } = this.#renditions.get(track) ?? {};
    if (iFrames?.end() === true) this.#options.onChange();
  }

  /** Players look for them beside the pictures, whichever they have, and beside sound where there are none. */
  #eventsOf({ name, kind, config }: Rendition, { units, startTicks }: CutPart): readonly TimedEvent[] {
    const last = units.at(-1);
    const [main] = this.list();
    if (last === undefined || (kind === 'audio' && main?.kind === 'video')) return [];
    const timescale = timescaleOf(config);
    const untilTicks = last.dtsTicks + last.durationTicks;
    return this.#options.events.take(name, startTicks / timescale, untilTicks / timescale);
  }

  #forgetKeys(): void {
    const oldest = this.list().flatMap(({ window }) => window.oldestMsn ?? []);
    if (oldest.length > 0) this.#options.keys?.leaveBefore(Math.min(...oldest));
  }

  get #windowSeconds(): number {
    const { targets, settings } = this.#options;
    return Math.max(settings.windowMs / 1_000, leastTargets * targets.targetDurationSeconds);
  }

  #of(track: TimedTrack): Rendition {
    return this.#renditions.get(track.track) ?? this.#add(track, this.#options.nameOf(track));
  }

  #add({ track, config }: TimedTrack, name: string, before?: RenditionBefore): Rendition {
    const { targets, settings, wallMsAt } = this.#options;
    const limits = {
      leastSeconds: leastTargets * targets.targetDurationSeconds,
      windowSeconds: this.#windowSeconds,
      keepSeconds: keptTargets * targets.targetDurationSeconds,
      maxBytes: settings.windowBytes,
    };
    const dateAt = (mediaSeconds: number) => new Date(wallMsAt(mediaSeconds)).toISOString();
    const created = new Rendition(name, config, targets, limits, dateAt, before, this.#options.keys?.protectionAt);
    this.#renditions = new Map([...this.#renditions, [track, created] as const].sort(([a], [b]) => a - b));
    return created;
  }
}
