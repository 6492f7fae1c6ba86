import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Exchange, openStage, type Stage } from './scripted-exchanges.ts';

/* What public conformance suites check about storing and choosing, through the whole edge under `standards`. */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ policy: 'standards' });
});
afterAll(() => stage[Symbol.asyncDispose]());

const hour = { 'Cache-Control': 'max-age=3600' };

describe('response directives (RFC 9111 §5.2.2)', () => {
  it.each<[string, Exchange['comes']]>([
    ['no-store', 'miss'],
    ['No-StOrE', 'miss'],
    ['no-store, max-age=3600', 'miss'],
    ['max-age=3600, no-store', 'miss'],
    ['private, max-age=3600', 'miss'],
    ['no-cache, max-age=3600', 'miss'],
    ['nO-cAchE, max-age=3600', 'miss'],
    ['immutable, max-age=3600', 'hit'],
    ['must-revalidate, max-age=3600', 'hit'],
    ['no-store, must-understand, max-age=3600', 'hit'],
  ])('%s: %s', (cacheControl, comes) => {
    const origin = { fields: { 'Cache-Control': cacheControl } };
    return stage.play([
      { origin, comes: 'miss' },
      { origin, afterMs: 1_000, comes },
    ]);
  });

  it('no-cache is stored, and used after the origin has confirmed it', () =>
    stage.play([
      { origin: { fields: { 'Cache-Control': 'no-cache', ETag: '"a"' } }, comes: 'miss' },
      { origin: { status: 304 }, comes: 'confirmed', asked: { 'if-none-match': '"a"' } },
      { origin: { status: 304 }, comes: 'confirmed' },
    ]));

  it('no-store, must-understand keeps no status that is not understood', () => {
    const origin = { status: 599, fields: { 'Cache-Control': 'no-store, must-understand, max-age=3600' } };
    return stage.play([
      { origin, comes: 'miss', status: 599 },
      { origin, comes: 'miss', status: 599 },
    ]);
  });

  it('an answer that must not be stored does not drop the older one', () =>
    stage.play([
      { origin: { fields: hour }, comes: 'miss' },
      { origin: { fields: { 'Cache-Control': 'no-store' } }, ask: { 'cache-control': 'no-cache' }, comes: 'miss' },
      { comes: 'hit', body: 'answer 0' },
    ]));

  it.each([['no-cache'], ['private']])('the fields of %s="…" go to the first viewer only', (directive) =>
    stage.play([
      {
        origin: { fields: { 'Cache-Control': `${directive}="A, b", max-age=3600`, A: '1', B: '2', C: '3' } },
        comes: 'miss',
        fields: { a: '1', b: '2', c: '3' },
      },
      { comes: 'hit', fields: { a: undefined, b: undefined, c: '3' } },
    ]),
  );
});

describe('Authorization (RFC 9111 §3.5)', () => {
  it.each<[string, Exchange['comes']]>([
    ['max-age=3600', 'miss'],
    ['max-age=3600, public', 'hit'],
    ['max-age=3600, must-revalidate', 'hit'],
    ['s-maxage=3600', 'hit'],
  ])('with %s the answer is then a %s for others', (cacheControl, comes) => {
    const origin = { fields: { 'Cache-Control': cacheControl } };
    return stage.play([
      { ask: { authorization: 'Basic eDp5' }, origin, comes: 'miss', asked: { authorization: 'Basic eDp5' } },
      { origin, comes },
    ]);
  });

  it('a stored answer is for authorized requests too', () =>
    stage.play([
      { origin: { fields: hour }, comes: 'miss' },
      { ask: { authorization: 'Basic eDp5' }, comes: 'hit' },
    ]));
});

describe('fields of stored answers (RFC 9111 §3.1)', () => {
  it('are kept, but for those of one connection', () => {
    const fields = {
      ...hour,
      Test: 'yes',
      Connection: 'close, X-Hop',
      'X-Hop': '1',
      'Keep-Alive': 'timeout=5',
      'Proxy-Authenticate': 'Basic',
      'Proxy-Connection': 'x',
      TE: 'trailers',
      Trailer: 'X',
      Upgrade: 'x',
      'Content-Foo': '1',
      'X-Content-Foo': '2',
      'Content-Language': 'en',
    };
    const kept = {
      test: 'yes',
      'content-foo': '1',
      'x-content-foo': '2',
      'content-language': 'en',
      'x-hop': undefined,
      'proxy-authenticate': undefined,
      'proxy-connection': undefined,
      te: undefined,
      trailer: undefined,
      upgrade: undefined,
    };
    return stage.play([
      { origin: { fields }, comes: 'miss', fields: kept },
      { comes: 'hit', fields: kept },
    ]);
  });

  it('Date is kept as it came', async () => {
    const date = 'Wed, 31 Dec 2025 23:00:00 GMT';
    await stage.play([
      { origin: { fields: { 'Cache-Control': 'max-age=99999999', Date: date } }, comes: 'miss' },
      { afterMs: 60_000, comes: 'hit', fields: { date } },
    ]);
  });
});

