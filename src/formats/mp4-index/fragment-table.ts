import { ProtocolError } from '../../base/errors.ts';
import { ReadWindow } from '../media/read-window.ts';
import type { Reading } from '../media/stored-media.ts';
import { type Box, boxError, boxField, boxTable, childBoxes, longestBoxHeadBytes } from './box.ts';
import { lastFragment } from './fragment-search.ts';
import { type Entry, fragmentsOf, walkFragments, type WalkedFile } from './fragment-walk.ts';
import type { Mp4Limits } from './limits.ts';
import type { Mp4Fragments } from './mp4-index.ts';
import { fragmentTiming } from './presentation.ts';
import { topLevelBox } from './top-level-boxes.ts';

export interface FragmentedFile extends WalkedFile {
  /** Of the first `moof`. */
  readonly firstFragment: number;
  /** When the leading track begins, as sent, and by how much its first picture is shown later. */
  readonly firstMs: number;
  readonly reorderMs: number;
  /** Found on the way to the first `moof`. */
  readonly segmentIndexes: readonly Box[];
}

/**
 * Finds where fragments begin, and when the last ends: by the segment index (`sidx`) where it tells of all of the file,
 * by the random access table (`mfra`) at its end, and else by looking at each `moof`. Of a long file these are too many:
 * of that only the first and one of the last are found. Throws `ProtocolError` and `LimitError` as `FragmentReader`.
 */
export function* readFragmentTable(
  file: FragmentedFile,
  limits: Mp4Limits,
): Reading<{ readonly fragments: Mp4Fragments; readonly endMs: number }> {
  const window = new ReadWindow({
    lengthBytes: file.lengthBytes,
    windowBytes: longestBoxHeadBytes,
    maxBytes: limits.maxReadBytes,
    what: 'the search for fragments of an MP4 file',
  });
  // With samples of `moov` the media begins there, and reading does at the beginning of the file.
  const hasMovieSamples = file.tracks.some(({ table }) => table.count > 0);
  const first = { timeMs: file.firstMs, offset: hasMovieSamples ? 0 : file.firstFragment };
  const told =
    (yield* ifReadable(segmentEntries(file, window))) ?? (yield* ifReadable(randomAccessEntries(file, window)));
  if (told === undefined) {
    const isLong = file.lengthBytes > limits.longestWalkBytes && !hasMovieSamples;
    const sparse = isLong ? yield* ifReadable(sparseTable(file, first, limits)) : undefined;
    return sparse ?? (yield* walkedTable(file, first, limits));
  }
  const entries = [first, ...told.filter((entry, place) => isForward(entry, told[place - 1] ?? first))];
  const last = entries.at(-1) ?? first;
  // Only the last fragments say when they end.
  const { ends } = yield* walkFragments(file, { from: last, isFirst: last === first, limits });
  return { fragments: fragmentsOf(entries), endMs: Math.max(...ends) };
}

/** What can be found without these tables is not refused for their sake. */
function* ifReadable<Value>(reading: Reading<Value>): Reading<Value | undefined> {
  try {
    return yield* reading;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return undefined;
  }
}

function isForward(entry: Entry, before: Entry): boolean {
  return entry.offset > before.offset && entry.timeMs >= before.timeMs;
}

/** `undefined` where the last fragment is not found. */
function* sparseTable(file: FragmentedFile, first: Entry, limits: Mp4Limits) {
  const last = yield* lastFragment(file, first);
  if (last === undefined || !isForward(last, first)) return undefined;
  const { ends } = yield* walkFragments(file, { from: last, isFirst: false, limits });
  return { fragments: fragmentsOf([first, last], true), endMs: Math.max(...ends) };
}

function* walkedTable(file: FragmentedFile, first: Entry, limits: Mp4Limits) {
  const { entries, ends } = yield* walkFragments(file, { from: first, isFirst: true, limits });
  const later = entries.filter((entry, place) => isForward(entry, entries[place - 1] ?? first));
  return { fragments: fragmentsOf([first, ...later]), endMs: Math.max(...ends) };
}

/** Presentation times of the leading track become the decode times at which its keyframes are sent, or nearly so. */
function sentMs(file: FragmentedFile, presentationMediaMs: number): number {
  const [track] = file.tracks;
  if (track === undefined) return 0;
  const { startMs, mediaTimeTicks, timescale, shiftMs } = fragmentTiming(track, file.shiftMs);
  const ms = presentationMediaMs + startMs + shiftMs - (mediaTimeTicks * 1_000) / timescale - file.reorderMs;
  return Math.max(0, Math.round(ms));
}

/** A reference of a `sidx`: to another one, or to media. */
interface Reference {
  readonly toIndex: boolean;
  readonly offset: number;
  readonly timeMs: number;
}

