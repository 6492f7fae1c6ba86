import { LimitError } from '../../base/errors.ts';
import { type Box, boxError, boxField, childBox, childBoxes, requiredChild } from './box.ts';
import { maxFragmentSamples, maxSampleBytes } from './limits.ts';
import type { FragmentDefaults } from './mp4-index.ts';
import { buildSampleTable, type SampleTable } from './sample-table.ts';

/** What is known of a track of which fragments have samples. */
export interface FragmentTrack {
  readonly kind: 'video' | 'audio';
  readonly fileTrackId: number;
  readonly descriptions: { readonly length: number };
  readonly fragmentDefaults: FragmentDefaults;
}

/** Samples that a `moof` adds to a track, by the place of the track among those that were given. */
export interface FragmentTable {
  readonly track: number;
  readonly table: SampleTable;
}

const header = {
  baseDataOffset: 0x01,
  description: 0x02,
  duration: 0x08,
  size: 0x10,
  flags: 0x20,
  baseIsMoof: 0x02_0000,
} as const;
const run = {
  dataOffset: 0x001,
  firstFlags: 0x004,
  duration: 0x100,
  size: 0x200,
  flags: 0x400,
  offset: 0x800,
} as const;
/** sample_is_non_sync_sample; sample_depends_on = 1, which is all that some writers set (ISO/IEC 14496-12 §8.8.3.1). */
const notSync = 0x0101_0000;

/**
 * Reads a `moof` box (ISO/IEC 14496-12 §8.8.4) that begins at `moofOffset`. `startTicks` says where a track goes on
 * whose fragment does not say it. Throws `ProtocolError` for what is damaged, `LimitError` for more samples than a
 * fragment may have.
 */
export function readFragment(
  moof: Box,
  moofOffset: number,
  tracks: readonly FragmentTrack[],
  startTicks: (track: number) => number,
): FragmentTable[] {
  const tables: FragmentTable[] = [];
  // Where the data of the one before ended: what is not said otherwise lies behind it.
  let dataEnd = moofOffset;
  for (const traf of childBoxes(moof)) {
    if (traf.type !== 'traf') continue;
    const tfhd = requiredChild(traf, 'tfhd');
    const flags = boxField(tfhd, 0) & 0xff_ffff;
    const fileTrackId = boxField(tfhd, 4);
    const track = tracks.findIndex((one) => one.fileTrackId === fileTrackId);
    const known = tracks[track];
    const fields = headerFields(tfhd, flags);
    const defaults = { ...known?.fragmentDefaults, ...fields.defaults };
    const base = fields.baseDataOffset ?? ((flags & header.baseIsMoof) === 0 ? dataEnd : moofOffset);
    const runs = trackRuns(traf, defaults, base);
    dataEnd = runs.at(-1)?.endOffset ?? base;
    if (known === undefined || runs.length === 0) continue;
    const start = decodeTime(traf) ?? startTicks(track);
    tables.push({ track, table: tableOf(traf, runs, { ...known, description: defaults.description ?? 0, start }) });
  }
  return tables;
}

/** `tfhd` (§8.8.7). */
function headerFields(tfhd: Box, flags: number): { baseDataOffset?: number; defaults: Partial<FragmentDefaults> } {
  let at = 8;
  const next = () => {
    at += 4;
    return boxField(tfhd, at - 4);
  };
  const has = (flag: number) => (flags & flag) !== 0;
  const baseDataOffset = has(header.baseDataOffset) ? next() * 2 ** 32 + next() : undefined;
  const description = has(header.description) ? next() - 1 : undefined;
  const durationTicks = has(header.duration) ? next() : undefined;
  const sizeBytes = has(header.size) ? next() : undefined;
  const sampleFlags = has(header.flags) ? next() : undefined;
  return {
    ...(baseDataOffset === undefined ? undefined : { baseDataOffset }),
    defaults: {
      ...(description === undefined ? undefined : { description }),
      ...(durationTicks === undefined ? undefined : { durationTicks }),
      ...(sizeBytes === undefined ? undefined : { sizeBytes }),
      ...(sampleFlags === undefined ? undefined : { flags: sampleFlags }),
    },
  };
}

/** `tfdt` (§8.8.12). */
function decodeTime(traf: Box): number | undefined {
  const tfdt = childBox(traf, 'tfdt');
  if (tfdt === undefined) return undefined;
  const isWide = boxField(tfdt, 0) >>> 24 === 1;
  const ticks = isWide ? boxField(tfdt, 4) * 2 ** 32 + boxField(tfdt, 8) : boxField(tfdt, 4);
  if (!Number.isSafeInteger(ticks)) throw boxError(tfdt, `begins at ${ticks}, beyond 2^53`, 4);
  return ticks;
}

/** A `trun` (§8.8.8). */
interface Run {
  readonly count: number;
  readonly offset: number;
  readonly endOffset: number;
  readonly durationTicks: (sample: number) => number;
  readonly sizeBytes: (sample: number) => number;
  readonly flags: (sample: number) => number;
  readonly compositionOffsetTicks: (sample: number) => number;
}