describe('Vary (RFC 9111 §4.1)', () => {
  const foo = { fields: { ...hour, Vary: 'Foo' } };
  const fooBar = { fields: { ...hour, Vary: 'Foo, Bar' } };

  it.each<[string, Record<string, string>, Record<string, string>, string, Exchange['comes']]>([
    ['the same', { foo: '1' }, { foo: '1' }, 'Foo', 'hit'],
    ['another', { foo: '1' }, { foo: '2' }, 'Foo', 'miss'],
    ['one that is left out', { foo: '1' }, {}, 'Foo', 'miss'],
    ['one that comes anew', {}, { foo: '1' }, 'Foo', 'miss'],
    ['an empty one for an absent one', {}, { foo: '' }, 'Foo', 'miss'],
    ['the same in another spelling of Vary', { foo: '1' }, { foo: '1' }, 'fOo', 'hit'],
    ['another case of the value', { foo: 'abc' }, { foo: 'ABC' }, 'Foo', 'miss'],
    ['other white space in a list', { foo: '1,2' }, { foo: '1,  2' }, 'Foo', 'hit'],
    ['another order in a list', { foo: '1, 2' }, { foo: '2, 1' }, 'Foo', 'miss'],
    ['an unnamed field that differs', { foo: '1', other: '1' }, { foo: '1', other: '2' }, 'Foo', 'hit'],
    ['two names, both the same', { foo: '1', bar: 'a' }, { foo: '1', bar: 'a' }, 'Foo, Bar', 'hit'],
    ['two names, one differs', { foo: '1', bar: 'a' }, { foo: '1', bar: 'b' }, 'Foo, Bar', 'miss'],
    ['two names in another order of fields', { foo: '1', bar: 'a' }, { bar: 'a', foo: '1' }, 'Bar, Foo', 'hit'],
    ['the values of two names exchanged', { foo: '1', bar: '2' }, { foo: '2', bar: '1' }, 'Foo, Bar', 'miss'],
    ['everything, by *', { foo: '1' }, { foo: '1' }, '*', 'miss'],
    ['everything, by * among names', { foo: '1' }, { foo: '1' }, 'Foo, *', 'miss'],
    ['everything, by * before names', { foo: '1' }, { foo: '1' }, '*, Foo', 'miss'],
    ['everything, by * after an empty member', { foo: '1' }, { foo: '1' }, ', *', 'miss'],
    ['everything, by ** said twice', { foo: '1' }, { foo: '1' }, '*, *', 'miss'],
  ])('%s', (_what, first, second, vary, comes) => {
    const origin = { fields: { ...hour, Vary: vary } };
    return stage.play([
      { ask: first, origin, comes: 'miss' },
      { ask: second, origin, comes },
    ]);
  });

  it('keeps several variants, and says when it holds another one only', () =>
    stage.play([
      {
        ask: { foo: '1' },
        origin: foo,
        comes: 'miss',
        fields: { 'cache-status': 'streamfront-test1; fwd=uri-miss; fwd-status=200; ttl=3600; stored' },
      },
      {
        ask: { foo: '2' },
        origin: foo,
        comes: 'miss',
        fields: { 'cache-status': 'streamfront-test1; fwd=vary-miss; fwd-status=200; ttl=3600; stored' },
      },
      { ask: { foo: '1' }, comes: 'hit', body: 'answer 0' },
      { ask: { foo: '2' }, comes: 'hit', body: 'answer 1' },
      { ask: { foo: '3' }, origin: foo, comes: 'miss' },
      { ask: { foo: '2' }, comes: 'hit', body: 'answer 1' },
    ]));

  it('two lines are one list', () =>
    stage.play([
      { ask: { foo: '1', bar: '1' }, origin: { fields: { ...hour, Vary: ['Foo', 'Bar'] } }, comes: 'miss' },
      { ask: { foo: '1', bar: '2' }, origin: fooBar, comes: 'miss' },
    ]));

  it('the newest variant that fits answers', () =>
    stage.play([
      { ask: { foo: '1' }, origin: { fields: hour }, comes: 'miss' },
      { ask: { foo: '2', 'cache-control': 'no-cache' }, origin: foo, comes: 'miss' },
      { ask: { foo: '2' }, comes: 'hit', body: 'answer 1' },
    ]));
});

describe('request fields (RFC 9110 §5.1, §7.6.1)', () => {
  it('reach the origin, but for those of one connection and those that pretend', () =>
    stage.play([
      {
        ask: {
          'x-anything': 'goes',
          'accept-language': 'de',
          cookie: 'a=b',
          connection: 'close, x-hop',
          'x-hop': '1',
          te: 'trailers',
          'x-forwarded-host': 'evil.example',
          'x-original-url': '/admin',
          'x-rewrite-url': '/admin',
          forwarded: 'host=evil.example',
        },
        origin: { fields: hour },
        comes: 'miss',
        asked: {
          'x-anything': 'goes',
          'accept-language': 'de',
          cookie: 'a=b',
          'x-hop': undefined,
          te: undefined,
          'x-forwarded-host': undefined,
          'x-original-url': undefined,
          'x-rewrite-url': undefined,
          forwarded: undefined,
        },
      },
    ]));

  it('the query is part of the address, in the order it has (RFC 9111 §2)', () =>
    stage.play([
      { query: '?a=1&b=2', origin: { fields: hour }, comes: 'miss' },
      { query: '?a=1&b=2', comes: 'hit' },
      { query: '?b=2&a=1', origin: { fields: hour }, comes: 'miss' },
      { query: '?a=1', origin: { fields: hour }, comes: 'miss' },
      { origin: { fields: hour }, comes: 'miss' },
    ]));
});
