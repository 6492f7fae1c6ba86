import type { Reading } from '../media/stored-media.ts';
import type { Span } from './edit-list.ts';
import type { Mp4Track } from './mp4-index.ts';
import type { Sample, SampleTable, SampleWalk } from './sample-table.ts';

/** A sample with its place in the file and its time as it is sent. */
export interface TimedSample extends Pick<Sample, 'sizeBytes' | 'offset' | 'sync' | 'description'> {
  readonly track: Mp4Track;
  /** Whole milliseconds, never negative. */
  readonly decodeMs: number;
  /** Presentation time − decode time. */
  readonly compositionOffsetMs: number;
}

/** Samples in the order in which they are sent. */
export interface SampleSource {
  /** What has to be read before `next` can say anything. */
  reading(): Reading<void> | undefined;
  /** What `next` will say. */
  readonly first: TimedSample | undefined;
  /** `undefined` at the end. */
  next(): TimedSample | undefined;
}

/** How the media time of a track becomes that of the presentation. */
export interface Timing extends Pick<Span, 'startMs' | 'mediaTimeTicks' | 'shownTicks'> {
  readonly timescale: number;
  readonly reorderTicks: number;
  readonly shiftMs: number;
}

export function timingOf({ timescale, reorderTicks }: Mp4Track, span: Span, shiftMs: number): Timing {
  const { startMs, mediaTimeTicks, shownTicks } = span;
  return { startMs, mediaTimeTicks, shownTicks, timescale, reorderTicks, shiftMs };
}

/** Not rounded: only what is sent is, each time from the media's own, so that nothing adds up over hours. */
export function presentationMs(timing: Timing, ticks: number): number {
  return timing.startMs + timing.shiftMs + ((ticks - timing.mediaTimeTicks) * 1_000) / timing.timescale;
}

/** Samples that are only decoded get the time at which the first is that is shown: players show them for no time. */
export function decodeMs(timing: Timing, decodeTicks: number): number {
  const ticks = Math.max(decodeTicks, timing.shownTicks) - timing.reorderTicks;
  return Math.max(0, Math.round(presentationMs(timing, ticks)));
}

export function timedSample(track: Mp4Track, timing: Timing, sample: Sample): TimedSample {
  const { sizeBytes, offset, sync, description, decodeTicks, compositionOffsetTicks } = sample;
  const sentMs = decodeMs(timing, decodeTicks);
  const shownMs = Math.round(presentationMs(timing, decodeTicks + compositionOffsetTicks));
  const isHidden = decodeTicks < timing.shownTicks;
  return {
    track,
    sizeBytes,
    offset,
    sync,
    description,
    decodeMs: sentMs,
    compositionOffsetMs: isHidden ? Math.max(shownMs - sentMs, 0) : shownMs - sentMs,
  };
}

/** Goes through the samples of a track that its edit list shows. */
export class SpanWalk {
  readonly #track: Mp4Track;
  readonly #timings: readonly Timing[];
  #span = 0;
  #walk: SampleWalk;
  #next: TimedSample | undefined;
  #lastMs = 0;

  constructor(track: Mp4Track, shiftMs: number) {
    this.#track = track;
    this.#timings = track.spans.map((span) => timingOf(track, span, shiftMs));
    this.#walk = track.table.walkFrom(track.spans[0]?.firstSample ?? 0);
    this.#advance();
  }

  /** What comes next; `undefined` at the end. */
  get next(): TimedSample | undefined {
    return this.#next;
  }

  take(): void {
    this.#advance();
  }

  /** Goes to the sync sample at or before this time; to the first sample where none is before it. */
  seekSyncAtOrBefore(timeMs: number): void {
    const { span, sample } = this.#sampleAt(timeMs);
    const { firstSample = 0 } = this.#track.spans[span] ?? {};
    this.#go(span, Math.max(this.#track.table.syncAtOrBefore(sample) ?? firstSample, firstSample));
  }

