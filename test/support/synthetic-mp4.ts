/** A box of the tests' own writing: size, name, what is in it. */
export function mp4Box(type: string, ...body: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const bytes = joined(body);
  return joined([u32(bytes.length + 8), latin(type), bytes]);
}

/** With a size of 64 bits. */
function wideMp4Box(type: string, ...body: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const bytes = joined(body);
  return joined([u32(1), latin(type), u64(bytes.length + 16), bytes]);
}

export function fullMp4Box(type: string, version: number, flags: number, ...body: readonly Uint8Array[]): Uint8Array {
  return mp4Box(type, u32(version * 2 ** 24 + flags), ...body);
}

export function joined(parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function u32(...values: readonly number[]): Uint8Array {
  return u32s(values);
}

/** The same for more than a call may have. */
function u32s(values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < values.length; at++) view.setUint32(at * 4, values[at] ?? 0);
  return bytes;
}

export function u64(...values: readonly number[]): Uint8Array {
  return joined(values.map((value) => u32(Math.floor(value / 2 ** 32), value % 2 ** 32)));
}

export function latin(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export interface SyntheticSample {
  readonly durationTicks: number;
  readonly compositionOffsetTicks: number;
  readonly sync: boolean;
  readonly data: Uint8Array;
}

/** How a file says what it says: all of these mean the same to who plays it. */
export interface Mp4Writing {
  readonly moovFirst: boolean;
  readonly wideOffsets: boolean;
  readonly wideBoxes: boolean;
  /** Bits of a size in `stz2`, where all sizes fit; 0 for `stsz`. */
  readonly compactSizes: 0 | 4 | 8 | 16;
  /** Composition offsets and edits in version 1. */
  readonly version1: boolean;
  /** Boxes that say nothing stand between others. */
  readonly padded: boolean;
  /** Bytes between chunks. */
  readonly gapBytes: number;
  /** How many samples each chunk has, over and over. */
  readonly chunkSamples: readonly number[];
  /** Chunks of all tracks in turns, or one track behind the other. */
  readonly interleaved: boolean;
}

/** As ffmpeg does it when nothing is asked for, but for the chunks. */
export const plainWriting: Mp4Writing = {
  moovFirst: true,
  wideOffsets: false,
  wideBoxes: false,
  compactSizes: 0,
  version1: false,
  padded: false,
  gapBytes: 0,
  chunkSamples: [2],
  interleaved: true,
};

export interface SyntheticEdit {
  /** In the timescale of the movie. */
  readonly durationTicks: number;
  /** −1: nothing is shown. */
  readonly mediaTimeTicks: number;
}

export interface SyntheticTrack {
  readonly handler: 'vide' | 'soun' | 'text';
  readonly timescale: number;
  /** Bodies of `stsd` entries; sample description n is that of chunk n modulo their number. */
  readonly entries: readonly Uint8Array[];
  readonly samples: readonly SyntheticSample[];
  readonly edits?: readonly SyntheticEdit[];
  /** Its media is in a file of this name (`dref`). */
  readonly elsewhere?: string;
}

export const movieTimescale = 1_000;

/** A sample entry of sound: AAC-LC of 48,000 Hz with two channels. */
export function aacEntry(): Uint8Array {
  const esds = [0x03, 22, 0, 0, 0, 0x04, 17, 0x40, 0x15, ...new Uint8Array(11), 0x05, 2, 0x11, 0x90];
  const fields = [0, 0, 0, 0, 0, 0, 0, 1, ...new Uint8Array(8), 0, 2, 0, 16, 0, 0, 0, 0, 0xbb, 0x80, 0, 0];
  return mp4Box('mp4a', fields, fullMp4Box('esds', 0, 0, Uint8Array.from(esds)));
}

/** A sample entry of pictures with this record. */
export function videoEntry(type: string, recordType: string, record: Uint8Array): Uint8Array {
  const fields = new Uint8Array(78);
  fields[7] = 1;
  return mp4Box(type, fields, mp4Box(recordType, record));
}

export function avcEntry(avcC: Uint8Array): Uint8Array {
  return videoEntry('avc1', 'avcC', avcC);
}

interface PlacedChunk {
  readonly track: number;
  readonly samples: readonly SyntheticSample[];
  offset: number;
}

/** Writes a whole file, by nothing that the program has. */
export function syntheticMp4(tracks: readonly SyntheticTrack[], writing: Mp4Writing = plainWriting): Uint8Array {
  const padding = writing.padded ? [mp4Box('free', [1, 2, 3]), mp4Box('uuid', new Uint8Array(20).fill(7))] : [];
  const ftyp = mp4Box('ftyp', latin('isom'), u32(512), latin('isom'));
  const chunks = chunksOf(tracks, writing);
  const media = joined(
    chunks.flatMap(({ samples }) => [...samples.map(({ data }) => data), new Uint8Array(writing.gapBytes).fill(0xaa)]),
  );
  const mdat = writing.wideBoxes ? wideMp4Box('mdat', media) : mp4Box('mdat', media);
  const mdatHead = mdat.length - media.length;
  const write = (mediaOffset: number): Uint8Array => {
    let at = mediaOffset;
    for (const chunk of chunks) {
      chunk.offset = at;
      at += chunk.samples.reduce((sum, { data }) => sum + data.length, 0) + writing.gapBytes;
    }
    const traks = tracks.map((track, place) => trak(track, place, chunks, writing, padding));
    return mp4Box('moov', ...padding, mvhd(), ...padding, ...traks);
  };
  const before = ftyp.length + joined(padding).length;
  const moovBytes = write(0).length;
  const moov = write(before + mdatHead + (writing.moovFirst ? moovBytes : 0));
  return joined([ftyp, ...padding, ...(writing.moovFirst ? [moov, mdat] : [mdat, moov])]);
}

function chunksOf(tracks: readonly SyntheticTrack[], writing: Mp4Writing): PlacedChunk[] {
  const perTrack = tracks.map(({ samples }, track) => {
    const chunks: PlacedChunk[] = [];
    for (let at = 0; at < samples.length; ) {
      const count = writing.chunkSamples[chunks.length % writing.chunkSamples.length] ?? 1;
      chunks.push({ track, samples: samples.slice(at, at + count), offset: 0 });
      at += count;
    }
    return chunks;
  });
  if (!writing.interleaved) return perTrack.flat();
  const rounds = Math.max(0, ...perTrack.map(({ length }) => length));
  return Array.from({ length: rounds }, (_, round) =>
    perTrack.flatMap((chunks) => chunks.slice(round, round + 1)),
  ).flat();
}

function mvhd(): Uint8Array {
  return fullMp4Box('mvhd', 0, 0, u32(0, 0, movieTimescale, 0), new Uint8Array(80));
}

/** Of a file whose media nobody has: tables of `stbl` as they are. */
export interface BareTrack {
  readonly handler: 'vide' | 'soun';
  readonly timescale: number;
  readonly entry: Uint8Array;
  readonly durationTicks: number;
  readonly compositionOffsets: ArrayLike<number> | undefined;
  readonly syncs: ArrayLike<number> | undefined;
  readonly sizes: ArrayLike<number>;
  /** First chunk, samples in each, sample description: three numbers an entry. */
  readonly samplesToChunks: ArrayLike<number>;
  readonly chunkOffsets: ArrayLike<number>;
}

export function bareMoov(tracks: readonly BareTrack[]): Uint8Array {
  const traks = tracks.map((track, place) => {
    const count = track.sizes.length;
    const optional = (type: string, table: ArrayLike<number> | undefined, perEntry: number) =>
      table === undefined ? [] : [fullMp4Box(type, 0, 0, u32(table.length / perEntry), u32s(table))];
    const stbl = mp4Box(
      'stbl',
      fullMp4Box('stsd', 0, 0, u32(1), track.entry),
      fullMp4Box('stts', 0, 0, u32(1, count, track.durationTicks)),
      ...optional('ctts', track.compositionOffsets, 2),
      ...optional('stss', track.syncs, 1),
      ...optional('stsc', track.samplesToChunks, 3),
      fullMp4Box('stsz', 0, 0, u32(0, count), u32s(track.sizes)),
      fullMp4Box('stco', 0, 0, u32(track.chunkOffsets.length), u32s(track.chunkOffsets)),
    );
    return mp4Box('trak', ...trakHeads(place), mp4Box('mdia', ...mdiaHeads(track), mp4Box('minf', stbl)));
  });
  return mp4Box('moov', mvhd(), ...traks);
}

function trakHeads(place: number): Uint8Array[] {
  return [fullMp4Box('tkhd', 0, 1, u32(0, 0, place + 1, 0, 0), new Uint8Array(60))];
}

function mdiaHeads({ handler, timescale }: { readonly handler: string; readonly timescale: number }): Uint8Array[] {
  const mdhd = fullMp4Box('mdhd', 0, 0, u32(0, 0, timescale, 0, 0x55c4_0000));
  return [mdhd, fullMp4Box('hdlr', 0, 0, u32(0), latin(handler), new Uint8Array(13))];
}

function trak(
  track: SyntheticTrack,
  place: number,
  chunks: readonly PlacedChunk[],
  writing: Mp4Writing,
  padding: readonly Uint8Array[],
): Uint8Array {
  const minf = mp4Box(
    'minf',
    ...padding,
    ...(track.elsewhere === undefined ? [] : [externalReference(track.elsewhere)]),
    stbl(
      track,
      chunks.filter((chunk) => chunk.track === place),
      writing,
    ),
  );
  const edts = track.edits === undefined ? [] : [mp4Box('edts', elst(track.edits, writing))];
  return mp4Box('trak', ...trakHeads(place), ...edts, ...padding, mp4Box('mdia', ...mdiaHeads(track), minf));
}

function externalReference(name: string): Uint8Array {
  return mp4Box('dinf', fullMp4Box('dref', 0, 0, u32(1), fullMp4Box('url ', 0, 0, latin(`${name}\0`))));
}

function elst(edits: readonly SyntheticEdit[], { version1 }: Mp4Writing): Uint8Array {
  const entries = edits.map(({ durationTicks, mediaTimeTicks }) => {
    const empty = mediaTimeTicks < 0;
    if (!version1) return u32(durationTicks, empty ? 0xffff_ffff : mediaTimeTicks, 0x1_0000);
    return joined([u64(durationTicks), empty ? u32(0xffff_ffff, 0xffff_ffff) : u64(mediaTimeTicks), u32(0x1_0000)]);
  });
  return fullMp4Box('elst', version1 ? 1 : 0, 0, u32(edits.length), ...entries);
}

function stbl(track: SyntheticTrack, chunks: readonly PlacedChunk[], writing: Mp4Writing): Uint8Array {
  const { samples, entries } = track;
  const sizes = samples.map(({ data }) => data.length);
  const bits = writing.compactSizes;
  const stsz =
    bits > 0 && sizes.every((size) => size < 2 ** bits)
      ? fullMp4Box('stz2', 0, 0, u32(bits, sizes.length), bigEndian(sizes, bits))
      : fullMp4Box('stsz', 0, 0, u32(0, sizes.length, ...sizes));
  const stts = runsOf(samples.map(({ durationTicks }) => durationTicks));
  const ctts = runsOf(samples.map(({ compositionOffsetTicks }) => compositionOffsetTicks));
  const syncs = samples.flatMap(({ sync }, index) => (sync ? [index + 1] : []));
  const stsc = chunks.map((chunk, index) => [index + 1, chunk.samples.length, (index % entries.length) + 1]);
  const offsets = chunks.map(({ offset }) => offset);
  return mp4Box(
    'stbl',
    fullMp4Box('stsd', 0, 0, u32(entries.length), ...entries),
    fullMp4Box('stts', 0, 0, u32(stts.length, ...stts.flat())),
    ...(ctts.some(([, value]) => value !== 0)
      ? [fullMp4Box('ctts', writing.version1 ? 1 : 0, 0, u32(ctts.length, ...ctts.flat()))]
      : []),
    ...(syncs.length === samples.length ? [] : [fullMp4Box('stss', 0, 0, u32(syncs.length, ...syncs))]),
    fullMp4Box('stsc', 0, 0, u32(stsc.length, ...stsc.flat())),
    stsz,
    writing.wideOffsets
      ? fullMp4Box('co64', 0, 0, u32(offsets.length), u64(...offsets))
      : fullMp4Box('stco', 0, 0, u32(offsets.length, ...offsets)),
  );
}

/** Numbers of so many bits each, the last byte filled up with zeros. */
function bigEndian(values: readonly number[], bits: number): Uint8Array {
  const text = values.map((value) => value.toString(2).padStart(bits, '0')).join('');
  return Uint8Array.from(text.match(/.{1,8}/g) ?? [], (byte) => parseInt(byte.padEnd(8, '0'), 2));
}

function runsOf(values: readonly number[]): [count: number, value: number][] {
  const runs: [number, number][] = [];
  for (const value of values) {
    const last = runs.at(-1);
    if (last?.[1] === value) last[0]++;
    else runs.push([1, value]);
  }
  return runs;
}

/** A fragment, of which each track that is named has one run of samples. */
export interface SyntheticFragment {
  readonly runs: readonly { readonly track: number; readonly samples: readonly SyntheticSample[] }[];
}

const isSync = 0x0200_0000;
const isNotSync = 0x0101_0000;

/** How fragments say what they say. */
export interface FragmentWriting {
  /**
   * Where data is counted from: the `moof` because a flag says so, a place in the file that each `traf` says, or the end of
   * the data of the `traf` before it, of which the first counts from the `moof`.
   */
  readonly base: 'moof' | 'said' | 'implied';
  /** With `tfdt`. */
  readonly decodeTimes: boolean;
}

const plainFragments: FragmentWriting = { base: 'moof', decodeTimes: true };

/** A file of fragments; `between` stands before each of them. */
export function fragmentedMp4(
  tracks: readonly SyntheticTrack[],
  fragments: readonly SyntheticFragment[],
  between: Uint8Array = new Uint8Array(0),
  writing: FragmentWriting = plainFragments,
): Uint8Array {
  const traks = tracks.map((track, place) => trak({ ...track, samples: [] }, place, [], plainWriting, []));
  const trex = tracks.map((_, place) => fullMp4Box('trex', 0, 0, u32(place + 1, 1, 0, 0, 0)));
  const moov = mp4Box('moov', mvhd(), ...traks, mp4Box('mvex', ...trex));
  const ftyp = mp4Box('ftyp', latin('iso5'), u32(512));
  const ticks = tracks.map(() => 0);
  let fileBytes = ftyp.length + moov.length;
  const pieces = fragments.flatMap(({ runs }, number) => {
    const data = runs.flatMap(({ samples }) => samples.map(({ data }) => data));
    const moofAt = fileBytes + between.length;
    const moof = (moofBytes: number) => {
      let at = moofBytes + 8;
      const trafs = runs.map(({ track, samples }, place) => {
        const where = { ticks: ticks[track] ?? 0, dataAt: at, moofAt, isFirst: place === 0 };
        const traf = mp4Box('traf', ...trafBoxes(track, samples, where, writing));
        at += samples.reduce((sum, { data }) => sum + data.length, 0);
        return traf;
      });
      return mp4Box('moof', fullMp4Box('mfhd', 0, 0, u32(number + 1)), ...trafs);
    };
    const written = moof(moof(0).length);
    for (const { track, samples } of runs) {
      ticks[track] = (ticks[track] ?? 0) + samples.reduce((sum, { durationTicks }) => sum + durationTicks, 0);
    }
    const fragment = joined([between, written, mp4Box('mdat', ...data)]);
    fileBytes += fragment.length;
    return [fragment];
  });
  return joined([ftyp, moov, ...pieces]);
}

/** Where the samples of a `traf` stand: from the `moof`, which is at `moofAt` of the file. */
interface TrafPlace {
  readonly ticks: number;
  readonly dataAt: number;
  readonly moofAt: number;
  readonly isFirst: boolean;
}

function trafBoxes(
  track: number,
  samples: readonly SyntheticSample[],
  { ticks, dataAt, moofAt, isFirst }: TrafPlace,
  { base, decodeTimes }: FragmentWriting,
): Uint8Array[] {
  const entries = samples.flatMap(({ durationTicks, data, sync, compositionOffsetTicks }) => [
    durationTicks,
    data.length,
    sync ? isSync : isNotSync,
    compositionOffsetTicks,
  ]);
  const tfhd = {
    moof: () => fullMp4Box('tfhd', 0, 0x02_0000, u32(track + 1)),
    said: () => fullMp4Box('tfhd', 0, 0x01, u32(track + 1), u64(moofAt + dataAt)),
    implied: () => fullMp4Box('tfhd', 0, 0, u32(track + 1)),
  };
  const dataOffset = { moof: [dataAt], said: [0], implied: isFirst ? [dataAt] : [] }[base];
  const flags = 0x0f00 + dataOffset.length;
  return [
    tfhd[base](),
    ...(decodeTimes ? [fullMp4Box('tfdt', 1, 0, u64(ticks))] : []),
    fullMp4Box('trun', 1, flags, u32(samples.length, ...dataOffset, ...entries)),
  ];
}
