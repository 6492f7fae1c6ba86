/** Bits of one value: none where all are the same. */
export type PackedWidth = 0 | 1 | 2 | 4 | 8 | 16 | 24 | 32 | 64;

/** What is kept of a column: `base + step × packed[i]`. */
export interface PackedColumnFields {
  readonly length: number;
  /** The least value. */
  readonly base: number;
  /** What all differences are multiples of. */
  readonly step: number;
  readonly width: PackedWidth;
  /** The largest value. */
  readonly max: number;
  /** Of less than a byte the first value is in the lowest bits; of more the highest byte is first. */
  readonly bytes: Uint8Array;
}

/**
 * Whole numbers in few bytes: as the distance from the least of them, in units of what divides all of these. Two hours
 * of a track would otherwise take tens of megabytes.
 */
export class PackedColumn implements PackedColumnFields {
  readonly length: number;
  readonly base: number;
  readonly step: number;
  readonly width: PackedWidth;
  readonly max: number;
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor({ length, base, step, width, max, bytes }: PackedColumnFields) {
    this.length = length;
    this.base = base;
    this.step = step;
    this.width = width;
    this.max = max;
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** `index` below `length`. */
  at(index: number): number {
    return this.width === 0 ? this.base : this.base + this.step * this.#packed(index);
  }

  #packed(index: number): number {
    switch (this.width) {
      case 0:
        return 0;
      case 1:
        return ((this.bytes[index >> 3] ?? 0) >> (index & 7)) & 1;
      case 2:
        return ((this.bytes[index >> 2] ?? 0) >> ((index & 3) * 2)) & 3;
      case 4:
        return ((this.bytes[index >> 1] ?? 0) >> ((index & 1) * 4)) & 15;
      case 8:
        return this.bytes[index] ?? 0;
      case 16:
        return this.#view.getUint16(index * 2);
      case 24:
        return (this.#view.getUint16(index * 3) << 8) | (this.bytes[index * 3 + 2] ?? 0);
      case 32:
        return this.#view.getUint32(index * 4);
      case 64:
        return this.#view.getFloat64(index * 8);
    }
  }
}

/**
 * Packs `length` safe integers. `values` is called twice, each time for a function that gives them one after the other:
 * nothing is put down before it is known how wide it has to be.
 */
export function packColumn(length: number, values: () => () => number): PackedColumn {
  const { base, max, step } = rangeOf(length, values());
  const width = widthOf((max - base) / step);
  const bytes = new Uint8Array(packedBytes(length, width));
  const column = new PackedColumn({ length, base, step, width, max, bytes });
  if (width !== 0) write(column, values());
  return column;
}

/** Bytes that `length` values of this width take. */
function packedBytes(length: number, width: PackedWidth): number {
  return Math.ceil((length * width) / 8);
}

function rangeOf(length: number, next: () => number): { base: number; max: number; step: number } {
  if (length === 0) return { base: 0, max: 0, step: 1 };
  const first = next();
  let base = first;
  let max = first;
  let step = 0;
  for (let index = 1; index < length; index++) {
    const value = next();
    if (value < base) base = value;
    if (value > max) max = value;
    // All differences from the first one have the divisor that all differences have.
    if (step !== 1) step = greatestCommonDivisor(step, Math.abs(value - first));
  }
  return { base, max, step: step === 0 ? 1 : step };
}

function greatestCommonDivisor(a: number, b: number): number {
  let [larger, smaller] = [a, b];
  while (smaller !== 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}

function widthOf(largest: number): PackedWidth {
  if (largest === 0) return 0;
  return ([1, 2, 4, 8, 16, 24, 32] as const).find((width) => largest < 2 ** width) ?? 64;
}

function write({ length, base, step, width, bytes }: PackedColumn, next: () => number): void {
  const view = new DataView(bytes.buffer);
  const perByte = width < 8 ? 8 / width : 1;
  for (let index = 0; index < length; index++) {
    const packed = (next() - base) / step;
    switch (width) {
      case 0:
        break;
      case 1:
      case 2:
      case 4: {
        const at = Math.floor(index / perByte);
        bytes[at] = (bytes[at] ?? 0) | (packed << ((index % perByte) * width));
        break;
      }
      case 8:
        bytes[index] = packed;
        break;
      case 16:
        view.setUint16(index * 2, packed);
        break;
      case 24:
        view.setUint16(index * 3, packed >>> 8);
        bytes[index * 3 + 2] = packed & 0xff;
        break;
      case 32:
        view.setUint32(index * 4, packed);
        break;
      case 64:
        view.setFloat64(index * 8, packed);
        break;
    }
  }
}
