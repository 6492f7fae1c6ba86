import { LimitError, ProtocolError } from '../../base/errors.ts';
import type { Reading } from '../media/stored-media.ts';
import { type Box, boxError, boxField, childBox, childBoxes, longestBoxHeadBytes, requiredChild } from './box.ts';
import { type Edit, readEditList } from './edit-list.ts';
import { maxTracks, maxTracksOfAKind, type Mp4Limits, SampleBudget } from './limits.ts';
import type { FragmentDefaults } from './mp4-index.ts';
import type { SampleDescription } from './sample-description.ts';
import { readSampleDescriptions } from './sample-descriptions.ts';
import type { SampleTable } from './sample-table.ts';
import { readSampleTable } from './sample-table-boxes.ts';
import type { ComingBox } from './top-level-boxes.ts';

/** What `moov` says of a track that can be played. */
export interface MovieTrack {
  readonly kind: 'video' | 'audio';
  readonly path: string;
  readonly fileTrackId: number;
  readonly enabled: boolean;
  readonly timescale: number;
  readonly descriptions: readonly (SampleDescription | undefined)[];
  readonly edits: readonly Edit[];
  readonly table: SampleTable;
  readonly fragmentDefaults: FragmentDefaults;
}

/** What `moov` says (ISO/IEC 14496-12 §8.2.1). */
export interface Movie {
  /** Video first; of each kind those that are enabled first. One at least. */
  readonly tracks: readonly MovieTrack[];
  readonly isFragmented: boolean;
}

/**
 * Reads a `moov` box, each track as soon as it is there: the next one comes meanwhile. Tracks of codecs that we do not
 * carry, and those that are neither pictures nor sound, are left out. Throws `ProtocolError` for what is damaged and where
 * nothing is left, `LimitError` beyond the limits.
 */
export function* readMovie(moov: ComingBox, fileBytes: number, limits: Mp4Limits): Reading<Movie> {
  const reading = new MovieReading(moov, fileBytes, limits);
  const children = childBoxes(moov);
  for (let end = 0; ; ) {
    yield* moov.need(end + longestBoxHeadBytes);
    const child = children.next().value;
    if (child === undefined) return reading.finish();
    end = child.bodyOffset - moov.bodyOffset + child.body.length;
    yield* moov.need(end);
    reading.take(child);
  }
}

/** What `moov` has said so far. */
class MovieReading {
  readonly #moov: Box;
  readonly #fileBytes: number;
  readonly #budget: SampleBudget;
  readonly #tracks: Omit<MovieTrack, 'fragmentDefaults'>[] = [];
  /** That came before it was known what their edits are counted in. */
  readonly #early: Box[] = [];
  readonly #leftOut: string[] = [];
  #traks = 0;
  #timescale: number | undefined;
  #mvex: Box | undefined;

  constructor(moov: Box, fileBytes: number, limits: Mp4Limits) {
    this.#moov = moov;
    this.#fileBytes = fileBytes;
    this.#budget = new SampleBudget(limits.maxSamples);
  }

