import { ProtocolError } from '../../base/errors.ts';

/** A value of the data section; bytes and numbers of more than 32 bits are not told, nobody here asks for them. */
export type MmdbValue = string | number | boolean | undefined | readonly MmdbValue[] | ReadonlyMap<string, MmdbValue>;

/** Deeper than any database goes. */
const maxDepth = 16;
/** More values than any record has. */
const maxValues = 4_096;

/** Control bytes hold types as numbers (MaxMind DB 2.0, "Output Data Section"). */
const types = {
  extended: 0,
  pointer: 1,
  text: 2,
  uint16: 5,
  uint32: 6,
  map: 7,
  array: 11,
  boolean: 14,
} as const;

/** Of double, bytes, int32, uint64, uint128 and float only the size counts. */
const skippedTypes: readonly number[] = [3, 4, 8, 9, 10, 15];

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Reads the value at `offset` of a data section. `section`: the bytes that offsets and pointers count in. Throws a
 * `ProtocolError` for what cannot be one.
 */
export function readMmdbValue(section: Uint8Array, offset: number): MmdbValue {
  const reader = new ValueReader(section, offset);
  return reader.value(0);
}

/** A field of a map; `undefined` where there is none, or no map. */
export function mmdbField(value: MmdbValue, name: string): MmdbValue {
  return typeof value === 'object' && 'get' in value ? value.get(name) : undefined;
}

class ValueReader {
  readonly #section: Uint8Array;
  #offset: number;
  #values = 0;

  constructor(section: Uint8Array, offset: number) {
    this.#section = section;
    this.#offset = offset;
  }

  value(depth: number): MmdbValue {
    if (depth > maxDepth || ++this.#values > maxValues) throw this.#broken('more values than a record has');
    const control = this.#byte();
    const type = control >> 5 === types.extended ? this.#byte() + 7 : control >> 5;
    if (type === types.pointer) return this.#pointed(control, depth);
    const size = this.#size(control & 0x1f);
    switch (type) {
      case types.text:
        return utf8.decode(this.#bytes(size));
      case types.uint16:
      case types.uint32:
        if (size > 4) throw this.#broken('a number that is too long');
        return this.#unsigned(size);
      case types.boolean:
        return size !== 0;
      case types.map:
        return this.#map(size, depth);
      case types.array:
        return this.#array(size, depth);
      default:
        if (!skippedTypes.includes(type)) throw this.#broken(`a type ${type} that there is not`);
        this.#bytes(size);
        return undefined;
    }
  }

  #map(size: number, depth: number): ReadonlyMap<string, MmdbValue> {
    const map = new Map<string, MmdbValue>();
    for (let i = 0; i < size; i++) {
      const key = this.value(depth + 1);
      if (typeof key !== 'string') throw this.#broken('a key that is no text');
      map.set(key, this.value(depth + 1));
    }
    return map;
  }

  #array(size: number, depth: number): readonly MmdbValue[] {
    const array: MmdbValue[] = [];
    for (let i = 0; i < size; i++) array.push(this.value(depth + 1));
    return array;
  }

  /** The value goes on behind the pointer. */
  #pointed(control: number, depth: number): MmdbValue {
    const length = (control >> 3) & 3;
    const high = length === 3 ? 0 : (control & 7) * 256 ** (length + 1);
    const target = high + this.#unsigned(length + 1) + ([0, 2_048, 526_336, 0][length] ?? 0);
    const behind = this.#offset;
    this.#offset = target;
    const value = this.value(depth + 1);
    this.#offset = behind;
    return value;
  }

  #size(short: number): number {
    if (short < 29) return short;
    const length = short - 28;
    return this.#unsigned(length) + ([29, 285, 65_821][length - 1] ?? 0);
  }

  #unsigned(length: number): number {
    let value = 0;
    for (const byte of this.#bytes(length)) value = value * 256 + byte;
    return value;
  }

  #byte(): number {
    const byte = this.#section[this.#offset];
    if (byte === undefined) throw this.#broken('an end before its time');
    this.#offset++;
    return byte;
  }

  #bytes(length: number): Uint8Array {
    const end = this.#offset + length;
    if (end > this.#section.length) throw this.#broken('an end before its time');
    const bytes = this.#section.subarray(this.#offset, end);
    this.#offset = end;
    return bytes;
  }

  #broken(what: string): ProtocolError {
    return new ProtocolError('MMDB_DATA_BROKEN', `the database has ${what} in its data`, { byteOffset: this.#offset });
  }
}
