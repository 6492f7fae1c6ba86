import type { Log } from '../base/log.ts';
import type { CutGap, CutPart, CutterSink, SegmentStart } from '../policy/part-cutter.ts';
import type { PlaylistTargets } from '../policy/target-duration.ts';
import type { TimedTrack } from '../policy/timed-unit.ts';
import { Rendition } from './rendition.ts';
import type { OriginSettings } from './settings.ts';

/** A rendition reaches back this many TARGETDURATIONs at least, whatever the window. */
const leastTargets = 4;
/** Parts and segments answer this many TARGETDURATIONs after they have left the playlist. */
const keptTargets = 4;

export interface RenditionSetOptions {
  readonly targets: PlaylistTargets;
  readonly settings: Pick<OriginSettings['live'], 'windowMs' | 'windowBytes'>;
  readonly nameOf: (track: TimedTrack) => string;
  readonly wallMsAt: (mediaSeconds: number) => number;
  /** A part, segment or gap more. */
  readonly onChange: () => void;
  /** Renditions that have nothing yet of the segments before `msn` will not be waited for. */
  readonly onWanted: (msn: number) => void;
  /** That of the stream. */
  readonly log: Log;
}

/** The renditions of one stream, each of which comes into being with its first segment. */
export class RenditionSet implements CutterSink {
  readonly #options: RenditionSetOptions;
  /** By the number of their track, in its order. */
  #renditions: ReadonlyMap<number, Rendition> = new Map();
  #wantedMsn = 0;

  constructor(options: RenditionSetOptions) {
    this.#options = options;
  }

  /** Video first, then by number. */
  list(): readonly Rendition[] {
    return [...this.#renditions.values()];
  }

  onSegmentStart(track: TimedTrack, start: SegmentStart): void {
    this.#of(track).startSegment(track.config, start);
  }

  onPart({ track }: TimedTrack, part: CutPart): void {
    this.#renditions.get(track)?.addPart(part);
    this.#options.onChange();
  }

  onSegmentEnd({ track }: TimedTrack, durationTicks: number): void {
    const rendition = this.#renditions.get(track);
    if (rendition === undefined) return;
    rendition.endSegment(durationTicks);
    this.#options.onChange();
    const { segments } = rendition.window;
    const oldest = segments[0]?.msn ?? 0;
    // What is about to leave one playlist is not waited for in another; not all at once, it would have too many gaps.
    const wantedMsn = oldest + Math.floor(segments.length / 2);
    if (oldest === 0 || wantedMsn <= this.#wantedMsn) return;
    this.#wantedMsn = wantedMsn;
    this.#options.onWanted(wantedMsn);
  }

  onGap(track: TimedTrack, gap: CutGap): void {
    const rendition = this.#of(track);
    this.#options.log.warn({ rendition: rendition.name, msn: gap.msn }, 'Rendition has nothing for a segment');
    rendition.addGap(track.config, gap);
    this.#options.onChange();
  }

  #of(track: TimedTrack): Rendition {
    const existing = this.#renditions.get(track.track);
    if (existing !== undefined) return existing;
    const { targets, settings, nameOf, wallMsAt } = this.#options;
    const leastSeconds = leastTargets * targets.targetDurationSeconds;
    const limits = {
      leastSeconds,
      windowSeconds: Math.max(settings.windowMs / 1_000, leastSeconds),
      keepSeconds: keptTargets * targets.targetDurationSeconds,
      maxBytes: settings.windowBytes,
    };
    const created = new Rendition(nameOf(track), track.config, targets, limits, (mediaSeconds) =>
      new Date(wallMsAt(mediaSeconds)).toISOString(),
    );
    this.#renditions = new Map([...this.#renditions, [track.track, created] as const].sort(([a], [b]) => a - b));
    return created;
  }
}
