import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { type Amf0Limits, decodeAmf0, defaultAmf0Limits } from '../../../src/formats/amf0/decode.ts';
import { encodeAmf0 } from '../../../src/formats/amf0/encode.ts';
import {
  Amf0Date,
  Amf0EcmaArray,
  Amf0TypedObject,
  type Amf0Value,
  Amf0XmlDocument,
  amf0Object,
  propertiesOf,
} from '../../../src/formats/amf0/value.ts';
import { anyText } from '../../support/any-text.ts';

const bytes = (...values: (number | string)[]): Uint8Array =>
  Uint8Array.from(
    values.flatMap((value) => (typeof value === 'string' ? [...new TextEncoder().encode(value)] : [value])),
  );

/** The error that decoding ends in; fails when there is none. */
function errorOf(input: Uint8Array, limits?: Amf0Limits): ProtocolError {
  try {
    decodeAmf0(input, limits);
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  throw new Error('decodeAmf0 took it');
}

const text = anyText({ maxLength: 30 });
const name = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'toString', '', '\ufeffname'));

const value: fc.Arbitrary<Amf0Value> = fc.letrec<{ value: Amf0Value }>((tie) => {
  const properties = fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map((entries) => new Map(entries));
  return {
    value: fc.oneof(
      { maxDepth: 4 },
      fc.double(),
      fc.boolean(),
      text,
      fc.constantFrom<Amf0Value>(null, undefined),
      fc.tuple(fc.double(), fc.integer({ min: -720, max: 720 })).map(([ms, zone]) => new Amf0Date(ms, zone)),
      text.map((xml) => new Amf0XmlDocument(xml)),
      properties,
      properties.map((map) => new Amf0EcmaArray(map)),
      fc.tuple(name, properties).map(([className, map]) => new Amf0TypedObject(className, map)),
      fc.array(tie('value'), { maxLength: 4 }),
    ),
  };
}).value;

