import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import { amf0Marker } from './marker.ts';
import { Amf0Date, Amf0EcmaArray, type Amf0Object, Amf0TypedObject, type Amf0Value, Amf0XmlDocument } from './value.ts';

/** How much one message may hold. What goes beyond is a `ProtocolError`. */
export interface Amf0Limits {
  /** Objects and arrays within each other. */
  readonly maxDepth: number;
  /** Values of all kinds; what a reference stands for counts again each time. */
  readonly maxValues: number;
  /** Of one string value, in UTF-8. */
  readonly maxStringBytes: number;
  /** Of one property name or class name, in UTF-8. */
  readonly maxNameBytes: number;
}

/** Room for the seek tables that recorders write into `onMetaData`; nothing that a peer needs comes near it. */
export const defaultAmf0Limits: Amf0Limits = {
  maxDepth: 32,
  maxValues: 65_536,
  maxStringBytes: 262_144,
  maxNameBytes: 4_096,
};

/**
 * All values of one message, in order. Invalid UTF-8 becomes U+FFFD. A reference (§2.9) becomes the value it stands
 * for. Throws `ProtocolError` with the byte offset for an unknown or unsupported marker, for what ends early, for a
 * cyclic reference and for what goes beyond the limits.
 */
export function decodeAmf0(bytes: Uint8Array, limits: Amf0Limits = defaultAmf0Limits): Amf0Value[] {
  const decoder = new Amf0Decoder(bytes, limits);
  const values: Amf0Value[] = [];
  while (decoder.remaining > 0) values.push(decoder.value(0));
  return values;
}

/** An object or array that a reference may stand for. */
interface Referable {
  value: Amf0Value;
  /** Not while it is still being read. */
  complete: boolean;
  /** Values in it, itself included. */
  count: number;
  /** Objects and arrays within each other, itself included. */
  height: number;
}

// A byte order mark is part of the text; by default the decoder would swallow it.
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

class Amf0Decoder {
  readonly #bytes: Uint8Array;
  readonly #reader: ByteReader;
  readonly #limits: Amf0Limits;
  readonly #referables: Referable[] = [];
  #count = 0;
  /** The deepest level reached since the innermost open object or array began. */
  #deepest = 0;

  constructor(bytes: Uint8Array, limits: Amf0Limits) {
    this.#bytes = bytes;
    this.#reader = new ByteReader(bytes, 'AMF0');
    this.#limits = limits;
  }

  get remaining(): number {
    return this.#reader.remaining;
  }

  /** `depth`: objects and arrays around this value. Recursion ends at `maxDepth`. */
  value(depth: number): Amf0Value {
    const reader = this.#reader;
    const at = reader.offset;
    this.#countValues(1, at);
    const marker = reader.uint8();
    switch (marker) {
      case amf0Marker.number:
        return reader.float64();
      case amf0Marker.boolean:
        return reader.uint8() !== 0;
      case amf0Marker.string:
        return this.#text(reader.uint16(), this.#limits.maxStringBytes);
      case amf0Marker.longString:
        return this.#text(reader.uint32(), this.#limits.maxStringBytes);
      case amf0Marker.xmlDocument:
        return new Amf0XmlDocument(this.#text(reader.uint32(), this.#limits.maxStringBytes));
      case amf0Marker.null:
        return null;
      case amf0Marker.undefined:
      // §2.15: stands where the sender had a value that it could not write.
      case amf0Marker.unsupported:
        return undefined;
      case amf0Marker.date: {
        const epochMs = reader.float64();
        return new Amf0Date(epochMs, reader.int16());
      }
      case amf0Marker.object:
        return this.#nested(depth, at, (inner) => this.#properties(inner));
      case amf0Marker.ecmaArray:
        // §2.10: the count is a hint, and encoders get it wrong; the end is where the end marker is.
        reader.skip(4);
        return this.#nested(depth, at, (inner) => new Amf0EcmaArray(this.#properties(inner)));
      case amf0Marker.typedObject: {
        const className = this.#text(reader.uint16(), this.#limits.maxNameBytes);
        return this.#nested(depth, at, (inner) => new Amf0TypedObject(className, this.#properties(inner)));
      }
      case amf0Marker.strictArray:
        return this.#nested(depth, at, (inner) => this.#strictArray(inner));
      case amf0Marker.reference:
        return this.#reference(depth, at);
      case amf0Marker.avmPlusObject:
        throw new ProtocolError('AMF3_UNSUPPORTED', 'an AMF3 value inside of AMF0 is not supported', {
          byteOffset: at,
          section: 'AMF0 §3.1',
        });
      default:
        throw new ProtocolError('AMF0_MARKER', `0x${marker.toString(16).padStart(2, '0')} is no marker of a value`, {
          byteOffset: at,
          section: 'AMF0 §2.1',
        });
    }
  }

  #countValues(count: number, at: number): void {
    this.#count += count;
    if (this.#count > this.#limits.maxValues) {
      throw new ProtocolError('AMF0_TOO_MANY_VALUES', `more than ${this.#limits.maxValues} values in one message`, {
        byteOffset: at,
      });
    }
  }

