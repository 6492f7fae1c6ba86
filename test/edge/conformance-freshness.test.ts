import { afterAll, beforeAll, describe, it } from 'vitest';
import { at, type Exchange, openStage, type Stage } from './scripted-exchanges.ts';

/*
 * What public conformance suites for HTTP caches check, worded anew, played through the whole edge under `standards`.
 * A response is fetched, time passes, and the same is asked again.
 */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ policy: 'standards', methods: 'all' });
});
afterAll(() => stage[Symbol.asyncDispose]());

type Fields = Extract<NonNullable<Exchange['origin']>, object>['fields'];

/** The answer is asked for a second time after so many milliseconds. */
function again(fields: Fields, comes: Exchange['comes'], { afterMs = 2_000, status = 200 } = {}): Promise<void> {
  const origin = { status, ...(fields === undefined ? {} : { fields }) };
  return stage.play([
    { origin, comes: 'miss', status },
    { origin, afterMs, comes, status },
  ]);
}

describe('Cache-Control: max-age and s-maxage (RFC 9111 §5.2.2)', () => {
  it.each<[string, string | string[], 'hit' | 'miss', number?]>([
    ['reused while fresh', 'max-age=3600', 'hit'],
    ['not reused when stale', 'max-age=2', 'miss', 3_000],
    ['not reused with 0', 'max-age=0', 'miss'],
    ['reused with the largest number', 'max-age=2147483648', 'hit'],
    ['reused with a number beyond it', 'max-age=99999999999', 'hit'],
    ['not reused with a negative number', 'max-age=-3600', 'miss'],
    ['reused with an unknown directive', 'foobar, max-age=3600', 'hit'],
    ['reused in any case', 'MaX-aGe=3600', 'hit'],
    ['reused in quotes', 'max-age="3600"', 'hit'],
    ['not reused in apostrophes', "max-age='3600'", 'miss'],
    ['reused with leading zeros', 'max-age=003600', 'hit'],
    ['not reused with a fraction', 'max-age=3600.0', 'miss'],
    ['not reused with a space before the equals sign', 'max-age =3600', 'miss'],
    ['not reused with a space after it', 'max-age= 3600', 'miss'],
    ['not reused when it stands in a quoted string', 'extension="max-age=3600"', 'miss'],
    ['not reused when a quoted string hides a longer one', 'max-age=1, extension="max-age=3600"', 'miss'],
    ['reused when a quoted string holds a shorter one', 'extension="max-age=1", max-age=3600', 'hit'],
    ['not reused when two lines disagree', ['max-age=3600', 'max-age=1'], 'miss'],
    ['reused with s-maxage', 's-maxage=3600', 'hit'],
    ['reused when s-maxage is longer', 'max-age=1, s-maxage=3600', 'hit'],
    ['not reused when s-maxage is shorter', 's-maxage=1, max-age=3600', 'miss'],
    ['not reused with s-maxage when stale', 's-maxage=2', 'miss', 3_000],
  ])('%s: %s', (_what, cacheControl, comes, afterMs = 2_000) =>
    again({ 'Cache-Control': cacheControl }, comes, { afterMs }),
  );
});

describe('Age (RFC 9111 §4.2.3, §5.1)', () => {
  it.each<[string, 'hit' | 'miss']>([
    ['1800', 'hit'],
    ['7200', 'miss'],
    ['07200', 'miss'],
    ['99999999999999', 'miss'],
    ['7200, 0', 'miss'],
    ['0, 7200', 'hit'],
    ['-7200', 'hit'],
    ['7200.0', 'hit'],
    ['7200;foo', 'hit'],
    ['abc', 'hit'],
    ['"7200"', 'hit'],
  ])('Age: %s with max-age=3600: %s', (age, comes) => again({ 'Cache-Control': 'max-age=3600', Age: age }, comes));

  it('is generated, and adds to the one that came', () =>
    stage.play([
      { origin: { fields: { 'Cache-Control': 'max-age=3600', Age: '30' } }, comes: 'miss', fields: { age: '30' } },
      { afterMs: 12_000, comes: 'hit', fields: { age: '42' } },
    ]));

  it('counts a Date in the past, and no Date in the future', async () => {
    await again({ 'Cache-Control': 'max-age=30', Date: at(-60) }, 'miss');
    await again({ 'Cache-Control': 'max-age=30', Date: at(60) }, 'hit');
  });
});

