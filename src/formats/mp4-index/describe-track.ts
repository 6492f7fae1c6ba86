import { LimitError } from '../../base/errors.ts';
import type { ReadWindow } from '../media/read-window.ts';
import type { Reading } from '../media/stored-media.ts';
import { spansOf } from './edit-list.ts';
import { maxSampleBytes } from './limits.ts';
import type { MovieTrack } from './movie.ts';
import type { Mp4Description, Mp4Track } from './mp4-index.ts';
import { fragmentTiming, presentationMs, timingOf } from './presentation.ts';
import type { Sample, SampleTable } from './sample-table.ts';

/** A track that can be played, and when it begins. */
export interface DescribedTrack {
  readonly track: Mp4Track;
  /** Decode time of its first sample, of the presentation: may be negative. */
  readonly firstMs: number;
  /** By how much its first picture is shown later. */
  readonly reorderMs: number;
}

/** As much of a sample is looked at for what a decoder must know. */
const sampleHeadBytes = 64 * 1024;
/** Composition offsets further below 0 are no order of pictures, but damage. */
const longestReorderMs = 10_000;

/**
 * Finds out what a decoder must know, from the first samples where the sample descriptions do not say it. `tables` are
 * those of `moov` and of the first fragments. `undefined` for a track without a sample that can be played. Throws
 * `ProtocolError` for configurations that cannot be read, `LimitError` for samples that are too long to be sent.
 */
export function* describeTrack(
  movieTrack: MovieTrack,
  tables: readonly SampleTable[],
  trackId: number,
  isFragmented: boolean,
  window: ReadWindow,
): Reading<DescribedTrack | undefined> {
  const { kind, path, fileTrackId, timescale, edits, table, fragmentDefaults } = movieTrack;
  const longest = table.columns.sizesBytes.max;
  if (longest > maxSampleBytes) {
    throw new LimitError('MP4_SAMPLE_TOO_LARGE', `bytes of a sample of ${path}`, {
      limit: maxSampleBytes,
      value: longest,
    });
  }
  const descriptions = yield* describe(movieTrack, tables, trackId, window);
  const spans = isFragmented ? [] : spansOf(edits, table, movieTrack);
  const initial = firstSample(isFragmented ? tables : [table], spans[0]?.firstSample ?? 0, ({ description }) => {
    return descriptions[description] !== undefined;
  });
  if (initial === undefined || (spans.length === 0 && !isFragmented)) return undefined;
  const leastOffset = Math.min(...tables.map(({ columns }) => columns.compositionOffsetsTicks.base));
  const reorderTicks = Math.min(Math.max(0, -leastOffset), (longestReorderMs * timescale) / 1_000);
  const track: Mp4Track = {
    kind,
    fileTrackId,
    timescale,
    reorderTicks,
    descriptions,
    initialDescription: initial.description,
    edits,
    table,
    spans,
    fragmentDefaults,
  };
  const [span] = spans;
  const timing = span === undefined ? fragmentTiming(track, 0) : timingOf(track, span, 0);
  const firstTicks = Math.max(initial.decodeTicks, timing.shownTicks) - reorderTicks;
  return {
    track,
    firstMs: presentationMs(timing, firstTicks),
    reorderMs: ((initial.compositionOffsetTicks + reorderTicks) * 1_000) / timescale,
  };
}

function* describe(
  { descriptions }: MovieTrack,
  tables: readonly SampleTable[],
  trackId: number,
  window: ReadWindow,
): Reading<(Mp4Description | undefined)[]> {
  const described: (Mp4Description | undefined)[] = [];
  for (const [place, description] of descriptions.entries()) {
    let config = description?.configure(trackId);
    if (description !== undefined && (config === undefined || description.inBand)) {
      const wanted = ({ sync, sizeBytes, description }: Sample) => sync && sizeBytes > 0 && description === place;
      const sample = firstSample(tables, 0, wanted);
      if (sample !== undefined) {
        const head = yield* window.aside(sample.offset, Math.min(sample.sizeBytes, sampleHeadBytes));
        config = description.configure(trackId, head) ?? config;
      }
    }
    described.push(config && { config, inBand: description?.inBand === true });
  }
  return described;
}

function firstSample(
  tables: readonly SampleTable[],
  from: number,
  isWanted: (sample: Sample) => boolean,
): Sample | undefined {
  for (const table of tables) {
    const walk = table.walkFrom(from);
    for (let sample = walk.next(); sample !== undefined; sample = walk.next()) if (isWanted(sample)) return sample;
  }
  return undefined;
}
