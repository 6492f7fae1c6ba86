import { decodeMediaRecord, encodeMediaRecord, type MediaRecordForm } from '../media/media-record.ts';
import type { SharedMedia } from '../media/stored-media.ts';
import { type Column, type Numbers, packedColumn, PlainColumn } from './column.ts';
import type { Mp4Index, Mp4Track } from './mp4-index.ts';
import { PackedColumn, type PackedColumnFields } from './packed-column.ts';
import { type SampleColumns, SampleTable, type SampleTableFields } from './sample-table.ts';

const form: MediaRecordForm = { letters: 'MP4x', version: 3 };

/** A column as it is written: its numbers, or their place among those that stand beside. */
type WrittenColumn = PackedColumnFields | { readonly beside: number };

/** As it is written: without what is computed from its fields. */
type WrittenTable = Omit<SampleTableFields, 'columns'> & {
  readonly columns: { readonly [Name in keyof SampleColumns]: number | WrittenColumn };
};
type Written = Omit<Mp4Index, 'tracks'> & {
  readonly tracks: readonly (Omit<Mp4Track, 'table'> & { readonly table: WrittenTable })[];
};

/** What is kept of the index of a file; its caller knows of which file. */
export function encodeMp4Index(index: Mp4Index): Uint8Array<ArrayBuffer> {
  return encodeMediaRecord(form, written(index, packedColumn));
}

/** The same for another thread: what is not packed stands beside as it is. */
export function shareMp4Index(index: Mp4Index): SharedMedia {
  const beside: Numbers[] = [];
  const record = encodeMediaRecord(
    form,
    written(index, (column) => (column instanceof PackedColumn ? column : { beside: beside.push(column.values) - 1 })),
  );
  return { record, beside };
}

/**
 * The index holds views of `bytes`, and what stands `beside`. Throws `ProtocolError` for what is damaged or of another
 * version.
 */
export function decodeMp4Index(bytes: Uint8Array, beside: readonly Numbers[] = []): Mp4Index {
  const { tracks, ...rest } = decodeMediaRecord(form, bytes) as Written;
  return { ...rest, tracks: tracks.map((track) => ({ ...track, table: tableOf(track.table, beside) })) };
}

function written({ tracks, ...rest }: Mp4Index, write: (column: Column) => WrittenColumn): Written {
  return {
    ...rest,
    tracks: tracks.map((track) => {
      const { checkpoints, columns, endOffset, endTicks } = track.table;
      const fields = Object.entries(columns).map(([name, column]: [string, Column | number]) => [
        name,
        typeof column === 'number' ? column : write(column),
      ]);
      const table = {
        columns: Object.fromEntries(fields) as WrittenTable['columns'],
        checkpoints,
        endOffset,
        endTicks,
      };
      return { ...track, table };
    }),
  };
}

function tableOf({ columns, ...fields }: WrittenTable, beside: readonly Numbers[]): SampleTable {
  const read = Object.entries(columns).map(([name, column]) => [
    name,
    typeof column === 'number' ? column : columnFrom(column, beside),
  ]);
  return new SampleTable({ ...fields, columns: Object.fromEntries(read) as SampleColumns });
}

function columnFrom(column: WrittenColumn, beside: readonly Numbers[]): Column {
  return 'beside' in column ? new PlainColumn(beside[column.beside] ?? new Uint8Array(0)) : new PackedColumn(column);
}
