import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDictionary } from '../../../src/formats/http-fields/structured-fields.ts';
import { fieldText } from '../../support/field-text.ts';

describe('parseDictionary (RFC 9651 §4.2.2)', () => {
  it.each<[string, object]>([
    ['a', { a: { kind: 'boolean', value: true } }],
    ['a=?0', { a: { kind: 'boolean', value: false } }],
    ['a=1, b=-2.5', { a: { kind: 'integer', value: 1 }, b: { kind: 'decimal', value: -2.5 } }],
    ['a=0001', { a: { kind: 'integer', value: 1 } }],
    ['a=999999999999999', { a: { kind: 'integer', value: 999_999_999_999_999 } }],
    ['a="x\\"y\\\\"', { a: { kind: 'string', value: 'x"y\\' } }],
    ['a=*t/o:k', { a: { kind: 'token', value: '*t/o:k' } }],
    ['a=:aGk=:', { a: { kind: 'bytes', value: 'aGk=' } }],
    ['a=@1659578233', { a: { kind: 'date', value: 1_659_578_233 } }],
    ['a=%"f%c3%bc"', { a: { kind: 'display-string', value: 'fü' } }],
    ['a=(1 "x";p=1  ?1 );q', { a: { kind: 'inner-list' } }],
    ['a=()', { a: { kind: 'inner-list' } }],
    ['a;x=1;y, b;  z="1"', { a: { kind: 'boolean', value: true }, b: { kind: 'boolean', value: true } }],
    ['a=1, a=2', { a: { kind: 'integer', value: 2 } }],
    ['  a=1 \t,\t b  ', { a: { kind: 'integer', value: 1 }, b: { kind: 'boolean', value: true } }],
    ['*-_.9=1', { '*-_.9': { kind: 'integer', value: 1 } }],
    ['', {}],
  ])('reads %j', (text, members) => {
    expect(Object.fromEntries(parseDictionary([text]) ?? [['failed', true]])).toEqual(members);
  });

  it.each([
    ['a,'],
    [',a'],
    ['a,,b'],
    ['A=1'],
    ['1=a'],
    ['a =1'],
    ['a= 1'],
    ['a='],
    ['a=1 b=2'],
    ['a=1;B'],
    ['a=1;b='],
    ['a=1.'],
    ['a=.5'],
    ['a=1.2345'],
    ['a=--1'],
    ['a=1234567890123456'],
    ['a=1234567890123.1'],
    ['a="x'],
    ['a="x\\y"'],
    ['a="ü"'],
    ['a="x\ty"'],
    ['a=?2'],
    ['a=:a b:'],
    ['a=:aGk='],
    ['a=@1.5'],
    ['a=%"%C3%BC"'],
    ['a=%"%ff"'],
    ['a=%"%f"'],
    ['a=(1'],
    ['a=(1,2)'],
    ['a=(1"x")'],
    ['a\n'],
    ['\ta'],
  ])('refuses %j', (text) => {
    expect(parseDictionary([text])).toBeUndefined();
  });

  const key = fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,5}$/);
  const bareItem = fc.oneof(
    fc.integer({ min: -999_999_999, max: 999_999_999 }).map(String),
    fc.stringMatching(/^-?\d{1,12}\.\d{1,3}$/),
    fc.stringMatching(/^"(?:[ !#-[\]-~]|\\["\\]){0,6}"$/),
    fc.stringMatching(/^[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]{0,5}$/),
    fc.stringMatching(/^:[A-Za-z0-9+/]{0,8}={0,2}:$/),
    fc.constantFrom('?0', '?1', '@0', '@-1659578233', '%"a%c3%bc"'),
  );
  const parameters = fc
    .array(fc.tuple(key, fc.option(bareItem, { nil: undefined })), { maxLength: 2 })
    .map((list) => list.map(([name, value]) => `; ${name}${value === undefined ? '' : `=${value}`}`).join(''));
  const innerList = fc
    .array(fc.tuple(bareItem, parameters), { maxLength: 3 })
    .map((items) => `(${items.map((item) => item.join('')).join(' ')})`);
  const member = fc.tuple(key, fc.option(fc.oneof(bareItem, innerList), { nil: undefined }), parameters);
  const dictionary = fc.array(member, { minLength: 1, maxLength: 4 });
  const written = dictionary.map((members) =>
    members.map(([name, value, rest]) => `${name}${value === undefined ? '' : `=${value}`}${rest}`).join(', '),
  );

  it('reads whatever the grammar makes, with each key once', () => {
    fc.assert(
      fc.property(dictionary, written, (members, text) => {
        expect(parseDictionary([text])).toBeDefined();
        const own = members.map(([name, value, rest]) => `${name}${value === undefined ? '' : `=${value}`}${rest}`);
        expect(new Set(parseDictionary(own)?.keys())).toEqual(new Set(members.map(([name]) => name)));
      }),
    );
  });

  it('refuses it with a character that cannot stand anywhere, wherever it is put', () => {
    fc.assert(
      fc.property(written, fc.nat(), fc.constantFrom('\0', '\n', '\r', '\u007f', 'ü', '\ud800'), (text, roll, bad) => {
        const place = roll % (text.length + 1);
        expect(parseDictionary([text.slice(0, place) + bad + text.slice(place)])).toBeUndefined();
      }),
    );
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.array(fieldText), (lines) => void parseDictionary(lines)));
  });
});