  /** Goes to the first sync sample whose decode time is not before this one. */
  seekSyncFrom(timeMs: number): void {
    const { span, sample } = this.#sampleAt(timeMs);
    this.#go(span, sample);
    while (this.#next !== undefined && (this.#next.decodeMs < timeMs || !this.#next.sync)) this.#advance();
  }

  #sampleAt(timeMs: number): { span: number; sample: number } {
    const { spans, table } = this.#track;
    let span = 0;
    this.#timings.forEach((timing, index) => {
      if (decodeMs(timing, timing.shownTicks) <= timeMs) span = index;
    });
    const timing = this.#timings[span];
    const { firstSample = 0, endSample = 0 } = spans[span] ?? {};
    if (timing === undefined) return { span, sample: 0 };
    // What is rounded up to this time is at it.
    const ms = timeMs + 0.5 - timing.startMs - timing.shiftMs;
    const ticks = timing.mediaTimeTicks + timing.reorderTicks + (ms * timing.timescale) / 1_000;
    const near = table.sampleAtTicks(ticks);
    let sample = Math.min(Math.max(near, firstSample), endSample - 1);
    while (sample > firstSample && decodeMs(timing, decodeTicksOf(table, sample)) > timeMs) sample--;
    return { span, sample };
  }

  #go(span: number, sample: number): void {
    this.#span = span;
    this.#walk = this.#track.table.walkFrom(sample);
    this.#lastMs = 0;
    this.#advance();
  }

  #advance(): void {
    for (;;) {
      const span = this.#track.spans[this.#span];
      const timing = this.#timings[this.#span];
      const sample = this.#walk.next();
      if (span === undefined || timing === undefined) {
        this.#next = undefined;
        return;
      }
      if (sample !== undefined && sample.index < span.endSample) {
        this.#next = this.#inOrder(timedSample(this.#track, timing, sample));
        return;
      }
      this.#span++;
      this.#walk = this.#track.table.walkFrom(this.#track.spans[this.#span]?.firstSample ?? 0);
    }
  }

  /** Where an edit begins with what must be decoded first, its times may lie before the end of the one before. */
  #inOrder(sample: TimedSample): TimedSample {
    if (sample.decodeMs >= this.#lastMs) {
      this.#lastMs = sample.decodeMs;
      return sample;
    }
    const late = this.#lastMs - sample.decodeMs;
    return { ...sample, decodeMs: this.#lastMs, compositionOffsetMs: sample.compositionOffsetMs - late };
  }
}

function decodeTicksOf(table: SampleTable, sample: number): number {
  return table.sample(sample).decodeTicks;
}

/** All tracks of a file without fragments, interleaved by decode time. */
export class TableSamples implements SampleSource {
  readonly #walks: readonly SpanWalk[];

  /** From the keyframe of the first track at or before this time on; the others begin with it or behind it. */
  constructor(tracks: readonly Mp4Track[], shiftMs: number, timeMs: number) {
    this.#walks = tracks.map((track) => new SpanWalk(track, shiftMs));
    const [leading, ...others] = this.#walks;
    const beginMs = leading?.next?.decodeMs ?? 0;
    leading?.seekSyncAtOrBefore(timeMs);
    const startMs = leading?.next?.decodeMs ?? 0;
    // At the beginning nothing is left out: sound may begin before the first picture.
    if (startMs > beginMs) for (const walk of others) walk.seekSyncFrom(startMs);
  }

  reading(): undefined {
    return undefined;
  }

  get first(): TimedSample | undefined {
    return this.#earliest()?.next;
  }

  next(): TimedSample | undefined {
    const walk = this.#earliest();
    const sample = walk?.next;
    walk?.take();
    return sample;
  }

  /** Of those at the same time the first track. */
  #earliest(): SpanWalk | undefined {
    let earliest: SpanWalk | undefined;
    for (const walk of this.#walks) {
      if (walk.next === undefined) continue;
      if (earliest?.next === undefined || walk.next.decodeMs < earliest.next.decodeMs) earliest = walk;
    }
    return earliest;
  }
}