describe('Expires (RFC 9111 §5.3)', () => {
  it.each<[string, Fields, 'hit' | 'miss']>([
    ['reused before it', { Expires: at(3_600), Date: at(0) }, 'hit'],
    ['not reused after it', { Expires: at(-3_600), Date: at(0) }, 'miss'],
    ['not reused at Date', { Expires: at(0), Date: at(0) }, 'miss'],
    ['counted from Date, which runs late', { Expires: at(-1_800), Date: at(-3_600) }, 'miss'],
    ['counted from Date, which runs early', { Expires: at(3_600), Date: at(3_610) }, 'miss'],
    ['not reused with an Age beyond it', { Expires: at(3_600), Date: at(0), Age: '7200' }, 'miss'],
    ['not reused with 0', { Expires: '0' }, 'miss'],
    ['not reused with -1', { Expires: '-1' }, 'miss'],
    ['not reused without a weekday’s comma', { Expires: 'Thu 18 Aug 2095 02:01:18 GMT' }, 'miss'],
    ['not reused with a two-digit year', { Expires: 'Thu, 18 Aug 50 02:01:18 GMT' }, 'miss'],
    ['not reused with another zone', { Expires: 'Thu, 18 Aug 2095 02:01:18 AEST' }, 'miss'],
    ['not reused with UTC', { Expires: 'Thu, 18 Aug 2095 02:01:18 UTC' }, 'miss'],
    ['not reused with a one-digit hour', { Expires: 'Thu, 18 Aug 2095 2:01:18 GMT' }, 'miss'],
    ['not reused with dashes in it', { Expires: 'Thu, 18-Aug-2095 02:01:18 GMT' }, 'miss'],
    ['not reused with a month in full', { Expires: 'Thu, 18 August 2095 02:01:18 GMT' }, 'miss'],
    ['not reused with dots for colons', { Expires: 'Thu, 18 Aug 2095 02.01.18 GMT' }, 'miss'],
    ['not reused with words', { Expires: 'tomorrow' }, 'miss'],
    ['reused as asctime', { Expires: 'Thu Aug 18 02:01:18 2095' }, 'hit'],
    ['reused as RFC 850', { Expires: 'Thursday, 18-Aug-50 02:01:18 GMT' }, 'hit'],
    ['not reused when said twice', { Expires: ['Thu, 18 Aug 2095 02:01:18 GMT', '0'] }, 'miss'],
    ['max-age beats it', { Expires: at(-3_600), 'Cache-Control': 'max-age=3600' }, 'hit'],
    ['max-age=0 beats it', { Expires: at(3_600), 'Cache-Control': 'max-age=0' }, 'miss'],
    ['s-maxage beats it', { Expires: at(-3_600), 'Cache-Control': 's-maxage=3600' }, 'hit'],
  ])('%s', (_what, fields, comes) => again(fields, comes));
});

describe('heuristic freshness (RFC 9111 §4.2.2)', () => {
  const old = { 'Last-Modified': at(-100_000), Date: at(0) };
  it.each([[200], [203], [300], [301], [308], [404], [405], [410], [414], [501]])('%i is reused', (status) =>
    again(old, 'hit', { status, afterMs: 9_000 }),
  );
  it.each([[201], [202], [302], [303], [307], [403], [429], [500], [502], [503], [504], [599]])(
    '%i is not reused',
    (status) => again(old, 'miss', { status }),
  );
  it.each([[201], [403], [599]])('%i is reused when it says public', (status) =>
    again({ ...old, 'Cache-Control': 'public' }, 'hit', { status }),
  );
  it('ends after a tenth of its age, and is confirmed', () => again(old, 'confirmed', { afterMs: 10_001_000 }));
  it('needs Last-Modified', () => again({ Date: at(0) }, 'miss'));
});

