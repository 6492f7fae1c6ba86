import { LimitError, ProtocolError } from '../../base/errors.ts';
import { ReadWindow } from '../media/read-window.ts';
import type { Reading } from '../media/stored-media.ts';
import type { TrackConfig } from '../media/track.ts';
import { type Box, longestBoxHeadBytes, readBoxHead } from './box.ts';
import { spansOf } from './edit-list.ts';
import { defaultMp4Limits, longestPresentationMs, maxSampleBytes, type Mp4Limits } from './limits.ts';
import { type MovieTrack, readMovie } from './movie.ts';
import type { Mp4Description, Mp4Index, Mp4Track } from './mp4-index.ts';
import { presentationMs, timingOf } from './presentation.ts';
import type { Sample, SampleWalk } from './sample-table.ts';

/**
 * Reads what is needed of an MP4 or MOV file to play it from anywhere: the heads of its boxes, `moov` wherever it is,
 * and the beginning of single samples where only these say what a decoder must know. Asks for at most 1 MiB at a time.
 * Throws `ProtocolError` for what is damaged, with the box and its place, and `LimitError` beyond the limits.
 */
export function* readMp4Index(lengthBytes: number, limits: Mp4Limits = defaultMp4Limits): Reading<Mp4Index> {
  const window = new ReadWindow({
    lengthBytes,
    windowBytes,
    maxBytes: limits.maxReadBytes,
    what: 'the opening of an MP4 file',
  });
  const moov = yield* findMovie(window, limits);
  const movie = readMovie(moov, lengthBytes, limits);
  const ids = { video: 0, audio: 0 };
  const tracks: Mp4Track[] = [];
  for (const track of movie.tracks) {
    const described = yield* describe(track, ids[track.kind], window);
    if (described === undefined) continue;
    ids[track.kind]++;
    tracks.push(described);
  }
  if (tracks.length === 0) {
    const sentence = `${moov.path} has no samples that can be played: the recording was not finished, or is of no length`;
    throw new ProtocolError('MP4_NOTHING_TO_PLAY', sentence, { byteOffset: moov.bodyOffset });
  }
  const shiftMs = Math.max(0, Math.ceil(-Math.min(...tracks.map(firstMs))));
  const durationMs = Math.max(...tracks.map((track) => endMs(track, shiftMs)));
  if (durationMs > longestPresentationMs) {
    throw new LimitError('MP4_TOO_LONG', 'milliseconds of a presentation', {
      limit: longestPresentationMs,
      value: Math.round(durationMs),
    });
  }
  return { lengthBytes, durationMs, shiftMs, tracks, fragments: undefined };
}

/** As much is asked for where only a box head is wanted: small files come whole, and small boxes with their heads. */
const windowBytes = 64 * 1024;
const pieceBytes = 1024 * 1024;

function* findMovie(window: ReadWindow, limits: Mp4Limits): Reading<Box> {
  let at = 0;
  for (let boxes = 0; at < window.lengthBytes; boxes++) {
    if (boxes === limits.maxBoxes) {
      throw new LimitError('MP4_TOO_MANY_BOXES', 'boxes before moov', { limit: limits.maxBoxes, value: boxes + 1 });
    }
    const head = readBoxHead(yield* window.at(at, longestBoxHeadBytes), 0, at, '');
    if (head === undefined) break;
    const end = head.sizeBytes === undefined ? window.lengthBytes : at + head.sizeBytes;
    if (head.type === 'moov') {
      const bodyBytes = end - at - head.headBytes;
      if (bodyBytes > limits.maxHeaderBytes) {
        throw new LimitError('MP4_HEADER_TOO_LARGE', `bytes of moov at byte ${at}`, {
          limit: limits.maxHeaderBytes,
          value: bodyBytes,
        });
      }
      if (end > window.lengthBytes) throw cutOff('moov', at, end, window.lengthBytes);
      const bodyOffset = at + head.headBytes;
      return { type: 'moov', path: 'moov', bodyOffset, body: yield* readWhole(window, bodyOffset, end) };
    }
    if (end > window.lengthBytes) throw cutOff(head.type, at, end, window.lengthBytes);
    at = end;
  }
  throw new ProtocolError('MP4_NO_MOOV', 'the file has no moov: its recording was never finished, or it was cut off', {
    byteOffset: at,
    section: 'ISO/IEC 14496-12 §8.2.1',
  });
}

