import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { DateRange } from '../formats/m3u8/date-range.ts';
import type { DataMessage } from '../formats/media/data-message.ts';
import type { TimedEvent } from '../policy/timed-events.ts';
import type { Timeline } from '../policy/timeline.ts';
import { SplicePoints } from '../policy/splice-points.ts';
import { DateRanges } from './date-ranges.ts';
import type { PackagingState } from './packaging-state.ts';
import { SpliceMarkers, type SpliceMarkersOptions } from './splice-markers.ts';
import { TimedMetadata } from './timed-metadata.ts';

export interface StreamMetadataOptions {
  /** `app/name`, for the log. */
  readonly path: string;
  /** Names of the messages that viewers get. */
  readonly names: readonly string[];
  readonly timeline: Pick<Timeline, 'mediaSecondsAt' | 'wallMsAt'>;
  readonly clock: Clock;
  readonly log: Log;
  /** The date ranges are others. */
  readonly onChange: () => void;
  /** From before a restart. */
  readonly before?: Pick<PackagingState, 'dateRanges' | 'breaks'>;
}

/** What goes with a stream beside pictures and sound: timed metadata in its parts, date ranges in its playlists. */
export class StreamMetadata {
  readonly dateRanges = new DateRanges();
  /** Where segments are to end. */
  readonly splicePoints = new SplicePoints();
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #timed: TimedMetadata;
  readonly #splices: SpliceMarkers;

  constructor({ path, names, timeline, clock, log, onChange, before }: StreamMetadataOptions) {
    this.#clock = clock;
    this.#onChange = onChange;
    const mediaSecondsAt = (timestampMs: number) => timeline.mediaSecondsAt(timestampMs);
    for (const range of before?.dateRanges ?? []) this.dateRanges.add(range, clock.monotonicMs());
    const options: SpliceMarkersOptions = {
      mediaSecondsAt,
      wallMsAt: (mediaSeconds) => timeline.wallMsAt(mediaSeconds),
      addDateRange: (range) => this.addDateRange(range),
      removeDateRange: (id) => this.removeDateRange(id),
      onSplice: (mediaSeconds) => this.splicePoints.add(mediaSeconds),
    };
    this.#splices = new SpliceMarkers(options, before?.breaks);
    this.#timed = new TimedMetadata({ path, names, log, mediaSecondsAt, splices: this.#splices });
  }

  /** What a restart has to know. */
  get kept(): Pick<PackagingState, 'dateRanges' | 'breaks'> {
    return { dateRanges: this.dateRanges.listed, breaks: this.#splices.breaks };
  }

  onData(message: DataMessage): void {
    this.#timed.onData(message);
  }

  /** Nothing of this publication follows. */
  onPublisherStop(): void {
    this.#timed.onPublisherStop();
  }

  /** What belongs into a part of this rendition. */
  take(rendition: string, fromSeconds: number, untilSeconds: number): readonly TimedEvent[] {
    return this.#timed.take(rendition, fromSeconds, untilSeconds);
  }

  /** Lists a date range in all playlists, as `DateRanges.add` has it; returns why it cannot be, if so. */
  addDateRange(range: DateRange): string | undefined {
    const fault = this.dateRanges.add(range, this.#clock.monotonicMs());
    if (fault === undefined) this.#onChange();
    return fault;
  }

  /** Takes a date range back. */
  removeDateRange(id: string): void {
    this.dateRanges.remove(id, this.#clock.monotonicMs());
    this.#onChange();
  }

  /** Those go whose time was over at this wall clock, where the playlists begin. */
  leaveBefore(windowStartMs: number): void {
    this.dateRanges.leave(windowStartMs, this.#clock.monotonicMs());
  }
}
