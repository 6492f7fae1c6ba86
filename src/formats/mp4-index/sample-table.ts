import { type Column, columnOf, type ColumnValues } from './column.ts';

/** What is kept of the samples of a track, in decode order. Chunks are runs of samples that lie one behind the other. */
export interface SampleColumns {
  /** Decode time of the first sample. */
  readonly startTicks: number;
  /** Per sample. */
  readonly durationsTicks: Column;
  readonly compositionOffsetsTicks: Column;
  readonly sizesBytes: Column;
  /** 1 where decoding can start. */
  readonly syncs: Column;
  /** Where the first chunk begins in the file. */
  readonly firstChunkOffset: number;
  /** Per chunk: its samples, bytes from the end of the one before it (0 for the first), its sample description from 0. */
  readonly chunkSamples: Column;
  readonly chunkGapsBytes: Column;
  readonly chunkDescriptions: Column;
}

/** One sample of a track. */
export interface Sample {
  readonly index: number;
  readonly decodeTicks: number;
  readonly durationTicks: number;
  readonly compositionOffsetTicks: number;
  readonly sizeBytes: number;
  readonly offset: number;
  readonly sync: boolean;
  /** Of the table, from 0. */
  readonly chunk: number;
  /** Of the track's sample descriptions, from 0. */
  readonly description: number;
}

/** Every so many samples it is kept where they stand, so that any of them is found in few steps. */
const checkpointSamples = 256;

/** Where every 256th sample stands: its decode time, its place in the file, its chunk and the samples before it in that. */
export interface Checkpoints {
  readonly ticks: Float64Array;
  readonly offsets: Float64Array;
  readonly chunks: Float64Array;
  readonly inChunk: Float64Array;
}

/** What is kept of a table. */
export interface SampleTableFields {
  readonly columns: SampleColumns;
  readonly checkpoints: Checkpoints;
  readonly endTicks: number;
  /** Behind the sample that lies last in the file. */
  readonly endOffset: number;
}

/** A table as a file has it. The arrays become part of the `SampleTable`. */
export interface SampleValues {
  readonly count: number;
  readonly startTicks: number;
  readonly durationsTicks: Uint32Array | number;
  readonly compositionOffsetsTicks: ColumnValues;
  readonly sizesBytes: Uint32Array | number;
  readonly syncs: ColumnValues;
  /** Of each chunk; together they have `count` samples. */
  readonly chunkOffsets: Float64Array;
  readonly chunkSamples: Uint32Array;
  readonly chunkDescriptions: ColumnValues;
}

export function buildSampleTable(values: SampleValues): SampleTable {
  const { count, startTicks, durationsTicks, sizesBytes, chunkOffsets, chunkSamples } = values;
  const numbers = () => new Float64Array(Math.ceil(count / checkpointSamples));
  const checkpoints = { ticks: numbers(), offsets: numbers(), chunks: numbers(), inChunk: numbers() };
  const firstChunkOffset = chunkOffsets[0] ?? 0;
  // In the same memory: there may be as many of them as samples.
  const gaps = chunkOffsets;
  let index = 0;
  let checkpoint = 0;
  let nextCheckpoint = 0;
  let offset = firstChunkOffset;
  let endOffset = 0;
  for (let chunk = 0; chunk < gaps.length; chunk++) {
    const begin = chunkOffsets[chunk] ?? 0;
    gaps[chunk] = begin - offset;
    offset = begin;
    const first = index;
    // As whole numbers of 32 bits, which indexes have to be that are to be fast.
    const end = (index + (chunkSamples[chunk] ?? 0)) | 0;
    while (index < end) {
      if (index === nextCheckpoint) {
        checkpoints.offsets[checkpoint] = offset;
        checkpoints.chunks[checkpoint] = chunk;
        checkpoints.inChunk[checkpoint] = index - first;
        checkpoint++;
        nextCheckpoint += checkpointSamples;
      }
      const next = end < nextCheckpoint ? end : nextCheckpoint;
      offset += sumOf(sizesBytes, index, next);
      index = next;
    }
    if (offset > endOffset) endOffset = offset;
  }
  const columns = {
    startTicks,
    durationsTicks: columnOf(count, durationsTicks),
    compositionOffsetsTicks: columnOf(count, values.compositionOffsetsTicks),
    sizesBytes: columnOf(count, sizesBytes),
    syncs: columnOf(count, values.syncs),
    firstChunkOffset,
    chunkSamples: columnOf(chunkOffsets.length, chunkSamples),
    chunkGapsBytes: columnOf(chunkOffsets.length, gaps),
    chunkDescriptions: columnOf(chunkOffsets.length, values.chunkDescriptions),
  };
  const endTicks = timesOf(checkpoints.ticks, count, startTicks, durationsTicks);
  return new SampleTable({ columns, checkpoints, endTicks, endOffset });
}

/** Fills in the decode times of checkpoints; gives when the last sample ends. */
function timesOf(
  checkpoints: Float64Array,
  count: number,
  startTicks: number,
  durationsTicks: Uint32Array | number,
): number {
  let ticks = startTicks;
  for (let checkpoint = 0; checkpoint < checkpoints.length; checkpoint++) {
    checkpoints[checkpoint] = ticks;
    const first = checkpoint * checkpointSamples;
    ticks += sumOf(durationsTicks, first, Math.min(count, first + checkpointSamples));
  }
  return ticks;
}

