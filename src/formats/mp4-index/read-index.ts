import { LimitError, ProtocolError } from '../../base/errors.ts';
import { ReadWindow } from '../media/read-window.ts';
import type { Reading } from '../media/stored-media.ts';
import { type DescribedTrack, describeTrack } from './describe-track.ts';
import type { FragmentTable } from './fragment.ts';
import { FragmentReader } from './fragment-reader.ts';
import { readFragmentTable } from './fragment-table.ts';
import { defaultMp4Limits, longestPresentationMs, type Mp4Limits } from './limits.ts';
import { keyframeTable } from './keyframe-table.ts';
import { type Movie, readMovie } from './movie.ts';
import type { Mp4Fragments, Mp4Index, Mp4Track } from './mp4-index.ts';
import { endMs, timingOf } from './presentation.ts';
import { findFragments, findMovie } from './top-level-boxes.ts';

/** As much is asked for where only a box head is wanted: small files come whole, and small boxes with their heads. */
const windowBytes = 64 * 1024;

/**
 * Reads what is needed of an MP4 or MOV file to play it from anywhere: the heads of its boxes, `moov` wherever it is,
 * and the beginning of single samples where only these say what a decoder must know; of a fragmented file the table of
 * its fragments (`readFragmentTable`). Asks for at most 1 MiB at a time. Throws `ProtocolError` for what is damaged, with
 * the box and its place, and `LimitError` beyond the limits.
 */
export function* readMp4Index(lengthBytes: number, limits: Mp4Limits = defaultMp4Limits): Reading<Mp4Index> {
  const maxBytes = limits.maxReadBytes;
  const window = new ReadWindow({ lengthBytes, windowBytes, maxBytes, what: 'the opening of an MP4 file' });
  const moov = yield* findMovie(window, limits);
  const movie = yield* readMovie(moov, lengthBytes, limits);
  const fragmented = movie.isFragmented ? yield* findFragments(window, limits, moov) : undefined;
  const fragmentTables =
    fragmented === undefined ? [] : yield* firstTables(movie, fragmented.firstFragment, lengthBytes, limits);

  const ids = { video: 0, audio: 0 };
  const described: DescribedTrack[] = [];
  for (const [place, track] of movie.tracks.entries()) {
    const tables = [track.table, ...fragmentTables.flatMap(({ track, table }) => (track === place ? [table] : []))];
    const one = yield* describeTrack(track, tables, ids[track.kind], fragmented !== undefined, window);
    if (one === undefined) continue;
    ids[track.kind]++;
    described.push(one);
  }
  const [leading] = described;
  if (leading === undefined) {
    const sentence = `${moov.path} tells of no sample that can be played: the recording was not finished, or is empty`;
    throw new ProtocolError('MP4_NOTHING_TO_PLAY', sentence, { byteOffset: moov.bodyOffset });
  }

  const shiftMs = Math.max(0, Math.ceil(-Math.min(...described.map(({ firstMs }) => firstMs))));
  const tracks = described.map(({ track }) => track);
  let durationMs: number;
  let fragments: Mp4Fragments | undefined;
  if (fragmented === undefined) {
    durationMs = Math.max(...tracks.map((track) => lastMs(track, shiftMs)));
  } else {
    const { reorderMs } = leading;
    const firstMs = Math.round(leading.firstMs + shiftMs);
    const file = { lengthBytes, tracks, shiftMs, firstMs, reorderMs, ...fragmented };
    ({ fragments, endMs: durationMs } = yield* readFragmentTable(file, limits));
  }
  const keyframes = keyframeTable(leading.track, { shiftMs, durationMs: bounded(durationMs), fragments });
  return { lengthBytes, durationMs, shiftMs, tracks, keyframes, fragments };
}

function bounded(durationMs: number): number {
  if (durationMs <= longestPresentationMs) return durationMs;
  throw new LimitError('MP4_TOO_LONG', 'milliseconds of a presentation', {
    limit: longestPresentationMs,
    value: Math.round(durationMs),
  });
}

function lastMs(track: Mp4Track, shiftMs: number): number {
  const span = track.spans.at(-1);
  if (span === undefined) return 0;
  return endMs(timingOf(track, span, shiftMs), track.table, span.firstSample, span.endSample);
}

/** So many fragments are looked at for the first samples of all tracks. */
const maxFirstFragments = 16;

/** Tables of the first fragments, until each track has samples. */
function* firstTables(
  { tracks }: Movie,
  offset: number,
  lengthBytes: number,
  limits: Mp4Limits,
): Reading<FragmentTable[]> {
  const { maxReadBytes: maxBytes, maxBoxes } = limits;
  const startTicks = tracks.map(({ table }) => table.endTicks);
  const reader = new FragmentReader({ lengthBytes, tracks, maxBytes, maxBoxes }, offset, startTicks);
  const tables: FragmentTable[] = [];
  const isMissing = tracks.map(({ table }) => table.count === 0);
  for (let fragments = 0; fragments < maxFirstFragments && isMissing.includes(true); fragments++) {
    const fragment = yield* reader.next();
    if (fragment === undefined) break;
    tables.push(...fragment.tables);
    for (const { track } of fragment.tables) isMissing[track] = false;
  }
  return tables;
}
