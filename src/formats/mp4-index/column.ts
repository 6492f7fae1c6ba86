import { packColumn, PackedColumn } from './packed-column.ts';

/** Whole numbers as they are read from a file: those of 53 bits as floating-point numbers. */
export type Numbers = Uint8Array | Int32Array | Uint32Array | Float64Array;

/** The numbers of a column, or the one that all of them are. */
export type ColumnValues = Numbers | number;

/** One number of each sample, or of each chunk: packed where it is kept, as it was read before that. */
export type Column = PackedColumn | PlainColumn;

/** Of the first `length` values. */
export function columnOf(length: number, values: ColumnValues): Column {
  return typeof values === 'number' || length === 0 ? packColumn(length, values) : new PlainColumn(values, length);
}

/** The same numbers in few bytes. */
export function packedColumn(column: Column): PackedColumn {
  return column instanceof PackedColumn ? column : packColumn(column.length, column.values);
}

/** To be read at once: to pack numbers takes longer than to find out what they say. */
export class PlainColumn {
  readonly length: number;
  readonly values: Numbers;
  #range: { readonly base: number; readonly max: number } | undefined;

  constructor(values: Numbers, length = values.length) {
    this.values = values.subarray(0, length);
    this.length = length;
  }

  /** The least value. */
  get base(): number {
    return (this.#range ??= rangeOf(this.values)).base;
  }

  /** The largest value. */
  get max(): number {
    return (this.#range ??= rangeOf(this.values)).max;
  }

  /** `index` below `length`. */
  at(index: number): number {
    return this.values[index] ?? 0;
  }
}

function rangeOf(values: Numbers): { base: number; max: number } {
  let base = values[0] ?? 0;
  let max = base;
  for (let index = 1; index < values.length; index++) {
    const value = values[index] ?? 0;
    if (value < base) base = value;
    if (value > max) max = value;
  }
  return { base, max };
}
