import type { Mp4Track } from './mp4-index.ts';
import {
  decodeMs,
  notBefore,
  type TimedSample,
  ticksAtMs,
  timedSample,
  type Timing,
  timingOf,
} from './presentation.ts';
import { earliest, type SampleSource } from './sample-source.ts';
import type { SampleTable, SampleWalk } from './sample-table.ts';

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

  /** Goes to the sync sample at or before this time; of those at the same time, and where none is before, to the first. */
  seekSyncAtOrBefore(timeMs: number): void {
    const { table } = this.#track;
    const { span, sample } = this.#sampleAt(timeMs);
    const { firstSample = 0 } = this.#track.spans[span] ?? {};
    const timing = this.#timings[span];
    if (timing === undefined) return;
    let found = table.syncAtOrBefore(sample) ?? firstSample;
    while (found > firstSample) {
      const before = table.syncAtOrBefore(found - 1) ?? firstSample;
      if (decodeMs(timing, decodeTicksOf(table, before)) < decodeMs(timing, decodeTicksOf(table, found))) break;
      found = before;
    }
    this.#go(span, Math.max(found, firstSample));
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
    const near = table.sampleAtTicks(ticksAtMs(timing, timeMs + 0.5));
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
        this.#next = notBefore(this.#lastMs, timedSample(this.#track, timing, sample));
        this.#lastMs = this.#next.decodeMs;
        return;
      }
      this.#span++;
      this.#walk = this.#track.table.walkFrom(this.#track.spans[this.#span]?.firstSample ?? 0);
    }
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
    return earliest(this.#walks)?.next;
  }

  next(): TimedSample | undefined {
    const walk = earliest(this.#walks);
    const sample = walk?.next;
    walk?.take();
    return sample;
  }
}
