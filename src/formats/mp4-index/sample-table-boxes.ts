import { ProtocolError } from '../../base/errors.ts';
import { type Box, type BoxTable, boxError, boxField, boxTable, childBox, requiredChild } from './box.ts';
import type { SampleBudget } from './limits.ts';
import { packColumn, type PackedColumn } from './packed-column.ts';
import { buildSampleTable, type SampleColumns, type SampleTable } from './sample-table.ts';

/** Gives the values of a column from its first one on. */
type ColumnSource = () => () => number;

const section = 'ISO/IEC 14496-12 §8.6 and §8.7';

/**
 * Reads the tables of a track (ISO/IEC 14496-12 §8.5.1). `descriptions` is how many sample descriptions it has.
 * Throws `ProtocolError` for tables that are cut off or contradict each other and for samples that lie beyond the file,
 * `LimitError` for more samples than the budget has left.
 */
export function readSampleTable(stbl: Box, descriptions: number, fileBytes: number, budget: SampleBudget): SampleTable {
  const sizes = sampleSizes(stbl);
  budget.spend(sizes.count, sizes.box.path);
  const { count } = sizes;
  const sizesBytes = packColumn(count, sizes.values);
  return buildSampleTable({
    startTicks: 0,
    durationsTicks: packColumn(count, decodingTimes(requiredChild(stbl, 'stts'), count)),
    compositionOffsetsTicks: packColumn(count, compositionOffsets(childBox(stbl, 'ctts'))),
    sizesBytes,
    syncs: packColumn(count, syncSamples(childBox(stbl, 'stss'), count)),
    ...readChunks(stbl, sizesBytes, descriptions, fileBytes),
  });
}

interface SampleSizes {
  readonly box: Box;
  readonly count: number;
  readonly values: ColumnSource;
}

/** `stsz` and `stz2` (§8.7.3). */
function sampleSizes(stbl: Box): SampleSizes {
  const compact = childBox(stbl, 'stz2');
  if (compact !== undefined) return compactSizes(compact);
  const box = requiredChild(stbl, 'stsz');
  const sameSize = boxField(box, 4);
  if (sameSize !== 0) return { box, count: boxField(box, 8), values: () => () => sameSize };
  const table = boxTable(box, 8, 4);
  return { box, count: table.count, values: () => counting((entry) => table.uint32(entry, 0)) };
}

function compactSizes(box: Box): SampleSizes {
  const fieldBits = boxField(box, 4) & 0xff;
  if (![4, 8, 16].includes(fieldBits)) throw boxError(box, `has sizes of ${fieldBits} bits`, 4);
  const count = boxField(box, 8);
  const { body } = box;
  const room = Math.floor(((body.length - 12) * 8) / fieldBits);
  if (count > room) throw boxError(box, `announces ${count} entries and has bytes for ${room}`, 8);
  const byte = (at: number) => body[12 + at] ?? 0;
  const size = (entry: number) => {
    if (fieldBits === 8) return byte(entry);
    if (fieldBits === 16) return byte(entry * 2) * 256 + byte(entry * 2 + 1);
    return entry % 2 === 0 ? byte(entry >> 1) >> 4 : byte(entry >> 1) & 15;
  };
  return { box, count, values: () => counting(size) };
}

/** `stts` (§8.6.1.2): durations, as runs. */
function decodingTimes(box: Box, count: number): ColumnSource {
  const table = boxTable(box, 4, 8);
  let timed = 0;
  let ticks = 0;
  for (let entry = 0; entry < table.count && timed < count; entry++) {
    const samples = Math.min(table.uint32(entry, 0), count - timed);
    const duration = table.uint32(entry, 1);
    if (duration >= 2 ** 31 && samples > 0) {
      throw boxError(box, `has a duration of ${duration - 2 ** 32}, less than none`, 8 + entry * 8 + 4);
    }
    timed += samples;
    ticks += samples * duration;
  }
  if (timed < count) throw boxError(box, `times ${timed} samples of ${count}`, 4);
  if (!Number.isSafeInteger(ticks)) throw boxError(box, `adds up to ${ticks}, beyond 2^53`, 4);
  return () => runs(table, (entry) => table.uint32(entry, 1));
}

/** `ctts` (§8.6.1.3). Its version says whether offsets are signed; writers set it to 0 and write signed ones all the same. */
function compositionOffsets(box: Box | undefined): ColumnSource {
  if (box === undefined) return () => () => 0;
  const table = boxTable(box, 4, 8);
  return () => runs(table, (entry) => table.uint32(entry, 1) | 0);
}

/** `stss` (§8.6.2): without it decoding can start anywhere. */
function syncSamples(box: Box | undefined, count: number): ColumnSource {
  if (box === undefined) return () => () => 1;
  const table = boxTable(box, 4, 4);
  let last = 0;
  for (let entry = 0; entry < table.count; entry++) {
    const sample = table.uint32(entry, 0);
    if (sample <= last || sample > count) {
      throw boxError(box, `names sample ${sample} behind ${last}, of ${count}`, 8 + entry * 4);
    }
    last = sample;
  }
  return () => {
    let entry = 0;
    let sample = 0;
    return () => {
      sample++;
      if (entry >= table.count || table.uint32(entry, 0) !== sample) return 0;
      entry++;
      return 1;
    };
  };
}

type ChunkColumns = Pick<SampleColumns, 'firstChunkOffset' | 'chunkSamples' | 'chunkGapsBytes' | 'chunkDescriptions'>;

