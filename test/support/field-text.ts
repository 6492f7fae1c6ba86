import fc from 'fast-check';

/** A field value as a parser may meet it: each character is a byte. */
export const fieldText = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)) });
