import { ProtocolError } from '../../base/errors.ts';
import { type Box, type BoxTable, boxError, boxField, boxTable, childBox, requiredChild } from './box.ts';
import type { SampleBudget } from './limits.ts';
import type { ColumnValues } from './column.ts';
import { buildSampleTable, type SampleTable, type SampleValues } from './sample-table.ts';

const section = 'ISO/IEC 14496-12 §8.6 and §8.7';

/**
 * Reads the tables of a track (ISO/IEC 14496-12 §8.5.1). `descriptions` is how many sample descriptions it has.
 * Throws `ProtocolError` for tables that are cut off or contradict each other and for samples that lie beyond the file,
 * `LimitError` for more samples than the budget has left.
 */
export function readSampleTable(stbl: Box, descriptions: number, fileBytes: number, budget: SampleBudget): SampleTable {
  const { box, count, values } = sampleSizes(stbl);
  budget.spend(count, box.path);
  const offsets = chunkOffsets(stbl);
  const table = buildSampleTable({
    count,
    startTicks: 0,
    durationsTicks: decodingTimes(requiredChild(stbl, 'stts'), count),
    compositionOffsetsTicks: compositionOffsets(childBox(stbl, 'ctts'), count),
    sizesBytes: values(),
    syncs: syncSamples(childBox(stbl, 'stss'), count),
    ...readChunks(stbl, offsets, count, descriptions),
  });
  // A file that was cut off is told before it is played.
  if (table.endOffset > fileBytes) throw beyondFile(offsets, table, fileBytes);
  return table;
}

interface SampleSizes {
  readonly box: Box;
  readonly count: number;
  /** Once it is known that there are not too many. */
  readonly values: () => Uint32Array | number;
}

/** `stsz` and `stz2` (§8.7.3). */
function sampleSizes(stbl: Box): SampleSizes {
  const compact = childBox(stbl, 'stz2');
  if (compact !== undefined) return compactSizes(compact);
  const box = requiredChild(stbl, 'stsz');
  const sameSize = boxField(box, 4);
  if (sameSize !== 0) return { box, count: boxField(box, 8), values: () => sameSize };
  const { count, view } = boxTable(box, 8, 4);
  return { box, count, values: () => uint32s(view, new Uint32Array(sharedBytes(count * 4))) };
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
  const values = () => {
    const sizes = new Uint32Array(sharedBytes(count * 4));
    for (let entry = 0; entry < count; entry++) sizes[entry] = size(entry);
    return sizes;
  };
  return { box, count, values };
}

/** `stts` (§8.6.1.2): durations, as runs. */
function decodingTimes(box: Box, count: number): Uint32Array | number {
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
  return runs(table, new Uint32Array(sharedBytes(count * 4)));
}

/** `ctts` (§8.6.1.3). Its version says whether offsets are signed; writers set it to 0 and write signed ones all the same. */
function compositionOffsets(box: Box | undefined, count: number): ColumnValues {
  return box === undefined ? 0 : runs(boxTable(box, 4, 8), new Int32Array(sharedBytes(count * 4)));
}

/** `stss` (§8.6.2): without it decoding can start anywhere. */
function syncSamples(box: Box | undefined, count: number): ColumnValues {
  if (box === undefined) return 1;
  const table = boxTable(box, 4, 4);
  const syncs = new Uint8Array(sharedBytes(count));
  let last = 0;
  for (let entry = 0; entry < table.count; entry++) {
    const sample = table.uint32(entry, 0);
    if (sample <= last || sample > count) {
      throw boxError(box, `names sample ${sample} behind ${last}, of ${count}`, 8 + entry * 4);
    }
    syncs[sample - 1] = 1;
    last = sample;
  }
  return syncs;
}

interface ChunkOffsets {
  readonly box: Box;
  readonly count: number;
  readonly entryBytes: number;
  /** The first so many. */
  readonly first: (chunks: number) => Float64Array;
}

function chunkOffsets(stbl: Box): ChunkOffsets {
  const wide = childBox(stbl, 'co64');
  if (wide === undefined) {
    const box = requiredChild(stbl, 'stco');
    const { count, view } = boxTable(box, 4, 4);
    return { box, count, entryBytes: 4, first: (chunks) => uint32s(view, chunkNumbers(chunks)) };
  }
  const { count, uint32 } = boxTable(wide, 4, 8);
  // Beyond 2^53 it is not exact, and beyond every file.
  const offset = (chunk: number) => uint32(chunk, 0) * 2 ** 32 + uint32(chunk, 1);
  const first = (chunks: number) => {
    const values = chunkNumbers(chunks);
    for (let chunk = 0; chunk < chunks; chunk++) values[chunk] = offset(chunk);
    return values;
  };
  return { box: wide, count, entryBytes: 8, first };
}