/** `stsc` with `stco` or `co64` (§8.7.4, §8.7.5). */
function readChunks(stbl: Box, sizes: PackedColumn, descriptions: number, fileBytes: number): ChunkColumns {
  const offsets = chunkOffsets(stbl);
  const chunks = chunkRuns(requiredChild(stbl, 'stsc'), offsets.count, sizes.length, descriptions);
  if (chunks.samples < sizes.length) {
    throw boxError(offsets.box, `places ${chunks.samples} samples of ${sizes.length}`, 4);
  }
  checkPlaces(offsets, chunks.sampleCounts(), chunks.used, sizes, fileBytes);
  return {
    firstChunkOffset: chunks.used > 0 ? offsets.at(0) : 0,
    chunkSamples: packColumn(chunks.used, chunks.sampleCounts),
    chunkDescriptions: packColumn(chunks.used, chunks.descriptions),
    chunkGapsBytes: packColumn(chunks.used, () => chunkGaps(offsets, chunks.sampleCounts(), sizes)),
  };
}

interface ChunkOffsets {
  readonly box: Box;
  readonly count: number;
  readonly entryBytes: number;
  readonly at: (chunk: number) => number;
}

function chunkOffsets(stbl: Box): ChunkOffsets {
  const wide = childBox(stbl, 'co64');
  if (wide === undefined) {
    const box = requiredChild(stbl, 'stco');
    const { count, uint32 } = boxTable(box, 4, 4);
    return { box, count, entryBytes: 4, at: (chunk) => uint32(chunk, 0) };
  }
  const { count, uint32 } = boxTable(wide, 4, 8);
  // Beyond 2^53 it is not exact, and beyond every file.
  return { box: wide, count, entryBytes: 8, at: (chunk) => uint32(chunk, 0) * 2 ** 32 + uint32(chunk, 1) };
}

interface ChunkRuns {
  /** Chunks up to the one with the last sample. */
  readonly used: number;
  readonly samples: number;
  readonly sampleCounts: ColumnSource;
  readonly descriptions: ColumnSource;
}

/** Entries of `stsc`: first chunk from 1, samples in each from there on, sample description from 1. */
function chunkRuns(box: Box, chunks: number, count: number, descriptions: number): ChunkRuns {
  const table = boxTable(box, 4, 12);
  let samples = 0;
  let used = 0;
  for (let entry = 0; entry < table.count && samples < count; entry++) {
    const first = table.uint32(entry, 0);
    const perChunk = table.uint32(entry, 1);
    const description = table.uint32(entry, 2);
    const at = 8 + entry * 12;
    if (first !== used + 1) throw boxError(box, `goes on at chunk ${first} behind chunk ${used}`, at);
    const end = entry + 1 < table.count ? table.uint32(entry + 1, 0) : chunks + 1;
    if (end <= first && entry + 1 < table.count) throw boxError(box, `goes back to chunk ${end}`, at + 12);
    if (perChunk === 0) throw boxError(box, 'has a chunk without samples', at + 4);
    if (description < 1 || description > descriptions) {
      throw boxError(box, `names sample description ${description} of ${descriptions}`, at + 8);
    }
    const run = Math.min(Math.min(end, chunks + 1) - first, Math.ceil((count - samples) / perChunk));
    if (run <= 0) break;
    used += run;
    samples += run * perChunk;
  }
  const inRuns = (field: (entry: number) => number) => () => {
    let entry = 0;
    let chunk = 0;
    return () => {
      chunk++;
      while (entry + 1 < table.count && table.uint32(entry + 1, 0) <= chunk) entry++;
      return field(entry);
    };
  };
  return {
    used,
    samples,
    // The last one may have room for more samples than there are.
    sampleCounts: () => {
      const next = inRuns((entry) => table.uint32(entry, 1))();
      let left = count;
      return () => {
        const here = Math.min(next(), left);
        left -= here;
        return here;
      };
    },
    descriptions: inRuns((entry) => table.uint32(entry, 2) - 1),
  };
}

/** Bytes between the end of a chunk and the next one: what other tracks have there. */
function chunkGaps(offsets: ChunkOffsets, sampleCounts: () => number, sizes: PackedColumn): () => number {
  let chunk = 0;
  let sample = 0;
  let end = 0;
  return () => {
    const offset = offsets.at(chunk);
    const gap = chunk === 0 ? 0 : offset - end;
    chunk++;
    end = offset;
    for (let left = sampleCounts(); left > 0; left--) end += sizes.at(sample++);
    return gap;
  };
}

/** A file that was cut off is told before it is played. */
function checkPlaces(
  offsets: ChunkOffsets,
  sampleCounts: () => number,
  used: number,
  sizes: PackedColumn,
  fileBytes: number,
): void {
  let sample = 0;
  for (let chunk = 0; chunk < used; chunk++) {
    const offset = offsets.at(chunk);
    let end = offset;
    for (let left = sampleCounts(); left > 0; left--) end += sizes.at(sample++);
    if (end > fileBytes) {
      const place = `chunk ${chunk + 1} of ${offsets.box.path} lies at ${offset} to ${end}`;
      const sentence = `${place}, but the file has ${fileBytes} bytes: it was cut off, copy it again`;
      const byteOffset = offsets.box.bodyOffset + 8 + chunk * offsets.entryBytes;
      throw new ProtocolError('MP4_TRUNCATED', sentence, { byteOffset, section });
    }
  }
}

function counting(value: (entry: number) => number): () => number {
  let entry = 0;
  return () => value(entry++);
}

/** Values of a table of runs, whose first field is how often each value stands; 0 behind its end. */
function runs(table: BoxTable, value: (entry: number) => number): () => number {
  let entry = -1;
  let left = 0;
  let current = 0;
  return () => {
    while (left === 0 && entry < table.count) {
      entry++;
      left = entry < table.count ? table.uint32(entry, 0) : 0;
      current = entry < table.count ? value(entry) : 0;
    }
    if (left > 0) left--;
    return current;
  };
}
