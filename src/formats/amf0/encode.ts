import { amf0Marker } from './marker.ts';
import { Amf0Date, Amf0EcmaArray, type Amf0Object, Amf0TypedObject, type Amf0Value, Amf0XmlDocument } from './value.ts';

/**
 * Writes values one after the other, as they stand in a message. Never writes a reference. Throws `RangeError` for a
 * property name of more than 65,535 bytes, which is a bug of ours: the decoder lets none through.
 */
export function encodeAmf0(values: readonly Amf0Value[]): Uint8Array {
  const writer = new Amf0Writer();
  for (const value of values) writer.value(value);
  return writer.finish();
}

const utf8 = new TextEncoder();

class Amf0Writer {
  #bytes = new Uint8Array(512);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  value(value: Amf0Value): void {
    if (typeof value === 'number') {
      this.#uint8(amf0Marker.number);
      this.#float64(value);
    } else if (typeof value === 'boolean') {
      this.#uint8(amf0Marker.boolean);
      this.#uint8(value ? 1 : 0);
    } else if (typeof value === 'string') {
      this.#string(value);
    } else if (value === null) {
      this.#uint8(amf0Marker.null);
    } else if (value === undefined) {
      this.#uint8(amf0Marker.undefined);
    } else {
      this.#object(value);
    }
  }

  #object(value: Exclude<Amf0Value, number | boolean | string | null | undefined>): void {
    if (value instanceof Amf0EcmaArray) {
      this.#uint8(amf0Marker.ecmaArray);
      this.#uint32(value.properties.size);
      this.#properties(value.properties);
    } else if (value instanceof Amf0TypedObject) {
      this.#uint8(amf0Marker.typedObject);
      this.#name(value.className);
      this.#properties(value.properties);
    } else if (value instanceof Amf0Date) {
      this.#uint8(amf0Marker.date);
      this.#float64(value.epochMs);
      this.#uint16(value.timeZoneMinutes & 0xffff);
    } else if (value instanceof Amf0XmlDocument) {
      this.#uint8(amf0Marker.xmlDocument);
      this.#longText(utf8.encode(value.text));
    } else if (isStrictArray(value)) {
      this.#uint8(amf0Marker.strictArray);
      this.#uint32(value.length);
      for (const item of value) this.value(item);
    } else {
      this.#uint8(amf0Marker.object);
      this.#properties(value);
    }
  }

  #string(text: string): void {
    const encoded = utf8.encode(text);
    if (encoded.length > 0xffff) {
      this.#uint8(amf0Marker.longString);
      this.#longText(encoded);
    } else {
      this.#uint8(amf0Marker.string);
      this.#uint16(encoded.length);
      this.#append(encoded);
    }
  }

  #longText(encoded: Uint8Array): void {
    this.#uint32(encoded.length);
    this.#append(encoded);
  }

  #properties(properties: Amf0Object): void {
    for (const [name, value] of properties) {
      this.#name(name);
      this.value(value);
    }
    this.#uint16(0);
    this.#uint8(amf0Marker.objectEnd);
  }

  #name(name: string): void {
    const encoded = utf8.encode(name);
    if (encoded.length > 0xffff) throw new RangeError(`an AMF0 property name of ${encoded.length} bytes`);
    this.#uint16(encoded.length);
    this.#append(encoded);
  }

  #uint8(value: number): void {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
  }

  #uint16(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
  }

  #uint32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
  }

  #float64(value: number): void {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value);
  }

  #append(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Makes room for `length` bytes and returns where they begin. May replace `#bytes` and `#view`. */
  #grow(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}

// Array.isArray alone does not narrow a readonly array out of a union.
function isStrictArray(value: Amf0Object | readonly Amf0Value[]): value is readonly Amf0Value[] {
  return Array.isArray(value);
}
