/**
 * The values of Action Message Format 0 (AMF0, "amf0-file-format-specification"), as the program sees them. Objects are
 * maps and not JavaScript objects: a peer chooses the property names, and `__proto__` is one of them.
 */
export type Amf0Value =
  | number
  | boolean
  | string
  | null
  | undefined
  | Amf0Object
  | Amf0EcmaArray
  | Amf0StrictArray
  | Amf0TypedObject
  | Amf0Date
  | Amf0XmlDocument;

/** An anonymous object (§2.5): property names in the order in which they came. */
export type Amf0Object = ReadonlyMap<string, Amf0Value>;

/** An array by position (§2.12). */
export type Amf0StrictArray = readonly Amf0Value[];

/** An associative array (§2.10), which stays one when it is written again: `onMetaData` is expected to hold one. */
export class Amf0EcmaArray {
  readonly properties: Amf0Object;

  constructor(properties: Amf0Object) {
    this.properties = properties;
  }
}

/** An object of a registered class (§2.18). */
export class Amf0TypedObject {
  readonly className: string;
  readonly properties: Amf0Object;

  constructor(className: string, properties: Amf0Object) {
    this.className = className;
    this.properties = properties;
  }
}

/** A date (§2.13). The time zone is kept as it came; the specification reserves it and asks for 0. */
export class Amf0Date {
  /** Milliseconds since 1970-01-01T00:00:00Z, as the peer says: may be no number at all. */
  readonly epochMs: number;
  readonly timeZoneMinutes: number;

  constructor(epochMs: number, timeZoneMinutes = 0) {
    this.epochMs = epochMs;
    this.timeZoneMinutes = timeZoneMinutes;
  }
}

/** An XML document (§2.17), as text: nothing parses it. */
export class Amf0XmlDocument {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** An object with the given properties, for what the program itself says. */
export function amf0Object(properties: Readonly<Record<string, Amf0Value>>): Amf0Object {
  return new Map(Object.entries(properties));
}

/**
 * The properties of an object, typed object or ECMA array; `undefined` for every other value. Peers use the three
 * without distinction: ask here and not for the type.
 */
export function propertiesOf(value: Amf0Value): Amf0Object | undefined {
  if (value instanceof Amf0EcmaArray || value instanceof Amf0TypedObject) return value.properties;
  return value instanceof Map ? value : undefined;
}
