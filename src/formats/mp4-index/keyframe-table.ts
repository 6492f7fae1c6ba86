import type { KeyframeTable } from '../media/stored-media.ts';
import type { Span } from './edit-list.ts';
import type { Mp4Fragments, Mp4Track } from './mp4-index.ts';
import { decodeMs, timingOf } from './presentation.ts';
import type { SampleTable } from './sample-table.ts';

/** More are of no use to a player, and would make `onMetaData` as long as the index. */
const mostKeyframes = 65_536;

/**
 * The keyframes of a track: where there are too many, as in a file of nothing else, only some. Of fragments
 * one each, and none where only some of them are known. Empty for sound, which can be entered anywhere.
 */
export function keyframeTable(
  track: Mp4Track,
  { shiftMs, durationMs, fragments }: { shiftMs: number; durationMs: number; fragments: Mp4Fragments | undefined },
): KeyframeTable {
  const { kind, spans, table } = track;
  const timesMs: number[] = [];
  const offsets: number[] = [];
  const timeline = kind === 'video' ? spans : [];
  const count = timeline.reduce((sum, span) => sum + countSyncs(table, span), 0);
  const apartMs = count > mostKeyframes ? durationMs / mostKeyframes : Number.NEGATIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  const add = (timeMs: number, offset: number) => {
    if (timeMs - lastMs < apartMs) return;
    lastMs = timeMs;
    timesMs.push(timeMs);
    offsets.push(offset);
  };
  for (const span of timeline) {
    const timing = timingOf(track, span, shiftMs);
    const walk = table.walkFrom(span.firstSample);
    const { endSample } = span;
    for (let sample = walk.nextSync(endSample); sample !== undefined; sample = walk.nextSync(endSample)) {
      add(decodeMs(timing, sample.decodeTicks), sample.offset);
    }
  }
  if (kind === 'video' && fragments?.isSparse === false)
    fragments.timesMs.forEach((timeMs, index) => add(timeMs, fragments.offsets[index] ?? 0));
  return { timesMs: Float64Array.from(timesMs), offsets: Float64Array.from(offsets) };
}

function countSyncs({ columns: { syncs } }: SampleTable, { firstSample, endSample }: Span): number {
  let count = 0;
  for (let index = firstSample; index < endSample; index++) count += syncs.at(index);
  return count;
}