  /** The next box in it. */
  take(child: Box): void {
    switch (child.type) {
      case 'cmov':
        throw boxError(this.#moov, 'is compressed (QuickTime), which nobody writes any more');
      case 'mvhd':
        this.#timescale ??= timescaleOf(child);
        for (const trak of this.#early.splice(0)) this.#takeTrack(trak, this.#timescale);
        break;
      case 'mvex':
        this.#mvex ??= child;
        break;
      case 'trak':
        if (++this.#traks > maxTracks) {
          const limit = { limit: maxTracks, value: this.#traks };
          throw new LimitError('MP4_TOO_MANY_TRACKS', `tracks of ${this.#moov.path}`, limit);
        }
        if (this.#timescale === undefined) this.#early.push(child);
        else this.#takeTrack(child, this.#timescale);
    }
  }

  /** There is no more in it. */
  finish(): Movie {
    requiredChild(this.#moov, 'mvhd');
    if (this.#tracks.length === 0) throw nothingToPlay(this.#moov, this.#leftOut);
    const rank = ({ kind, enabled }: { kind: string; enabled: boolean }) =>
      (kind === 'video' ? 0 : 2) + (enabled ? 0 : 1);
    const tracks = this.#tracks
      .map((track) => ({ ...track, fragmentDefaults: fragmentDefaults(this.#mvex, track.fileTrackId) }))
      .sort((a, b) => rank(a) - rank(b));
    return { tracks, isFragmented: this.#mvex !== undefined };
  }

  #takeTrack(trak: Box, movieTimescale: number): void {
    const track = readTrack(trak, { movieTimescale, fileBytes: this.#fileBytes, budget: this.#budget });
    if (typeof track === 'string') this.#leftOut.push(track);
    else if (this.#tracks.filter(({ kind }) => kind === track.kind).length < maxTracksOfAKind) this.#tracks.push(track);
  }
}

function nothingToPlay(moov: Box, leftOut: readonly string[]): ProtocolError {
  const found = leftOut.length === 0 ? 'no track of pictures or sound' : `only ${leftOut.join(', ')}`;
  const wanted = 'H.264, HEVC, AV1, VP9, AAC, MP3, Opus, FLAC and AC-3 are played';
  return new ProtocolError('MP4_NOTHING_TO_PLAY', `${moov.path} has ${found}: ${wanted}`, {
    byteOffset: moov.bodyOffset,
  });
}

interface MovieContext {
  readonly movieTimescale: number;
  readonly fileBytes: number;
  readonly budget: SampleBudget;
}

/** Of a track that cannot be played what it holds. */
function readTrack(
  trak: Box,
  { movieTimescale, fileBytes, budget }: MovieContext,
): Omit<MovieTrack, 'fragmentDefaults'> | string {
  const mdia = requiredChild(trak, 'mdia');
  const handler = handlerOf(requiredChild(mdia, 'hdlr'));
  if (handler !== 'vide' && handler !== 'soun') return `a track of ${handler}`;
  const minf = requiredChild(mdia, 'minf');
  const stbl = requiredChild(minf, 'stbl');
  const entries = readSampleDescriptions(requiredChild(stbl, 'stsd'), handler);
  const elsewhere = externalMedia(minf);
  const descriptions = entries.map(({ description, dataReference }) => {
    return elsewhere.has(dataReference) ? undefined : description;
  });
  if (!descriptions.some((description) => description !== undefined)) {
    const formats = [...new Set(entries.map(({ format }) => format))].join(', ');
    if (formats === '') return 'a track without a sample description';
    return elsewhere.size > 0 ? `${formats} in another file` : formats;
  }
  const timescale = timescaleOf(requiredChild(mdia, 'mdhd'));
  const table = readSampleTable(stbl, entries.length, fileBytes, budget);
  const tkhd = requiredChild(trak, 'tkhd');
  const fileTrackId = boxField(tkhd, isVersion1(tkhd) ? 20 : 12);
  return {
    kind: handler === 'vide' ? 'video' : 'audio',
    path: trak.path,
    fileTrackId,
    enabled: (boxField(tkhd, 0) & 1) === 1,
    timescale,
    descriptions,
    edits: readEditList(trak, movieTimescale),
    table,
  };
}

/** The `hdlr` of `mdia`, not that of QuickTime's data, which stands in `minf` (ISO/IEC 14496-12 §8.4.3). */
function handlerOf(hdlr: Box): string {
  boxField(hdlr, 8);
  return String.fromCharCode(...hdlr.body.subarray(8, 12));
}

/** Of `dref` (§8.7.2) the entries, from 1, that say that the media is not in this file, and where. */
function externalMedia(minf: Box): Set<number> {
  const dinf = childBox(minf, 'dinf');
  const dref = dinf && childBox(dinf, 'dref');
  const external = new Set<number>();
  let entry = 0;
  for (const reference of dref === undefined ? [] : childBoxes(dref, 8)) {
    entry++;
    const isHere = (boxField(reference, 0) & 1) === 1 || reference.body.length === 4;
    if (!isHere) external.add(entry);
  }
  return external;
}

/** Of `mvhd` (§8.2.2) or `mdhd` (§8.4.2), in units a second. */
function timescaleOf(header: Box): number {
  const at = isVersion1(header) ? 20 : 12;
  const timescale = boxField(header, at);
  if (timescale === 0) throw boxError(header, 'has a timescale of 0', at);
  return timescale;
}

function isVersion1(box: Box): boolean {
  return boxField(box, 0) >>> 24 === 1;
}

/** `trex` (§8.8.3). */
function fragmentDefaults(mvex: Box | undefined, fileTrackId: number): FragmentDefaults {
  for (const trex of mvex === undefined ? [] : childBoxes(mvex)) {
    if (trex.type !== 'trex' || boxField(trex, 4) !== fileTrackId) continue;
    return {
      description: boxField(trex, 8) - 1,
      durationTicks: boxField(trex, 12),
      sizeBytes: boxField(trex, 16),
      flags: boxField(trex, 20),
    };
  }
  return { description: 0, durationTicks: 0, sizeBytes: 0, flags: 0 };
}