  #checkDepth(depth: number, at: number): void {
    if (depth > this.#limits.maxDepth) {
      throw new ProtocolError('AMF0_TOO_DEEP', `objects within objects, more than ${this.#limits.maxDepth} deep`, {
        byteOffset: at,
      });
    }
    this.#deepest = Math.max(this.#deepest, depth);
  }

  #text(length: number, maxBytes: number): string {
    const at = this.#reader.offset;
    if (length > maxBytes) {
      throw new ProtocolError('AMF0_STRING_TOO_LONG', `a string of ${length} bytes, limit ${maxBytes}`, {
        byteOffset: at,
      });
    }
    return utf8.decode(this.#reader.bytes(length));
  }

  /** Reads an object or array that lies `depth` deep, and keeps it for references to come. */
  #nested(depth: number, at: number, read: (innerDepth: number) => Amf0Value): Amf0Value {
    const deepestOutside = this.#deepest;
    const countBefore = this.#count;
    this.#deepest = 0;
    this.#checkDepth(depth + 1, at);
    const referable: Referable = { value: undefined, complete: false, count: 0, height: 0 };
    this.#referables.push(referable);
    const value = read(depth + 1);
    referable.value = value;
    referable.complete = true;
    referable.count = this.#count - countBefore + 1;
    referable.height = this.#deepest - depth;
    this.#deepest = Math.max(deepestOutside, this.#deepest);
    return value;
  }

  #properties(depth: number): Amf0Object {
    const properties = new Map<string, Amf0Value>();
    for (;;) {
      const nameLength = this.#reader.uint16();
      const name = this.#text(nameLength, this.#limits.maxNameBytes);
      if (nameLength === 0 && this.#endsObject()) return properties;
      properties.set(name, this.value(depth));
    }
  }

  /** After an empty property name. A property may have that name, so the marker decides (§2.11). */
  #endsObject(): boolean {
    if (this.#bytes[this.#reader.offset] !== amf0Marker.objectEnd) return false;
    this.#reader.skip(1);
    return true;
  }

  #strictArray(depth: number): Amf0Value[] {
    const length = this.#reader.uint32();
    // Each value takes a byte at least: an announced length beyond that ends in TRUNCATED, after what is there.
    const values: Amf0Value[] = [];
    for (let i = 0; i < length; i++) values.push(this.value(depth));
    return values;
  }

  #reference(depth: number, at: number): Amf0Value {
    const index = this.#reader.uint16();
    const referable = this.#referables[index];
    if (referable?.complete !== true) {
      const problem = referable === undefined ? 'to nothing' : 'to the object that it stands in: cyclic';
      throw new ProtocolError('AMF0_REFERENCE', `reference ${index} leads ${problem}`, {
        byteOffset: at,
        section: 'AMF0 §2.9',
      });
    }
    // Whoever writes the value again writes it out in full: a few references to references would make gigabytes.
    this.#countValues(referable.count, at);
    this.#checkDepth(depth + referable.height, at);
    return referable.value;
  }
}
