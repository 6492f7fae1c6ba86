import type { DateRange } from '../formats/m3u8/date-range.ts';
import type { DataMessage } from '../formats/media/data-message.ts';
import { carriedSection } from '../formats/scte35/carried-section.ts';
import type { SegmentationDescriptor } from '../formats/scte35/segmentation-descriptor.ts';
import type { SpliceInfoSection } from '../formats/scte35/splice-info-section.ts';

export interface SpliceMarkersOptions {
  /** Where a timestamp of the publisher lies in media time; `undefined` while nobody can tell. */
  readonly mediaSecondsAt: (timestampMs: number) => number | undefined;
  /** Wall clock, in ms, of an instant of media time. */
  readonly wallMsAt: (mediaSeconds: number) => number;
  readonly addDateRange: (range: DateRange) => unknown;
  readonly removeDateRange: (id: string) => void;
  /** Something begins or ends there, in media time. */
  readonly onSplice: (mediaSeconds: number) => void;
}

/** A break that has been announced. Times are media time. */
export interface SpliceBreak {
  /** What ends it says the same. */
  readonly event: string;
  /** Of its date range. */
  readonly id: string;
  readonly startSeconds: number;
  /** Said, or expected. */
  readonly durationSeconds: number | undefined;
  /** It ends after that by itself. */
  readonly autoReturn: boolean;
  ended: boolean;
}

/** A mark that a section makes. `event` tells which break it begins or ends. */
type Mark =
  | {
      readonly kind: 'out';
      readonly event: string;
      readonly durationSeconds: number | undefined;
      readonly autoReturn: boolean;
    }
  | { readonly kind: 'in' | 'cancel' | 'other'; readonly event: string };

/** Messages that may carry a section. */
const carriers: ReadonlySet<string> = new Set(['onCuePoint', 'onAdCue', 'onSCTE35', 'onScte35']);
/** Breaks that are remembered, for the marks that end them. */
const maxBreaks = 256;
/** A mark that is sent again stands within this. */
const sameSeconds = 1;
/** A `time` further ahead, or back, is that of another clock. */
const latestAheadSeconds = 600;
const latestBackSeconds = 10;
/**
 * What begins a break, by `segmentation_type_id` (ANSI/SCTE 35 §10.3.3.1): breaks, advertisements, placement opportunities and
 * their overlays. The number that follows ends it.
 */
const breakTypes: ReadonlySet<number> = new Set([0x22, 0x30, 0x32, 0x34, 0x36, 0x38, 0x3a, 0x3c, 0x3e, 0x44, 0x46]);

/** Says in the playlists what SCTE-35 sections among a publisher's data messages say (rfc8216bis §4.4.5.1.1). */
export class SpliceMarkers {
  readonly #options: SpliceMarkersOptions;
  /** By event, the latest. */
  readonly #breaks = new Map<string, SpliceBreak>();

  /** `before`: what was announced before a restart. */
  constructor(options: SpliceMarkersOptions, before: readonly SpliceBreak[] = []) {
    this.#options = options;
    for (const announced of before) this.#breaks.set(announced.event, { ...announced });
  }

  /** The latest of each event. */
  get breaks(): readonly SpliceBreak[] {
    return [...this.#breaks.values()];
  }

  onData({ name, values, timestampMs }: DataMessage): void {
    const carried = carriers.has(name) ? carriedSection(values) : undefined;
    if (carried === undefined) return;
    const messageSeconds = this.#options.mediaSecondsAt(timestampMs);
    if (messageSeconds === undefined) return;
    const seconds = Math.max(0, messageSeconds + aheadSeconds(timestampMs, carried.timeSeconds));
    for (const mark of marksOf(carried.section)) this.#mark(mark, seconds, carried.bytes);
  }

  /** The media has come so far: breaks that end by themselves are over. */
  onReached(seconds: number): void {
    for (const announced of this.#breaks.values()) {
      const { autoReturn, durationSeconds = Infinity, startSeconds } = announced;
      if (autoReturn && !announced.ended && startSeconds + durationSeconds <= seconds)
        this.#end(announced, durationSeconds);
    }
  }

  #mark(mark: Mark, seconds: number, bytes: Uint8Array): void {
    const announced = this.#breaks.get(mark.event);
    switch (mark.kind) {
      case 'out':
        this.#begin(mark, seconds, bytes, announced);
        return;
      case 'in':
        this.#options.onSplice(seconds);
        if (announced === undefined || announced.ended) this.#instant(mark.event, seconds, bytes);
        else this.#end(announced, Math.max(0, seconds - announced.startSeconds), bytes);
        return;
      case 'cancel':
        if (announced === undefined) return;
        this.#breaks.delete(mark.event);
        this.#options.removeDateRange(announced.id);
        return;
      case 'other':
        this.#options.onSplice(seconds);
        this.#instant(mark.event, seconds, bytes);
    }
  }