/** A function of its own: called often, it is compiled soon, while the first file is still being opened. */
function sumOf(values: Uint32Array | number, from: number, to: number): number {
  if (typeof values === 'number') return values * (to - from);
  let sum = 0;
  for (let index = from; index < to; index++) sum += values[index] ?? 0;
  return sum;
}

/** The samples of a track: each found by its number or its time, and read on from there. */
export class SampleTable implements SampleTableFields {
  /** May be replaced by the same in less memory. */
  columns: SampleColumns;
  readonly checkpoints: Checkpoints;
  readonly endTicks: number;
  readonly endOffset: number;
  readonly count: number;

  constructor({ columns, checkpoints, endTicks, endOffset }: SampleTableFields) {
    this.columns = columns;
    this.checkpoints = checkpoints;
    this.endTicks = endTicks;
    this.endOffset = endOffset;
    this.count = columns.sizesBytes.length;
  }

  /** Samples from `first` on, one after the other, to the last. */
  walkFrom(first: number): SampleWalk {
    const checkpoint = Math.floor(Math.min(first, Math.max(this.count - 1, 0)) / checkpointSamples);
    const { ticks, offsets, chunks, inChunk } = this.checkpoints;
    const place = placeAt(
      ticks[checkpoint] ?? this.columns.startTicks,
      offsets[checkpoint] ?? this.columns.firstChunkOffset,
      chunks[checkpoint] ?? 0,
      inChunk[checkpoint] ?? 0,
    );
    return new SampleWalk(this, place, checkpoint * checkpointSamples, first);
  }

  /** Throws `RangeError` for a number that no sample has. */
  sample(index: number): Sample {
    const sample = this.walkFrom(index).next();
    if (sample === undefined) throw new RangeError(`sample ${index} of ${this.count}`);
    return sample;
  }

  /** The last sample whose decode time is at or before this; 0 where none is. */
  sampleAtTicks(ticks: number): number {
    const checkpoints = this.checkpoints.ticks;
    let low = 0;
    let high = checkpoints.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((checkpoints[middle] ?? 0) <= ticks) low = middle;
      else high = middle - 1;
    }
    let index = low * checkpointSamples;
    let decodeTicks = checkpoints[low] ?? 0;
    while (index < this.count - 1) {
      decodeTicks += this.columns.durationsTicks.at(index);
      if (decodeTicks > ticks) break;
      index++;
    }
    return index;
  }

  /** The last sample at or before this one at which decoding can start; `undefined` where none is. */
  syncAtOrBefore(index: number): number | undefined {
    const { syncs } = this.columns;
    for (let at = Math.min(index, this.count - 1); at >= 0; at--) if (syncs.at(at) === 1) return at;
    return undefined;
  }
}

interface Place {
  ticks: number;
  offset: number;
  chunk: number;
  inChunk: number;
}

function placeAt(ticks: number, offset: number, chunk: number, inChunk: number): Place {
  return { ticks, offset, chunk, inChunk };
}

/** From sample `index` to the next one. */
function step(columns: SampleColumns, place: Place, index: number): void {
  place.ticks += columns.durationsTicks.at(index);
  place.offset += columns.sizesBytes.at(index);
  place.inChunk++;
  if (place.inChunk < columns.chunkSamples.at(place.chunk)) return;
  place.inChunk = 0;
  place.chunk++;
  if (place.chunk < columns.chunkGapsBytes.length) place.offset += columns.chunkGapsBytes.at(place.chunk);
}

/** Goes through the samples of a table in their order. */
export class SampleWalk {
  readonly #table: Pick<SampleTable, 'columns'>;
  readonly #place: Place;
  #index: number;

  constructor(table: Pick<SampleTable, 'columns'>, place: Place, placeIndex: number, first: number) {
    const { columns } = table;
    this.#table = table;
    this.#place = place;
    this.#index = placeIndex;
    while (this.#index < first && this.#index < columns.sizesBytes.length) step(columns, place, this.#index++);
  }

  /** The next one, of those below `end` (not beyond the last), at which decoding can start. Makes nothing of those in between. */
  nextSync(end: number): Sample | undefined {
    const { columns } = this.#table;
    const { syncs } = columns;
    let index = this.#index;
    while (index < end && syncs.at(index) !== 1) step(columns, this.#place, index++);
    this.#index = index;
    return index < end ? this.next() : undefined;
  }

  /** `undefined` behind the last one. */
  next(): Sample | undefined {
    const { columns } = this.#table;
    const index = this.#index;
    if (index >= columns.sizesBytes.length) return undefined;
    const { ticks, offset, chunk } = this.#place;
    const sample = {
      index,
      decodeTicks: ticks,
      durationTicks: columns.durationsTicks.at(index),
      compositionOffsetTicks: columns.compositionOffsetsTicks.at(index),
      sizeBytes: columns.sizesBytes.at(index),
      offset,
      sync: columns.syncs.at(index) === 1,
      chunk,
      description: columns.chunkDescriptions.at(chunk),
    };
    step(columns, this.#place, index);
    this.#index++;
    return sample;
  }
}
