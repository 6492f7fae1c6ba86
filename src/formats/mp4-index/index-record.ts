import { decodeMediaRecord, encodeMediaRecord, type MediaRecordForm } from '../media/media-record.ts';
import type { Mp4Index, Mp4Track } from './mp4-index.ts';
import { PackedColumn, type PackedColumnFields } from './packed-column.ts';
import { type SampleColumns, SampleTable } from './sample-table.ts';

const form: MediaRecordForm = { letters: 'MP4x', version: 1 };

/** A column as it is written: its fields alone. */
type WrittenColumns = { readonly [Name in keyof SampleColumns]: number | PackedColumnFields };

type WrittenTrack = Omit<Mp4Track, 'table'> & { readonly columns: WrittenColumns };

/** What is kept of the index of a file; its caller knows of which file. */
export function encodeMp4Index(index: Mp4Index): Uint8Array<ArrayBuffer> {
  const tracks = index.tracks.map(({ table, ...track }) => ({ ...track, columns: table.columns }));
  return encodeMediaRecord(form, { ...index, tracks });
}

/** The index holds views of `bytes`. Throws `ProtocolError` for what is damaged or of another version. */
export function decodeMp4Index(bytes: Uint8Array): Mp4Index {
  const written = decodeMediaRecord(form, bytes) as Omit<Mp4Index, 'tracks'> & {
    readonly tracks: readonly WrittenTrack[];
  };
  const tracks = written.tracks.map(({ columns, ...track }) => ({ ...track, table: tableOf(columns) }));
  return { ...written, tracks };
}

function tableOf(columns: WrittenColumns): SampleTable {
  const fields = Object.entries(columns).map(([name, value]) => [
    name,
    typeof value === 'number' ? value : new PackedColumn(value),
  ]);
  return new SampleTable(Object.fromEntries(fields) as SampleColumns);
}