/** A copy, read in pieces: none is longer than the slices in which files are kept. */
function* readWhole(window: ReadWindow, from: number, to: number): Reading<Uint8Array> {
  const bytes = new Uint8Array(to - from);
  for (let at = from; at < to; at += pieceBytes) {
    bytes.set(yield* window.at(at, Math.min(pieceBytes, to - at)), at - from);
  }
  return bytes;
}

function cutOff(type: string, at: number, end: number, fileBytes: number): ProtocolError {
  const sentence = `the box ${type} reaches to byte ${end}, but the file has ${fileBytes}: it was cut off, copy it again`;
  return new ProtocolError('MP4_TRUNCATED', sentence, { byteOffset: at });
}

/** As much of a sample is looked at for what a decoder must know. */
const sampleHeadBytes = 64 * 1024;

/** Composition offsets further below 0 are no order of pictures, but damage. */
const longestReorderMs = 10_000;

/** `undefined` for a track without a sample that can be played. */
function* describe(track: MovieTrack, trackId: number, window: ReadWindow): Reading<Mp4Track | undefined> {
  const { kind, path, fileTrackId, timescale, edits, table, fragmentDefaults } = track;
  if (table.columns.sizesBytes.max > maxSampleBytes) {
    throw new LimitError('MP4_SAMPLE_TOO_LARGE', `bytes of a sample of ${path}`, {
      limit: maxSampleBytes,
      value: table.columns.sizesBytes.max,
    });
  }
  const firsts = firstSamples(track);
  const descriptions: (Mp4Description | undefined)[] = [];
  for (const [index, description] of track.descriptions.entries()) {
    const sample = firsts.get(index);
    let config: TrackConfig | undefined;
    if (sample !== undefined) config = description?.configure(trackId);
    if (sample !== undefined && (config === undefined || description?.inBand === true)) {
      const length = Math.min(sample.sizeBytes, sampleHeadBytes);
      config = description?.configure(trackId, yield* window.at(sample.offset, length)) ?? config;
    }
    descriptions.push(config && { config, inBand: description?.inBand === true });
  }
  const spans = spansOf(edits, table, track);
  const initialDescription = firstDescription(table.walkFrom(spans[0]?.firstSample ?? 0), descriptions);
  if (initialDescription === undefined || spans.length === 0) return undefined;
  const reorderTicks = Math.max(
    0,
    -Math.max(table.columns.compositionOffsetsTicks.base, (-longestReorderMs * timescale) / 1_000),
  );
  return {
    kind,
    fileTrackId,
    timescale,
    reorderTicks,
    descriptions,
    initialDescription,
    edits,
    table,
    spans,
    fragmentDefaults,
  };
}

/** Of the first sample that can be played. */
function firstDescription(walk: SampleWalk, descriptions: readonly (Mp4Description | undefined)[]): number | undefined {
  for (let sample = walk.next(); sample !== undefined; sample = walk.next()) {
    if (descriptions[sample.description] !== undefined) return sample.description;
  }
  return undefined;
}

/** For each description its first sample at which decoding can start, if it has one with something in it. */
function firstSamples({ table, descriptions }: MovieTrack): Map<number, Sample> {
  const { chunkDescriptions } = table.columns;
  const wanted = chunkDescriptions.width === 0 ? 1 : descriptions.length;
  const found = new Map<number, Sample>();
  const walk = table.walkFrom(0);
  for (let sample = walk.next(); sample !== undefined && found.size < wanted; sample = walk.next()) {
    if (sample.sync && sample.sizeBytes > 0 && !found.has(sample.description)) found.set(sample.description, sample);
  }
  return found;
}

function firstMs(track: Mp4Track): number {
  const [span] = track.spans;
  if (span === undefined) return 0;
  const first = Math.max(track.table.sample(span.firstSample).decodeTicks, span.shownTicks) - track.reorderTicks;
  return presentationMs(timingOf(track, span, 0), first);
}

/** Pictures are reordered among so many at most. */
const reorderedSamples = 64;

function endMs(track: Mp4Track, shiftMs: number): number {
  const span = track.spans.at(-1);
  if (span === undefined) return 0;
  const timing = timingOf(track, span, shiftMs);
  const walk = track.table.walkFrom(Math.max(span.firstSample, span.endSample - reorderedSamples));
  let end = 0;
  for (let sample = walk.next(); sample !== undefined && sample.index < span.endSample; sample = walk.next()) {
    const ticks = sample.decodeTicks + sample.compositionOffsetTicks + sample.durationTicks;
    end = Math.max(end, presentationMs(timing, ticks));
  }
  return end;
}