describe('AMF0', () => {
  it('decodeAmf0 gives back what encodeAmf0 was given, each kind of value as that kind', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5 }), (values) => {
        expect(decodeAmf0(encodeAmf0(values))).toStrictEqual(values);
      }),
      { numRuns: 300 },
    );
  });

  it('decodeAmf0 ends in a ProtocolError, or gives fewer values, wherever a message is cut off', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 3 }), (values) => {
        const whole = encodeAmf0(values);
        for (let length = 0; length < whole.length; length++) {
          let decoded: Amf0Value[] | undefined;
          try {
            decoded = decodeAmf0(whole.subarray(0, length));
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
          if (decoded !== undefined) expect(decoded).toStrictEqual(values.slice(0, decoded.length));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('decodeAmf0 throws nothing but ProtocolError, whatever it is fed', () => {
    const marker = fc.constantFrom(0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17);
    const likely = fc.array(fc.oneof(marker, fc.constantFrom(0, 0, 0, 1), fc.nat(255)), { maxLength: 200 });
    fc.assert(
      fc.property(likely, (input) => {
        try {
          decodeAmf0(Uint8Array.from(input));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('encodeAmf0 writes the bytes of the specification', () => {
    const connect = ['connect', 1, amf0Object({ app: 'live', fpad: false }), null, undefined];
    expect(encodeAmf0(connect)).toStrictEqual(
      Uint8Array.from([
        ...bytes(2, 0, 7, 'connect', 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0),
        ...bytes(3, 0, 3, 'app', 2, 0, 4, 'live', 0, 4, 'fpad', 1, 0, 0, 0, 9),
        ...bytes(5, 6),
      ]),
    );
    expect(encodeAmf0([new Amf0EcmaArray(new Map([['a', 'b']]))])).toStrictEqual(
      bytes(8, 0, 0, 0, 1, 0, 1, 'a', 2, 0, 1, 'b', 0, 0, 9),
    );
    expect(encodeAmf0([[true], new Amf0Date(0, -1)])).toStrictEqual(
      bytes(10, 0, 0, 0, 1, 1, 1, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff),
    );
  });

  it('encodeAmf0 writes a string of 65,535 bytes as a string and one byte more as a long string', () => {
    for (const length of [65_534, 65_535, 65_536]) {
      const encoded = encodeAmf0(['x'.repeat(length)]);
      expect(encoded[0]).toBe(length > 65_535 ? 0x0c : 0x02);
      expect(decodeAmf0(encoded)).toStrictEqual(['x'.repeat(length)]);
    }
  });

  it('encodeAmf0 writes on, wherever its buffer is full', () => {
    for (let length = 480; length < 520; length++) {
      const values = ['x'.repeat(length), amf0Object({ a: true, b: 1, c: 'text' }), [null]];
      expect(decodeAmf0(encodeAmf0(values))).toStrictEqual(values);
    }
  });

  it('encodeAmf0 refuses a property name that no length can say', () => {
    expect(() => encodeAmf0([new Map([['n'.repeat(65_536), 1]])])).toThrow(RangeError);
  });

  it('decodeAmf0 does not believe the count of an ECMA array', () => {
    for (const count of [0, 1, 0xff]) {
      const [decoded] = decodeAmf0(bytes(8, count, count, count, count, 0, 1, 'a', 5, 0, 1, 'b', 6, 0, 0, 9));
      expect(decoded).toStrictEqual(
        new Amf0EcmaArray(
          new Map([
            ['a', null],
            ['b', undefined],
          ]),
        ),
      );
    }
  });

  it('decodeAmf0 keeps a property named __proto__ away from every prototype', () => {
    const [decoded] = decodeAmf0(bytes(3, 0, 9, '__proto__', 3, 0, 4, 'evil', 1, 1, 0, 0, 9, 0, 0, 9));
    expect(propertiesOf(decoded)?.get('__proto__')).toStrictEqual(new Map([['evil', true]]));
    expect('evil' in {}).toBe(false);
  });

  it('decodeAmf0 makes U+FFFD of bytes that are no UTF-8', () => {
    expect(decodeAmf0(bytes(2, 0, 3, 0x61, 0xff, 0x62))).toStrictEqual(['a\ufffdb']);
  });

  it('decodeAmf0 reads the marker "unsupported" as undefined', () => {
    expect(decodeAmf0(bytes(0x0d, 5))).toStrictEqual([undefined, null]);
  });

  it('propertiesOf gives the properties of an object, a typed object and an ECMA array, and nothing else', () => {
    const properties = new Map([['app', 'live']]);
    expect(propertiesOf(properties)).toBe(properties);
    expect(propertiesOf(new Amf0EcmaArray(properties))).toBe(properties);
    expect(propertiesOf(new Amf0TypedObject('Class', properties))).toBe(properties);
    for (const other of [null, undefined, 'app', 1, true, ['app'], new Amf0Date(0)]) {
      expect(propertiesOf(other)).toBeUndefined();
    }
  });
});

describe('decodeAmf0 and references', () => {
  it('puts the value in the place of the reference', () => {
    // [{ a: 1 }, reference 1]: 0 is the array itself, 1 the object.
    const number1 = [0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0];
    const [decoded] = decodeAmf0(bytes(10, 0, 0, 0, 2, 3, 0, 1, 'a', ...number1, 0, 0, 9, 7, 0, 1));
    expect(decoded).toStrictEqual([new Map([['a', 1]]), new Map([['a', 1]])]);
  });

  it('refuses a cyclic one, with its offset', () => {
    const error = errorOf(bytes(3, 0, 4, 'self', 7, 0, 0, 0, 0, 9));
    expect(error.code).toBe('AMF0_REFERENCE');
    expect(error.message).toContain('cyclic');
    expect(error.byteOffset).toBe(7);
  });

  it('refuses one to nothing', () => {
    expect(errorOf(bytes(7, 0, 0)).message).toContain('to nothing');
  });

  it('counts what references stand for: 2^20 values in 66 bytes are refused', () => {
    // Each array holds the one before it twice.
    const doubling: number[] = [10, 0, 0, 0, 0];
    for (let i = 0; i < 20; i++) doubling.push(10, 0, 0, 0, 2, 7, 0, i, 7, 0, i);
    const roomy = { ...defaultAmf0Limits, maxDepth: 100 };
    expect(errorOf(Uint8Array.from(doubling), roomy).code).toBe('AMF0_TOO_MANY_VALUES');
  });

  it('counts the depth of what references stand for', () => {
    // Each array holds the one before it once: one deeper each time.
    const deepening: number[] = [10, 0, 0, 0, 0];
    for (let i = 0; i < 40; i++) deepening.push(10, 0, 0, 0, 1, 7, 0, i);
    expect(errorOf(Uint8Array.from(deepening)).code).toBe('AMF0_TOO_DEEP');
    const asDeepAsAllowed = deepening.slice(0, 5 + 8 * 31);
    expect(decodeAmf0(Uint8Array.from(asDeepAsAllowed))).toHaveLength(32);
  });
});

describe('decodeAmf0 and hostile input', () => {
  it('names an unknown marker and where it stands', () => {
    for (const marker of [0x04, 0x09, 0x0e, 0x12, 0xff]) {
      const error = errorOf(bytes(5, marker));
      expect(error.code).toBe('AMF0_MARKER');
      expect(error.byteOffset).toBe(1);
    }
  });

  it('refuses AMF3 inside of AMF0', () => {
    expect(errorOf(bytes(0x11, 1)).code).toBe('AMF3_UNSUPPORTED');
  });

  it('refuses 12,000 objects and 12,000 arrays within each other', () => {
    const objects = Uint8Array.from(Array.from({ length: 12_000 }, () => [3, 0, 1, 0x61]).flat());
    expect(errorOf(objects).code).toBe('AMF0_TOO_DEEP');
    const arrays = Uint8Array.from(Array.from({ length: 12_000 }, () => [10, 0, 0, 0, 1]).flat());
    expect(errorOf(arrays).code).toBe('AMF0_TOO_DEEP');
  });

  it('takes objects 32 deep and refuses 33', () => {
    const nested = (depth: number): Uint8Array => {
      let inner: Amf0Value = 'core';
      for (let i = 0; i < depth; i++) inner = amf0Object({ inner });
      return encodeAmf0([inner]);
    };
    expect(decodeAmf0(nested(32))).toHaveLength(1);
    const error = errorOf(nested(33));
    expect(error.code).toBe('AMF0_TOO_DEEP');
    // 32 times a marker and the name "inner" with its length.
    expect(error.byteOffset).toBe(32 * 8);
  });

  it('reserves nothing for an announced length of 4 GiB', () => {
    expect(errorOf(bytes(10, 0xff, 0xff, 0xff, 0xff)).code).toBe('TRUNCATED');
    expect(errorOf(bytes(10, 0xff, 0xff, 0xff, 0xff, 5, 5, 5)).code).toBe('TRUNCATED');
    expect(errorOf(bytes(8, 0xff, 0xff, 0xff, 0xff)).code).toBe('TRUNCATED');
    expect(errorOf(bytes(12, 0xff, 0xff, 0xff, 0xff)).code).toBe('AMF0_STRING_TOO_LONG');
    expect(errorOf(bytes(15, 0xff, 0xff, 0xff, 0xff)).code).toBe('AMF0_STRING_TOO_LONG');
    expect(errorOf(bytes(2, 0xff, 0xff)).code).toBe('TRUNCATED');
  });

  it('refuses too many values, too long strings and too long names, each by its limit', () => {
    const limits: Amf0Limits = { maxDepth: 4, maxValues: 10, maxStringBytes: 8, maxNameBytes: 4 };
    expect(decodeAmf0(encodeAmf0(Array.from({ length: 10 }, () => null)), limits)).toHaveLength(10);
    expect(errorOf(encodeAmf0(Array.from({ length: 11 }, () => null)), limits).byteOffset).toBe(10);
    expect(decodeAmf0(encodeAmf0(['12345678']), limits)).toStrictEqual(['12345678']);
    expect(errorOf(encodeAmf0(['123456789']), limits).code).toBe('AMF0_STRING_TOO_LONG');
    expect(decodeAmf0(encodeAmf0([amf0Object({ abcd: 1 })]), limits)).toHaveLength(1);
    expect(errorOf(encodeAmf0([amf0Object({ abcde: 1 })]), limits).code).toBe('AMF0_STRING_TOO_LONG');
  });
});
