import { decodeMediaRecord, encodeMediaRecord, type MediaRecordForm } from '../media/media-record.ts';
import type { Mp4Index, Mp4Track } from './mp4-index.ts';
import { PackedColumn, type PackedColumnFields } from './packed-column.ts';
import { type SampleColumns, SampleTable, type SampleTableFields } from './sample-table.ts';

const form: MediaRecordForm = { letters: 'MP4x', version: 2 };

/** As it is written: without what is computed from its fields. */
type WrittenTable = Omit<SampleTableFields, 'columns'> & {
  readonly columns: { readonly [Name in keyof SampleColumns]: number | PackedColumnFields };
};
type Written = Omit<Mp4Index, 'tracks'> & {
  readonly tracks: readonly (Omit<Mp4Track, 'table'> & { readonly table: WrittenTable })[];
};

/** What is kept of the index of a file; its caller knows of which file. */
export function encodeMp4Index(index: Mp4Index): Uint8Array<ArrayBuffer> {
  return encodeMediaRecord(form, index);
}

/** The index holds views of `bytes`. Throws `ProtocolError` for what is damaged or of another version. */
export function decodeMp4Index(bytes: Uint8Array): Mp4Index {
  const written = decodeMediaRecord(form, bytes) as Written;
  return { ...written, tracks: written.tracks.map((track) => ({ ...track, table: tableOf(track.table) })) };
}

function tableOf({ columns, ...fields }: WrittenTable): SampleTable {
  const read = Object.entries(columns).map(([name, value]) => [
    name,
    typeof value === 'number' ? value : new PackedColumn(value),
  ]);
  return new SampleTable({ ...fields, columns: Object.fromEntries(read) as SampleColumns });
}