  #begin(
    { event, durationSeconds, autoReturn }: Extract<Mark, { kind: 'out' }>,
    seconds: number,
    bytes: Uint8Array,
    before: SpliceBreak | undefined,
  ): void {
    // It is said again, for those who came later.
    const isRepeated =
      before !== undefined &&
      (Math.abs(before.startSeconds - seconds) < sameSeconds ||
        (!before.ended && seconds < before.startSeconds + (before.durationSeconds ?? Infinity)));
    if (isRepeated) return;
    this.#options.onSplice(seconds);
    if (autoReturn && durationSeconds !== undefined) this.#options.onSplice(seconds + durationSeconds);
    const id = this.#idOf(event, seconds);
    this.#breaks.delete(event);
    this.#breaks.set(event, { event, id, startSeconds: seconds, durationSeconds, autoReturn, ended: false });
    const [oldest] = this.#breaks.keys();
    if (this.#breaks.size > maxBreaks && oldest !== undefined) this.#breaks.delete(oldest);
    this.#options.addDateRange({
      id,
      startDate: this.#dateAt(seconds),
      ...(durationSeconds === undefined ? {} : { plannedDurationSeconds: durationSeconds }),
      scte35Out: bytes,
    });
  }

  #end(announced: SpliceBreak, durationSeconds: number, bytes?: Uint8Array): void {
    announced.ended = true;
    this.#options.addDateRange({
      id: announced.id,
      startDate: this.#dateAt(announced.startSeconds),
      durationSeconds: Math.round(durationSeconds * 1_000) / 1_000,
      ...(bytes === undefined ? {} : { scte35In: bytes }),
    });
  }

  /** What begins and ends nothing that has been announced. */
  #instant(event: string, seconds: number, bytes: Uint8Array): void {
    this.#options.addDateRange({
      id: this.#idOf(event, seconds),
      startDate: this.#dateAt(seconds),
      durationSeconds: 0,
      scte35Cmd: bytes,
    });
  }

  /** Encoders use the numbers of their events again. */
  #idOf(event: string, seconds: number): string {
    return `${event}-${Math.round(this.#options.wallMsAt(seconds)).toString(36)}`;
  }

  #dateAt(seconds: number): string {
    return new Date(this.#options.wallMsAt(seconds)).toISOString();
  }
}

/** How far `time` lies behind the message, where it is on the same clock. */
function aheadSeconds(timestampMs: number, timeSeconds: number | undefined): number {
  const ahead = timeSeconds === undefined ? 0 : timeSeconds - timestampMs / 1_000;
  return ahead <= latestAheadSeconds && ahead >= -latestBackSeconds ? ahead : 0;
}

function marksOf({ command, segmentation }: SpliceInfoSection): Mark[] {
  switch (command.kind) {
    case 'splice-insert': {
      const event = `splice-${command.eventId}`;
      if (command.cancelled) return [{ kind: 'cancel', event }];
      const { durationSeconds, autoReturn } = command;
      return [command.outOfNetwork ? { kind: 'out', event, durationSeconds, autoReturn } : { kind: 'in', event }];
    }
    case 'time-signal':
      return segmentation.flatMap(segmentationMarks);
    case 'other':
      return [];
  }
}

function segmentationMarks(descriptor: SegmentationDescriptor): Mark[] {
  const { eventId } = descriptor;
  const eventOf = (typeId: number) => `segmentation-${eventId}-${typeId}`;
  // Which type it had is not said.
  if (descriptor.cancelled) return [...breakTypes].map((typeId) => ({ kind: 'cancel', event: eventOf(typeId) }));
  const { typeId, durationSeconds } = descriptor;
  if (breakTypes.has(typeId)) return [{ kind: 'out', event: eventOf(typeId), durationSeconds, autoReturn: false }];
  if (breakTypes.has(typeId - 1)) return [{ kind: 'in', event: eventOf(typeId - 1) }];
  return [{ kind: 'other', event: eventOf(typeId) }];
}
