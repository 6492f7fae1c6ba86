import type { Reading } from '../media/stored-media.ts';
import { FragmentReader } from './fragment-reader.ts';
import { type Mp4Limits, SampleBudget } from './limits.ts';
import type { Mp4Fragments, Mp4Index } from './mp4-index.ts';
import { decodeMs, endMs, fragmentTiming, ticksAtMs, type Timing } from './presentation.ts';
import type { SampleTable } from './sample-table.ts';

/** What is known of a file whose fragments are looked at. */
export type WalkedFile = Pick<Mp4Index, 'lengthBytes' | 'tracks' | 'shiftMs'>;

/** When and where something begins. */
export interface Entry {
  readonly timeMs: number;
  readonly offset: number;
}

/** A keyframe of the leading track, and the first fragment of what belongs beside it. */
export interface WalkedEntry extends Entry {
  /** Nothing of the other tracks can stand before it. */
  readonly isWhole: boolean;
}

export interface FragmentWalk {
  readonly from: Entry;
  /** It is the first of the file: tracks whose fragments do not say when they begin go on from `moov`. */
  readonly isFirst: boolean;
  /** It ends with the first fragment of the leading track that begins later. */
  readonly untilMs?: number;
  readonly limits: Mp4Limits;
}

/** `isSparse`: as in `Mp4Fragments`. */
export function fragmentsOf(entries: readonly Entry[], isSparse = false): Mp4Fragments {
  return {
    timesMs: Float64Array.from(entries, ({ timeMs }) => timeMs),
    offsets: Float64Array.from(entries, ({ offset }) => offset),
    isSparse,
  };
}

/** Looks at each `moof` from an entry on. `ends`: when each track does. Throws as `FragmentReader`. */
export function* walkFragments(
  { lengthBytes, tracks, shiftMs }: WalkedFile,
  { from, isFirst, untilMs = Number.POSITIVE_INFINITY, limits }: FragmentWalk,
): Reading<{ entries: WalkedEntry[]; ends: number[] }> {
  const timings = tracks.map((track) => fragmentTiming(track, shiftMs));
  const ends = tracks.map(({ table }, place) => endOf(timings[place], table));
  const entries: WalkedEntry[] = [];
  const budget = new SampleBudget(limits.maxSamples);
  const options = { lengthBytes, tracks, maxBytes: limits.maxReadBytes, maxBoxes: limits.maxBoxes };
  const startTicks = timings.map((timing, place) =>
    isFirst ? (tracks[place]?.table.endTicks ?? 0) : Math.max(0, Math.round(ticksAtMs(timing, from.timeMs))),
  );
  const reader = new FragmentReader(options, from.offset, startTicks);
  let earliestOffset: number | undefined;
  let isWhole = isFirst;
  for (let fragment = yield* reader.next(); fragment !== undefined; fragment = yield* reader.next()) {
    // Where tracks have fragments of their own, those that stand before that of the pictures belong to it.
    earliestOffset ??= fragment.offset;
    for (const { track, table } of fragment.tables) {
      budget.spend(table.count, `the moof at byte ${fragment.offset}`);
      ends[track] = Math.max(ends[track] ?? 0, endOf(timings[track], table));
      const timing = timings[track];
      if (track !== 0 || timing === undefined) continue;
      if (decodeMs(timing, table.columns.startTicks) > untilMs) return { entries, ends };
      const sync = firstSync(table);
      isWhole ||= fragment.tables.length === tracks.length;
      if (sync !== undefined)
        entries.push({ timeMs: decodeMs(timing, sync), offset: earliestOffset ?? fragment.offset, isWhole });
      earliestOffset = undefined;
      isWhole = true;
    }
  }
  return { entries, ends };
}

function endOf(timing: Timing | undefined, table: SampleTable): number {
  return timing === undefined ? 0 : endMs(timing, table);
}

/** Its decode time. */
function firstSync(table: SampleTable): number | undefined {
  const { syncs } = table.columns;
  for (let sample = 0; sample < table.count; sample++) {
    if (syncs.at(sample) === 1) return table.sample(sample).decodeTicks;
  }
  return undefined;
}