function trackRuns(traf: Box, defaults: Partial<FragmentDefaults>, base: number): Run[] {
  const runs: Run[] = [];
  let samples = 0;
  let end = base;
  for (const trun of childBoxes(traf)) {
    if (trun.type !== 'trun') continue;
    samples += boxField(trun, 4);
    if (samples > maxFragmentSamples) {
      throw new LimitError('MP4_TOO_MANY_SAMPLES', `samples of ${traf.path} at byte ${trun.bodyOffset}`, {
        limit: maxFragmentSamples,
        value: samples,
      });
    }
    const read = trackRun(trun, defaults, base, end);
    end = read.endOffset;
    if (read.count > 0) runs.push(read);
  }
  return runs;
}

function trackRun(trun: Box, defaults: Partial<FragmentDefaults>, base: number, previousEnd: number): Run {
  const flags = boxField(trun, 0) & 0xff_ffff;
  const has = (flag: number) => (flags & flag) !== 0;
  const count = boxField(trun, 4);
  const offset = has(run.dataOffset) ? base + (boxField(trun, 8) | 0) : previousEnd;
  if (offset < 0) throw boxError(trun, `has its data at ${offset}, before the file`, 8);
  const firstFlagsAt = has(run.dataOffset) ? 12 : 8;
  const from = firstFlagsAt + (has(run.firstFlags) ? 4 : 0);
  const fields = [run.duration, run.size, run.flags, run.offset].filter(has);
  const entryBytes = fields.length * 4;
  const room = trun.body.length - from;
  if (room < 0 || count * entryBytes > room) {
    throw boxError(trun, `announces ${count} samples and has ${Math.max(room, 0)} bytes for them`, 4);
  }
  const view = new DataView(trun.body.buffer, trun.body.byteOffset + from, Math.max(count * entryBytes, 0));
  const field = (flag: number, otherwise: number) => {
    const at = fields.indexOf(flag as (typeof fields)[number]) * 4;
    return at < 0 ? () => otherwise : (sample: number) => view.getUint32(sample * entryBytes + at);
  };
  const sampleFlags = field(run.flags, defaults.flags ?? 0);
  const firstFlags = has(run.firstFlags) ? boxField(trun, firstFlagsAt) : undefined;
  const offsets = field(run.offset, 0);
  const sizeBytes = field(run.size, defaults.sizeBytes ?? 0);
  let endOffset = offset;
  for (let sample = 0; sample < count; sample++) endOffset += sizeBytes(sample);
  return {
    count,
    offset,
    endOffset,
    durationTicks: field(run.duration, defaults.durationTicks ?? 0),
    sizeBytes,
    flags: (sample) => (sample === 0 ? (firstFlags ?? sampleFlags(0)) : sampleFlags(sample)),
    // Signed whatever the version says, as in `ctts`.
    compositionOffsetTicks: (sample) => offsets(sample) | 0,
  };
}

function tableOf(
  traf: Box,
  runs: readonly Run[],
  track: FragmentTrack & { readonly description: number; readonly start: number },
): SampleTable {
  const { description, descriptions, kind, start } = track;
  if (description < 0 || description >= descriptions.length) {
    throw boxError(traf, `names sample description ${description + 1} of ${descriptions.length}`);
  }
  const count = runs.reduce((sum, one) => sum + one.count, 0);
  const column = <Values extends Uint32Array | Int32Array>(
    values: Values,
    value: (one: Run) => (sample: number) => number,
  ): Values => {
    let at = 0;
    for (const one of runs) {
      const ofRun = value(one);
      for (let sample = 0; sample < one.count; sample++) values[at++] = ofRun(sample);
    }
    return values;
  };
  const durationsTicks = column(new Uint32Array(count), ({ durationTicks }) => durationTicks);
  const longestTicks = largest(durationsTicks);
  if (longestTicks >= 2 ** 31) throw boxError(traf, `has a duration of ${longestTicks - 2 ** 32}, less than none`);
  const sizesBytes = column(new Uint32Array(count), ({ sizeBytes }) => sizeBytes);
  if (largest(sizesBytes) > maxSampleBytes) {
    throw new LimitError('MP4_SAMPLE_TOO_LARGE', `bytes of a sample of ${traf.path} at byte ${traf.bodyOffset}`, {
      limit: maxSampleBytes,
      value: largest(sizesBytes),
    });
  }
  const syncOf = (flags: number) => (kind === 'audio' || (flags & notSync) === 0 ? 1 : 0);
  const syncsOf =
    ({ flags }: Run) =>
    (sample: number) =>
      syncOf(flags(sample));
  return buildSampleTable({
    count,
    startTicks: start,
    durationsTicks,
    compositionOffsetsTicks: column(new Int32Array(count), ({ compositionOffsetTicks }) => compositionOffsetTicks),
    sizesBytes,
    syncs: column(new Uint32Array(count), syncsOf),
    chunkOffsets: Float64Array.from(runs, ({ offset }) => offset),
    chunkSamples: Uint32Array.from(runs, ({ count }) => count),
    chunkDescriptions: description,
  });
}

function largest(values: Uint32Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