/** `undefined` where the segment indexes do not tell of all of the file. */
function* segmentEntries(file: FragmentedFile, window: ReadWindow): Reading<Entry[] | undefined> {
  const leading = file.tracks[0]?.fileTrackId;
  const box = file.segmentIndexes.find((one) => boxField(one, 4) === leading) ?? file.segmentIndexes[0];
  if (box === undefined) return undefined;
  const root = references(box);
  if (root.endOffset > file.lengthBytes || (yield* hasMore(root.endOffset, window))) return undefined;
  const entries: Entry[] = [];
  // What an index refers to lies behind it: this comes to an end.
  const open = root.list.toReversed();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.toIndex) {
      const nested = yield* boxAt(window, next.offset, 'sidx');
      if (nested === undefined || open.length + entries.length > maxReferences) return undefined;
      open.push(...references(nested).list.toReversed());
    } else {
      entries.push({ timeMs: sentMs(file, next.timeMs), offset: next.offset });
    }
  }
  return entries;
}

const maxReferences = 200_000;

/** `sidx` (§8.16.3). */
function references(box: Box): { readonly list: Reference[]; readonly endOffset: number } {
  const isWide = boxField(box, 0) >>> 24 > 0;
  const timescale = boxField(box, 8);
  if (timescale === 0) throw boxError(box, 'has a timescale of 0', 8);
  const wide = (at: number) => boxField(box, at) * 2 ** 32 + boxField(box, at + 4);
  let ticks = isWide ? wide(12) : boxField(box, 12);
  let offset = box.bodyOffset + box.body.length + (isWide ? wide(20) : boxField(box, 16));
  const countAt = isWide ? 28 : 20;
  const count = boxField(box, countAt) & 0xffff;
  const room = Math.floor((box.body.length - countAt - 4) / 12);
  if (count > room) throw boxError(box, `announces ${count} references and has bytes for ${room}`, countAt);
  const list: Reference[] = [];
  for (let place = 0; place < count; place++) {
    const at = countAt + 4 + place * 12;
    const size = boxField(box, at);
    list.push({ toIndex: size >= 2 ** 31, offset, timeMs: (ticks * 1_000) / timescale });
    offset += size % 2 ** 31;
    ticks += boxField(box, at + 4);
  }
  return { list, endOffset: offset };
}

const mediaBoxes = new Set(['moof', 'mdat', 'styp', 'sidx', 'emsg', 'prft']);

/** Whether media goes on at this place. */
function* hasMore(offset: number, window: ReadWindow): Reading<boolean> {
  const box = yield* topLevelBox(window, offset);
  return box !== undefined && mediaBoxes.has(box.type);
}

/** A box of this type that stands at this place, unless something else does. */
function* boxAt(window: ReadWindow, offset: number, type: string): Reading<Box | undefined> {
  const box = yield* topLevelBox(window, offset);
  if (box === undefined || box.type !== type || box.end - offset > maxTableBytes) return undefined;
  const { bodyOffset, end } = box;
  const body = yield* window.aside(bodyOffset, end - bodyOffset);
  return body.length < end - bodyOffset ? undefined : { type, path: type, bodyOffset, body: body.slice() };
}

const maxTableBytes = 16 * 1024 * 1024;
const mfroBytes = 16;

/** `undefined` where there is no `mfra`, or one that says nothing right of the leading track (§8.8.9 to §8.8.11). */
function* randomAccessEntries(file: FragmentedFile, window: ReadWindow): Reading<Entry[] | undefined> {
  const { lengthBytes, tracks, firstFragment } = file;
  const [leading] = tracks;
  if (leading === undefined || lengthBytes < mfroBytes) return undefined;
  const mfro = yield* window.at(lengthBytes - mfroBytes, mfroBytes);
  if (mfro.length < mfroBytes || String.fromCharCode(...mfro.subarray(4, 8)) !== 'mfro') return undefined;
  const mfraBytes = new DataView(mfro.buffer, mfro.byteOffset).getUint32(12);
  if (mfraBytes > lengthBytes - firstFragment) return undefined;
  const mfra = yield* boxAt(window, lengthBytes - mfraBytes, 'mfra');
  if (mfra === undefined) return undefined;
  for (const tfra of childBoxes(mfra)) {
    if (tfra.type !== 'tfra' || boxField(tfra, 4) !== leading.fileTrackId) continue;
    const entries = accessPoints(tfra).map(({ ticks, offset }) => ({
      timeMs: sentMs(file, (ticks * 1_000) / leading.timescale),
      offset,
    }));
    const last = entries.at(-1);
    const isRight = last !== undefined && (yield* isFragment(last.offset, window));
    return isRight ? entries : undefined;
  }
  return undefined;
}

function* isFragment(offset: number, window: ReadWindow): Reading<boolean> {
  return (yield* topLevelBox(window, offset))?.type === 'moof';
}

function accessPoints(tfra: Box): { ticks: number; offset: number }[] {
  const isWide = boxField(tfra, 0) >>> 24 === 1;
  const lengths = boxField(tfra, 8);
  // Numbers of traf, trun and sample, in one to four bytes each.
  const numbers = [4, 2, 0].reduce((sum, shift) => sum + ((lengths >>> shift) & 3) + 1, 0);
  const timeBytes = isWide ? 8 : 4;
  const entryBytes = timeBytes * 2 + numbers;
  const { count, view } = boxTable(tfra, 12, entryBytes);
  const number = (at: number) => (isWide ? view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4) : view.getUint32(at));
  return Array.from({ length: count }, (_, entry) => ({
    ticks: number(entry * entryBytes),
    offset: number(entry * entryBytes + timeBytes),
  }));
}
