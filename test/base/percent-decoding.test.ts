import { expect, it } from 'vitest';
import { percentDecoded } from '../../src/base/percent-decoding.ts';

it.each([
  ['plain', 'plain'],
  ['a%20b%2Fc', 'a b/c'],
  ['%C3%BC', 'ü'],
  ['', ''],
  ['%', undefined],
  ['%zz', undefined],
  ['%FF', undefined],
])('percentDecoded reads %j as %j', (encoded, text) => {
  expect(percentDecoded(encoded)).toBe(text);
});
