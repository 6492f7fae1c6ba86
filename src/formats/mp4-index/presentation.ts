import type { Span } from './edit-list.ts';
import type { Mp4Track } from './mp4-index.ts';
import type { Sample, SampleTable } from './sample-table.ts';

/** A sample with its place in the file and its time as it is sent. */
export interface TimedSample extends Pick<Sample, 'sizeBytes' | 'offset' | 'sync' | 'description'> {
  readonly track: Mp4Track;
  /** Whole milliseconds, never negative. */
  readonly decodeMs: number;
  /** Presentation time − decode time. */
  readonly compositionOffsetMs: number;
}

/** How the media time of a track becomes that of the presentation. */
export interface Timing extends Pick<Span, 'startMs' | 'mediaTimeTicks' | 'shownTicks'> {
  readonly timescale: number;
  readonly reorderTicks: number;
  readonly shiftMs: number;
}

export function timingOf(
  { timescale, reorderTicks }: Pick<Mp4Track, 'timescale' | 'reorderTicks'>,
  { startMs, mediaTimeTicks, shownTicks }: Pick<Span, 'startMs' | 'mediaTimeTicks' | 'shownTicks'>,
  shiftMs: number,
): Timing {
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

/** Of fragments the first edit alone counts: where it begins, and how much earlier. Nobody writes more. */
export function fragmentTiming(track: Mp4Track, shiftMs: number): Timing {
  const { startMs = 0, mediaTimeTicks = 0 } = track.edits[0] ?? {};
  return timingOf(track, { startMs, mediaTimeTicks, shownTicks: Number.NEGATIVE_INFINITY }, shiftMs);
}

/** Decode time in the file of what is sent at this time. */
export function ticksAtMs(
  { startMs, shiftMs, mediaTimeTicks, reorderTicks, timescale }: Timing,
  timeMs: number,
): number {
  return ((timeMs - startMs - shiftMs) * timescale) / 1_000 + mediaTimeTicks + reorderTicks;
}

/** Pictures are reordered among so many at most. */
const reorderedSamples = 64;

/** When the last of these samples ends. */
export function endMs(timing: Timing, table: SampleTable, firstSample = 0, endSample = table.count): number {
  const walk = table.walkFrom(Math.max(firstSample, endSample - reorderedSamples));
  let end = 0;
  for (let sample = walk.next(); sample !== undefined && sample.index < endSample; sample = walk.next()) {
    const ticks = sample.decodeTicks + sample.compositionOffsetTicks + sample.durationTicks;
    end = Math.max(end, presentationMs(timing, ticks));
  }
  return end;
}

/** Where an edit or a fragment begins with times before the end of the one before, they are held back. */
export function notBefore(lastMs: number, sample: TimedSample): TimedSample {
  const lateMs = lastMs - sample.decodeMs;
  if (lateMs <= 0) return sample;
  return { ...sample, decodeMs: lastMs, compositionOffsetMs: sample.compositionOffsetMs - lateMs };
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
