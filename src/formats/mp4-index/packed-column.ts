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

/** Packs the first `length` of safe integers; a single number stands for all. */
export function packColumn(length: number, values: ArrayLike<number> | number): PackedColumn {
  const { base, max, step } =
    typeof values === 'number' ? { base: values, max: values, step: 1 } : rangeOf(length, values);
  const width = widthOf((max - base) / step);
  const bytes = new Uint8Array(Math.ceil((length * width) / 8));
  const column = new PackedColumn({ length, base, step, width, max, bytes });
  if (typeof values !== 'number') write(column, values);
  return column;
}

function rangeOf(length: number, values: ArrayLike<number>): { base: number; max: number; step: number } {
  const first = length === 0 ? 0 : (values[0] ?? 0);
  let base = first;
  let max = first;
  let step = 0;
  for (let index = 1; index < length; index++) {
    const value = values[index] ?? 0;
    if (value < base) base = value;
    if (value > max) max = value;
    // All differences from the first one have the divisor that all differences have.
    if (step === 1 || value === first) continue;
    const difference = Math.abs(value - first);
    if (step === 0 || !divides(step, difference)) step = greatestCommonDivisor(step, difference);
  }
  return { base, max, step: step === 0 ? 1 : step };
}

/** The remainder of what fits 32 bits is found much faster than that of larger numbers. */
function divides(step: number, difference: number): boolean {
  if (difference <= 0x7fff_ffff && step <= 0x7fff_ffff) return (difference | 0) % (step | 0) === 0;
  return difference % step === 0;
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

function write({ length, base, step, width, bytes }: PackedColumn, values: ArrayLike<number>): void {
  const view = new DataView(bytes.buffer);
  // What is rounded is exact as long as it fits 32 bits, and takes a fraction of the time of a division.
  const share = 1 / step;
  const packed = (index: number) => Math.round(((values[index] ?? 0) - base) * share);
  switch (width) {
    case 0:
      break;
    case 1:
    case 2:
    case 4: {
      const perByte = 8 / width;
      for (let index = 0; index < length; index++) {
        const at = Math.floor(index / perByte);
        bytes[at] = (bytes[at] ?? 0) | (packed(index) << ((index % perByte) * width));
      }
      break;
    }
    case 8:
      for (let index = 0; index < length; index++) bytes[index] = packed(index);
      break;
    case 16:
      for (let index = 0; index < length; index++) view.setUint16(index * 2, packed(index));
      break;
    case 24:
      for (let index = 0; index < length; index++) {
        const value = packed(index);
        view.setUint16(index * 3, value >>> 8);
        bytes[index * 3 + 2] = value & 0xff;
      }
      break;
    case 32:
      for (let index = 0; index < length; index++) view.setUint32(index * 4, packed(index));
      break;
    case 64:
      for (let index = 0; index < length; index++) view.setFloat64(index * 8, ((values[index] ?? 0) - base) / step);
      break;
  }
}