type ChunkValues = Pick<SampleValues, 'chunkOffsets' | 'chunkSamples' | 'chunkDescriptions'>;

/** `stsc` (§8.7.4): first chunk from 1, samples in each from there on, sample description from 1. */
function readChunks(stbl: Box, offsets: ChunkOffsets, count: number, descriptions: number): ChunkValues {
  const box = requiredChild(stbl, 'stsc');
  const table = boxTable(box, 4, 12);
  const chunkSamples = new Uint32Array(sharedBytes(offsets.count * 4));
  const chunkDescriptions = descriptions === 1 ? 0 : new Uint8Array(sharedBytes(offsets.count));
  let left = count;
  let used = 0;
  for (let entry = 0; entry < table.count && left > 0; entry++) {
    const first = table.uint32(entry, 0);
    const perChunk = table.uint32(entry, 1);
    const description = table.uint32(entry, 2);
    const at = 8 + entry * 12;
    if (first !== used + 1) throw boxError(box, `goes on at chunk ${first} behind chunk ${used}`, at);
    const next = entry + 1 < table.count ? table.uint32(entry + 1, 0) : offsets.count + 1;
    if (next <= first && entry + 1 < table.count) throw boxError(box, `goes back to chunk ${next}`, at + 12);
    if (perChunk === 0) throw boxError(box, 'has a chunk without samples', at + 4);
    if (description < 1 || description > descriptions) {
      throw boxError(box, `names sample description ${description} of ${descriptions}`, at + 8);
    }
    const end = Math.min(next - 1, offsets.count, used + Math.ceil(left / perChunk));
    if (used >= end) break;
    fill(chunkSamples, perChunk, used, end);
    // Of the first that is what is there already.
    if (typeof chunkDescriptions !== 'number' && description !== 1) fill(chunkDescriptions, description - 1, used, end);
    const samples = (end - used) * perChunk;
    // The last one may have room for more samples than there are.
    if (samples > left) chunkSamples[end - 1] = perChunk - (samples - left);
    left -= Math.min(samples, left);
    used = end;
  }
  if (left > 0) throw boxError(offsets.box, `places ${count - left} samples of ${count}`, 4);
  return {
    chunkOffsets: offsets.first(used),
    chunkSamples: chunkSamples.subarray(0, used),
    chunkDescriptions,
  };
}

/** Names the first chunk that is not there. */
function beyondFile({ box, entryBytes }: ChunkOffsets, table: SampleTable, fileBytes: number): ProtocolError {
  let chunk = 0;
  const walk = table.walkFrom(0);
  for (let sample = walk.next(); sample !== undefined; sample = walk.next()) {
    chunk = sample.chunk;
    if (sample.offset + sample.sizeBytes > fileBytes) break;
  }
  const sentence = `chunk ${chunk + 1} of ${box.path} ends beyond the ${fileBytes} bytes of the file`;
  const byteOffset = box.bodyOffset + 8 + chunk * entryBytes;
  return new ProtocolError('MP4_TRUNCATED', sentence, { byteOffset, section, remedy: 'it was cut off, copy it again' });
}

function uint32s<Values extends Uint32Array | Float64Array>(view: DataView, values: Values): Values {
  for (let entry = 0; entry < values.length; entry++) values[entry] = view.getUint32(entry * 4);
  return values;
}

/** Values of a table of runs, each of how often it stands and what it is; 0 behind their end. One where it is for all. */
function runs<Values extends Int32Array | Uint32Array>({ count, view }: BoxTable, values: Values): Values | number {
  let at = 0;
  for (let entry = 0; entry < count && at < values.length; entry++) {
    const value = view.getInt32(entry * 8 + 4);
    const end = Math.min(at + view.getUint32(entry * 8), values.length);
    if (at === 0 && end === values.length) return value;
    fill(values, value, at, end);
    at = end;
  }
  return values;
}

const chunkNumbers = (count: number) => new Float64Array(sharedBytes(count * 8));

/** The thread that has read a film hands its tables to the one that plays it as they are. */
function sharedBytes(count: number): SharedArrayBuffer {
  return new SharedArrayBuffer(count);
}

/** Tables of runs have mostly short ones, for which the method takes ten times as long. */
function fill(values: Int32Array | Uint32Array | Uint8Array, value: number, from: number, to: number): void {
  if (to - from > 32) values.fill(value, from, to);
  else for (let at = from; at < to; at++) values[at] = value;
}