describe('explicit freshness of any status (RFC 9111 §3, §4.2.1)', () => {
  const successesAndRedirects = [200, 202, 203, 204, 299, 300, 301, 302, 303, 307, 308, 399];
  const errors = [400, 402, 403, 404, 405, 410, 414, 429, 451, 499, 500, 502, 503, 504, 599];

  it.each(successesAndRedirects.concat(errors))('%i is reused while fresh, and not after', async (status) => {
    await again({ 'Cache-Control': 'max-age=3600' }, 'hit', { status });
    await again({ 'Cache-Control': 'max-age=2' }, 'miss', { status, afterMs: 3_000 });
  });
});

describe('CDN-Cache-Control (RFC 9213)', () => {
  it.each<[string, Fields, 'hit' | 'miss']>([
    ['max-age beats no-store', { 'CDN-Cache-Control': 'max-age=3600', 'Cache-Control': 'no-store' }, 'hit'],
    ['max-age beats Expires', { 'CDN-Cache-Control': 'max-age=3600', Expires: at(-100) }, 'hit'],
    ['a shorter max-age counts', { 'CDN-Cache-Control': 'max-age=1', 'Cache-Control': 'max-age=3600' }, 'miss'],
    ['no-store counts', { 'CDN-Cache-Control': 'no-store', 'Cache-Control': 'max-age=3600' }, 'miss'],
    ['private counts', { 'CDN-Cache-Control': 'private', 'Cache-Control': 'max-age=3600' }, 'miss'],
    ['no-cache counts', { 'CDN-Cache-Control': 'no-cache', 'Cache-Control': 'max-age=3600' }, 'miss'],
    ['an unknown directive replaces too', { 'CDN-Cache-Control': 'foo', 'Cache-Control': 'max-age=3600' }, 'miss'],
    ['upper case is no key', { 'CDN-Cache-Control': 'MaX-aGe=3600', 'Cache-Control': 'no-store' }, 'miss'],
    ['an Age counts', { 'CDN-Cache-Control': 'max-age=3600', Age: '7200', 'Cache-Control': 'max-age=99999' }, 'miss'],
    [
      'spaces around the equals sign break it',
      { 'CDN-Cache-Control': 'max-age = 3600', 'Cache-Control': 'no-store' },
      'miss',
    ],
    ['a string is no number', { 'CDN-Cache-Control': 'max-age="3600"', 'Cache-Control': 'no-store' }, 'miss'],
    ['a decimal is no integer', { 'CDN-Cache-Control': 'max-age=3600.0', 'Cache-Control': 'no-store' }, 'miss'],
    ['a trailing comma breaks it', { 'CDN-Cache-Control': 'max-age=3600,', 'Cache-Control': 'no-store' }, 'miss'],
    ['parameters do not matter', { 'CDN-Cache-Control': 'max-age=3600;a=b', 'Cache-Control': 'no-store' }, 'hit'],
    ['two lines are one', { 'CDN-Cache-Control': ['public', 'max-age=3600'], 'Cache-Control': 'no-store' }, 'hit'],
    ['of a repeated key the last counts', { 'CDN-Cache-Control': 'max-age=1, max-age=3600' }, 'hit'],
    ['an empty one is none', { 'CDN-Cache-Control': '', 'Cache-Control': 'max-age=3600' }, 'hit'],
  ])('%s', (_what, fields, comes) => again(fields, comes));

  it('is passed on to viewers', () =>
    stage.play([
      {
        origin: { fields: { 'CDN-Cache-Control': 'max-age=60' } },
        comes: 'miss',
        fields: { 'cdn-cache-control': 'max-age=60' },
      },
      { comes: 'hit', fields: { 'cdn-cache-control': 'max-age=60' } },
    ]));
});

describe('Pragma in responses (RFC 9111 §5.4)', () => {
  it('says nothing', () => again({ Pragma: 'no-cache', 'Cache-Control': 'max-age=3600' }, 'hit'));
});
