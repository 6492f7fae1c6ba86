import { LimitError, ProtocolError } from '../../base/errors.ts';
import { ReadWindow } from '../media/read-window.ts';
import type { Reading } from '../media/stored-media.ts';
import { FragmentReader } from './fragment-reader.ts';
import { type Entry, fragmentsOf, walkFragments, type WalkedFile } from './fragment-walk.ts';
import { defaultMp4Limits } from './limits.ts';
import type { Mp4Fragments } from './mp4-index.ts';
import { decodeMs, fragmentTiming } from './presentation.ts';

/** How much is looked through at once for the beginning of a fragment; a little more, so that none is cut in two. */
const scanBytes = 64 * 1024;
/** `moof`, and the head of `mfhd`, which is the first box in it wherever somebody has written one. */
const signature = Uint8Array.of(0x6d, 0x6f, 0x6f, 0x66, 0, 0, 0, 0x10, 0x6d, 0x66, 0x68, 0x64);
/** In front of it stands the size of the box. */
const sizeBytes = 4;
/** Fragments of other tracks that may stand before one of the leading track. */
const maxOthers = 32;
/** At the end of a file it is looked for in so much first, and then in more. */
const firstTailBytes = 1024 * 1024;
const longestTailBytes = 64 * 1024 * 1024;
/** One that is so near before a time, or nearer to its place, need not be found more exactly: the others are walked. */
const nearMs = 6_000;
const nearBytes = 1024 * 1024;
/** So much before a time the search aims at: one behind it is of no use. */
const aimMs = 3_000;
const maxSteps = 32;
/** How far back a keyframe is looked for, and the fragments of other tracks beside it: then four times as far. */
const firstLookBackMs = 16_000;

/**
 * The first fragment of the leading track that begins between two places; `undefined` where there is none, or none that says
 * when it is, or what stands there is none.
 */
function* fragmentBetween(file: WalkedFile, from: number, to: number): Reading<Entry | undefined> {
  const offset = yield* signatureBetween(file.lengthBytes, from, to);
  const [leading] = file.tracks;
  if (offset === undefined || leading === undefined) return undefined;
  const { maxReadBytes: maxBytes, maxBoxes } = defaultMp4Limits;
  const { lengthBytes, tracks } = file;
  const untold = tracks.map(() => Number.NaN);
  const reader = new FragmentReader({ lengthBytes, tracks, maxBytes, maxBoxes }, offset, untold);
  try {
    for (let others = 0; others <= maxOthers; others++) {
      const fragment = yield* reader.next();
      const table = fragment?.tables.find(({ track }) => track === 0)?.table;
      if (fragment === undefined) return undefined;
      if (table === undefined) continue;
      const timeMs = decodeMs(fragmentTiming(leading, file.shiftMs), table.columns.startTicks);
      return Number.isFinite(timeMs) ? { timeMs, offset } : undefined;
    }
  } catch (error) {
    if (!(error instanceof ProtocolError || error instanceof LimitError)) throw error;
  }
  return undefined;
}

function* signatureBetween(lengthBytes: number, from: number, to: number): Reading<number | undefined> {
  const window = new ReadWindow({
    lengthBytes,
    windowBytes: scanBytes,
    maxBytes: Number.POSITIVE_INFINITY,
    what: 'the search for a fragment of an MP4 file',
  });
  const overlapBytes = sizeBytes + signature.length;
  for (let at = from; at < to; at += scanBytes) {
    const bytes = yield* window.at(at, scanBytes + overlapBytes);
    for (let found = bytes.indexOf(0x6d, sizeBytes); found >= 0; found = bytes.indexOf(0x6d, found + 1)) {
      if (!signature.every((byte, place) => bytes[found + place] === byte)) continue;
      const offset = at + found - sizeBytes;
      return offset < to ? offset : undefined;
    }
  }
  return undefined;
}

/** The last fragment of the leading track, or one that is not far before it; `undefined` where none is found near the end. */
export function* lastFragment(file: WalkedFile, first: Entry): Reading<Entry | undefined> {
  const { lengthBytes } = file;
  for (let tailBytes = firstTailBytes; tailBytes <= longestTailBytes; tailBytes *= 4) {
    const from = Math.max(first.offset + 1, lengthBytes - tailBytes);
    const found = yield* fragmentBetween(file, from, lengthBytes);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Looks for the keyframe at or before a time, of a file of which only the first and one of the last fragments are known:
 * the first, and the one to begin with. Reads a few places of the file; throws as `FragmentReader`.
 */
export function* searchFragments(file: WalkedFile, known: Mp4Fragments, timeMs: number): Reading<Mp4Fragments> {
  const first = { timeMs: known.timesMs[0] ?? 0, offset: known.offsets[0] ?? 0 };
  const last = { timeMs: known.timesMs.at(-1) ?? 0, offset: known.offsets.at(-1) ?? 0 };
  for (let backMs = 0; ; backMs = Math.max(firstLookBackMs, backMs * 4)) {
    const from = yield* fragmentBefore(file, first, last, timeMs - backMs);
    const isFirst = from.offset === first.offset;
    const { entries } = yield* walkFragments(file, { from, isFirst, untilMs: timeMs, limits: defaultMp4Limits });
    const found = entries.findLast((entry) => entry.isWhole && entry.timeMs <= timeMs);
    if (found === undefined && !isFirst) continue;
    return fragmentsOf([first, ...(found === undefined || found.offset <= first.offset ? [] : [found])]);
  }
}

/** One that begins at or before a time and near to it. */
function* fragmentBefore(file: WalkedFile, first: Entry, last: Entry, timeMs: number): Reading<Entry> {
  if (timeMs >= last.timeMs) return last;
  let low = first;
  let high = last;
  for (let step = 0; step < maxSteps; step++) {
    const bytes = high.offset - low.offset;
    if (timeMs - low.timeMs <= nearMs || bytes <= nearBytes) break;
    const byTime = Math.max(0, timeMs - aimMs - low.timeMs) / Math.max(1, high.timeMs - low.timeMs);
    // Where the bit rate varies much, times say little of places.
    const share = step % 3 === 2 ? 0.5 : Math.min(byTime, 1);
    const from = low.offset + 1 + Math.floor((bytes - 1) * share);
    const found = yield* fragmentBetween(file, from, high.offset);
    if (found !== undefined && found.timeMs <= timeMs) low = found;
    else high = { timeMs: found?.timeMs ?? high.timeMs, offset: from };
  }
  return low;
}
