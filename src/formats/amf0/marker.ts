/** The byte before a value that says its type (AMF0 §2.1). */
export const amf0Marker = {
  number: 0x00,
  boolean: 0x01,
  string: 0x02,
  object: 0x03,
  /** Reserved by the specification, never written by anybody. */
  movieClip: 0x04,
  null: 0x05,
  undefined: 0x06,
  reference: 0x07,
  ecmaArray: 0x08,
  objectEnd: 0x09,
  strictArray: 0x0a,
  date: 0x0b,
  longString: 0x0c,
  unsupported: 0x0d,
  /** Reserved by the specification, never written by anybody. */
  recordSet: 0x0e,
  xmlDocument: 0x0f,
  typedObject: 0x10,
  /** What follows is AMF3. */
  avmPlusObject: 0x11,
} as const;
