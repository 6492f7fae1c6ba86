import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amf0Json } from '../../../src/formats/amf0/json.ts';
import {
  Amf0Date,
  Amf0EcmaArray,
  Amf0TypedObject,
  Amf0XmlDocument,
  amf0Object,
  type Amf0Value,
} from '../../../src/formats/amf0/value.ts';

/** Values with what JSON makes of them. */
const pairs = fc.letrec<{ pair: [Amf0Value, unknown] }>((tie) => ({
  pair: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null))
      .map((plain): [Amf0Value, unknown] => [plain, plain]),
    fc
      .array(tie('pair'), { maxLength: 4 })
      .map((items): [Amf0Value, unknown] => [items.map(([value]) => value), items.map(([, json]) => json)]),
    fc.dictionary(fc.string(), tie('pair'), { maxKeys: 4 }).map((entries): [Amf0Value, unknown] => {
      const list = Object.entries(entries);
      return [
        new Amf0EcmaArray(new Map(list.map(([name, [value]]) => [name, value]))),
        Object.fromEntries(list.map(([name, [, json]]) => [name, json])),
      ];
    }),
  ),
}));

describe('amf0Json', () => {
  it('writes what JSON.parse reads as the same', () => {
    fc.assert(
      fc.property(pairs.pair, ([value, json]) => {
        expect(JSON.parse(amf0Json(value, 1_000_000) ?? '')).toEqual(JSON.parse(JSON.stringify(json)));
      }),
    );
  });

  it('writes each kind of value', () => {
    const value = amf0Object({
      text: 'ä "quoted" \u2028',
      date: new Amf0Date(1_000),
      never: new Amf0Date(NaN),
      none: NaN,
      nothing: undefined,
      xml: new Amf0XmlDocument('<a/>'),
      typed: new Amf0TypedObject('C', new Map([['__proto__', 1]])),
    });
    expect(amf0Json(value, 1_000)).toBe(
      '{"text":"ä \\"quoted\\" \u2028","date":1000,"never":null,"none":null,"nothing":null,' +
        '"xml":"<a/>","typed":{"__proto__":1}}',
    );
  });

  it('ends soon where one value stands in many places', () => {
    let value: Amf0Value = 'x';
    for (let depth = 0; depth < 40; depth++) value = [value, value];
    expect(amf0Json(value, 10_000)).toBeUndefined();
    expect(amf0Json('four', 6)).toBe('"four"');
    expect(amf0Json('fiver', 6)).toBeUndefined();
  });
});
