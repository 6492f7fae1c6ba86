import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHttpDate, parseHttpDate } from '../../../src/formats/http-fields/http-date.ts';

const now = Date.UTC(2026, 0, 1);
const example = Date.UTC(1994, 10, 6, 8, 49, 37);

describe('parseHttpDate (RFC 9110 §5.6.7)', () => {
  it.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT', example],
    ['Sunday, 06-Nov-94 08:49:37 GMT', example],
    ['Sun Nov  6 08:49:37 1994', example],
    ['Wed Nov 16 08:49:37 1994', Date.UTC(1994, 10, 16, 8, 49, 37)],
    ['Friday, 01-Jan-76 00:00:00 GMT', Date.UTC(2076, 0, 1)],
    ['Saturday, 01-Jan-77 00:00:00 GMT', Date.UTC(1977, 0, 1)],
    ['Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
    ['Tue, 29 Feb 2000 00:00:00 GMT', Date.UTC(2000, 1, 29)],
    ['Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
  ])('reads %s', (text, ms) => {
    expect(parseHttpDate(text, now)).toBe(ms);
  });

  it.each([
    [''],
    ['0'],
    ['-1'],
    ['1994-11-06T08:49:37Z'],
    ['Sun, 06 Nov 1994 08:49:37 UTC'],
    ['Sun, 06 Nov 1994 08:49:37 +0000'],
    ['Sun, 06 Nov 1994 08:49:37'],
    ['sun, 06 nov 1994 08:49:37 gmt'],
    ['Sun, 6 Nov 1994 08:49:37 GMT'],
    ['Sun, 06 Nov 94 08:49:37 GMT'],
    ['Sun 06 Nov 1994 08:49:37 GMT'],
    ['Sun, 06  Nov 1994 08:49:37 GMT'],
    ['Sun, 06 Nov 1994 24:00:00 GMT'],
    ['Sun, 06 Nov 1994 08:60:00 GMT'],
    ['Sun, 00 Nov 1994 08:49:37 GMT'],
    ['Sun, 31 Nov 1994 08:49:37 GMT'],
    ['Thu, 29 Feb 2023 00:00:00 GMT'],
    ['Mon, 29 Feb 2100 00:00:00 GMT'],
    ['Sun, 06-Nov-1994 08:49:37 GMT'],
    ['Sun Nov 06 08:49:37 1994 GMT'],
    [' Sun, 06 Nov 1994 08:49:37 GMT'],
  ])('refuses %j', (text) => {
    expect(parseHttpDate(text, now)).toBeUndefined();
  });

  it('agrees with the engine about every second from year 1 to 9999, both ways', () => {
    const seconds = fc.integer({ min: Date.UTC(1, 0, 1) / 1_000 + 59_958_230_400, max: 253_402_300_799 });
    fc.assert(
      fc.property(seconds, (second) => {
        const text = new Date(second * 1_000).toUTCString();
        expect(formatHttpDate(second * 1_000 + 999)).toBe(text);
        expect(parseHttpDate(text, now)).toBe(second * 1_000);
      }),
    );
  });
});
