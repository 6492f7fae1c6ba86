import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Exchange, openStage, type Stage } from './scripted-exchanges.ts';

/* What public conformance suites check about conditional requests, 304, HEAD and POST, under `standards`. */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ policy: 'standards', methods: 'all' });
});
afterAll(() => stage[Symbol.asyncDispose]());

const short = { 'Cache-Control': 'max-age=2' };
const hour = { 'Cache-Control': 'max-age=3600' };
const monday = 'Mon, 01 Dec 2025 00:00:00 GMT';
const tuesday = 'Tue, 02 Dec 2025 00:00:00 GMT';

describe('validation of stale answers (RFC 9111 §4.3.1)', () => {
  it.each<[string, Record<string, string>, Record<string, string | undefined>]>([
    ['by a strong tag', { ETag: '"abc"' }, { 'if-none-match': '"abc"', 'if-modified-since': undefined }],
    ['by a weak tag', { ETag: 'W/"abc"' }, { 'if-none-match': 'W/"abc"' }],
    ['by a tag with a comma', { ETag: '"a,b"' }, { 'if-none-match': '"a,b"' }],
    ['by Last-Modified', { 'Last-Modified': monday }, { 'if-modified-since': monday, 'if-none-match': undefined }],
    ['by both', { ETag: '"abc"', 'Last-Modified': monday }, { 'if-none-match': '"abc"', 'if-modified-since': monday }],
  ])('%s', (_what, validators, asked) =>
    stage.play([
      { origin: { fields: { ...short, ...validators } }, comes: 'miss' },
      { afterMs: 3_000, origin: { status: 304, fields: hour }, comes: 'confirmed', asked },
      { afterMs: 3_000, comes: 'hit' },
    ]),
  );

  it('a 200 to it takes the place of what was stored', () =>
    stage.play([
      { origin: { fields: { ...short, ETag: '"a"' } }, comes: 'miss' },
      { afterMs: 3_000, origin: { fields: { ...hour, ETag: '"b"' } }, comes: 'confirmed', body: 'answer 1' },
      { comes: 'hit', body: 'answer 1', fields: { etag: '"b"' } },
    ]));

  it('a condition of the viewer does not reach the origin in place of ours', () =>
    stage.play([
      { origin: { fields: { ...short, ETag: '"a"' } }, comes: 'miss' },
      {
        ask: { 'if-none-match': '"mine"' },
        afterMs: 3_000,
        origin: { status: 304 },
        comes: 'confirmed',
        asked: { 'if-none-match': '"a"' },
        body: 'answer 0',
      },
    ]));

  it('a viewer who has the confirmed version gets 304', () =>
    stage.play([
      { origin: { fields: { ...short, ETag: '"a"' } }, comes: 'miss' },
      { ask: { 'if-none-match': '"a"' }, afterMs: 3_000, origin: { status: 304 }, comes: 'confirmed', status: 304 },
    ]));
});

describe('a 304 updates what is stored (RFC 9111 §4.3.4, §3.2)', () => {
  const stored = {
    ...short,
    ETag: '"a"',
    'Content-Type': 'text/plain',
    'Content-Language': 'en',
    'X-Old': 'stays',
    'X-Both': 'old',
  };

  it.each<[string, Record<string, string>, Record<string, string | undefined>]>([
    ['a new field comes', { 'X-New': '1' }, { 'x-new': '1', 'x-old': 'stays' }],
    ['a known field is replaced', { 'X-Both': 'new' }, { 'x-both': 'new' }],
    ['Content-Type is', { 'Content-Type': 'text/html' }, { 'content-type': 'text/html' }],
    ['Content-Language is', { 'Content-Language': 'de' }, { 'content-language': 'de' }],
    ['Content-Location is', { 'Content-Location': '/x' }, { 'content-location': '/x' }],
    ['X-Frame-Options is', { 'X-Frame-Options': 'deny' }, { 'x-frame-options': 'deny' }],
    ['Content-Length is not', { 'Content-Length': '7' }, { 'content-length': '8' }],
    ['Content-Encoding is not', { 'Content-Encoding': 'gzip' }, { 'content-encoding': undefined }],
    ['Content-Range is not', { 'Content-Range': 'bytes 0-1/2' }, { 'content-range': undefined }],
    ['fields of one connection are not', { Connection: 'X-Hop', 'X-Hop': '1' }, { 'x-hop': undefined }],
  ])('%s', (_what, fields, expected) =>
    stage.play([
      { origin: { fields: stored }, comes: 'miss' },
      { afterMs: 3_000, origin: { status: 304, fields: { ...hour, ...fields } }, comes: 'confirmed', fields: expected },
      { afterMs: 100_000, comes: 'hit', fields: expected },
    ]),
  );

  it('Date, Age and the lifetime are counted anew', () =>
    stage.play([
      { origin: { fields: { ...stored, Age: '1' } }, comes: 'miss', fields: { age: '1' } },
      {
        afterMs: 3_000,
        origin: { status: 304, fields: { 'Cache-Control': 'max-age=20', Age: '10' } },
        comes: 'confirmed',
        fields: { age: '10' },
      },
      { afterMs: 9_000, comes: 'hit', fields: { age: '19' } },
      { afterMs: 2_000, origin: { status: 304 }, comes: 'confirmed' },
    ]));

  it('one that speaks of another version is asked for the whole', () =>
    stage.play([
      { origin: { fields: stored }, comes: 'miss' },
      { afterMs: 3_000, origin: { status: 304, fields: { ETag: '"b"' } }, comes: 'confirmed', status: 502 },
    ]));

  it('one that says no-store drops it', () =>
    stage.play([
      { origin: { fields: stored }, comes: 'miss' },
      { afterMs: 3_000, origin: { status: 304, fields: { 'Cache-Control': 'no-store' } }, comes: 'confirmed' },
      { comes: 'miss' },
    ]));

  it('each variant is confirmed for itself', () =>
    stage.play([
      { ask: { foo: '1' }, origin: { fields: { ...short, ETag: '"1"', Vary: 'Foo' } }, comes: 'miss' },
      { ask: { foo: '2' }, origin: { fields: { ...short, ETag: '"2"', Vary: 'Foo' } }, comes: 'miss' },
      {
        ask: { foo: '1' },
        afterMs: 3_000,
        origin: { status: 304, fields: { ...hour, Vary: 'Foo' } },
        comes: 'confirmed',
        asked: { 'if-none-match': '"1"' },
        body: 'answer 0',
      },
      { ask: { foo: '1' }, afterMs: 3_000, comes: 'hit', body: 'answer 0' },
    ]));
});

describe('conditions of viewers (RFC 9110 §13.1, RFC 9111 §4.3.2)', () => {
  const origin = { fields: { ...hour, ETag: '"a"', 'Last-Modified': monday } };

  it.each<[Record<string, string>, number]>([
    [{ 'if-none-match': '"a"' }, 304],
    [{ 'if-none-match': 'W/"a"' }, 304],
    [{ 'if-none-match': '"b", "a"' }, 304],
    [{ 'if-none-match': '"b","a"' }, 304],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': '"b"' }, 200],
    [{ 'if-none-match': 'a' }, 200],
    [{ 'if-none-match': '"A"' }, 200],
    [{ 'if-none-match': '"b"', 'if-modified-since': tuesday }, 200],
    [{ 'if-none-match': '"a"', 'if-modified-since': 'Sun, 30 Nov 2025 00:00:00 GMT' }, 304],
    [{ 'if-modified-since': monday }, 304],
    [{ 'if-modified-since': tuesday }, 304],
    [{ 'if-modified-since': 'Sun, 30 Nov 2025 00:00:00 GMT' }, 200],
    [{ 'if-modified-since': '2025-12-01' }, 200],
  ])('%j on a fresh answer: %i', (ask, status) =>
    stage.play([
      { origin, comes: 'miss' },
      { ask, comes: 'hit', status, fields: { etag: '"a"' } },
    ]),
  );

  it('weak and strong tags match in If-None-Match', () =>
    stage.play([
      { origin: { fields: { ...hour, ETag: 'W/"a"' } }, comes: 'miss' },
      { ask: { 'if-none-match': '"a"' }, comes: 'hit', status: 304 },
      { ask: { 'if-none-match': 'W/"a"' }, comes: 'hit', status: 304 },
    ]));

  it('a condition on what is not stored is answered from the whole answer', () =>
    stage.play([
      { ask: { 'if-none-match': '"a"' }, origin, comes: 'miss', status: 304, asked: { 'if-none-match': undefined } },
      { comes: 'hit', body: 'answer 0' },
    ]));

  it('Date stands in for a missing Last-Modified', () =>
    stage.play([
      { origin: { fields: hour }, comes: 'miss' },
      { ask: { 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' }, comes: 'hit', status: 304 },
      { ask: { 'if-modified-since': monday }, comes: 'hit', status: 200 },
    ]));

  it('a condition on an answer that is not a 200 is not read', () =>
    stage.play([
      { origin: { status: 404, fields: { ...hour, ETag: '"a"' } }, comes: 'miss', status: 404 },
      { ask: { 'if-none-match': '"a"' }, comes: 'hit', status: 404 },
    ]));
});

describe('HEAD (RFC 9111 §4.3.5)', () => {
  const origin = { fields: { ...short, ETag: '"a"', 'Last-Modified': monday, 'X-A': 'old' } };
  const whole = 'answer 0'.length;

  it('is answered from a stored answer to a GET', () =>
    stage.play([
      { origin, comes: 'miss' },
      { method: 'HEAD', comes: 'hit', body: '', fields: { 'content-length': String(whole) } },
    ]));

  it('is never stored', () =>
    stage.play([
      { method: 'HEAD', origin: { fields: hour }, comes: 'miss', body: '' },
      { origin: { fields: hour }, comes: 'miss' },
    ]));

  it.each<[string, Record<string, string>, Exchange['comes']]>([
    ['with the same validators: updated', { ETag: '"a"', 'Last-Modified': monday }, 'hit'],
    ['with the same length: updated', { ETag: '"a"', 'Content-Length': String(whole) }, 'hit'],
    ['without validators: updated', {}, 'hit'],
    ['with another tag: dropped', { ETag: '"b"' }, 'miss'],
    ['with another Last-Modified: dropped', { ETag: '"a"', 'Last-Modified': tuesday }, 'miss'],
    ['with another length: dropped', { ETag: '"a"', 'Content-Length': '99' }, 'miss'],
  ])('a 200 %s', (_what, fields, comes) =>
    stage.play([
      { origin, comes: 'miss' },
      {
        method: 'HEAD',
        afterMs: 3_000,
        origin: { fields: { ...hour, 'X-A': 'new', ...fields } },
        comes: 'miss',
        body: '',
      },
      { origin, comes, ...(comes === 'hit' ? { body: 'answer 0', fields: { 'x-a': 'new' } } : {}) },
    ]),
  );

  it('an error to it changes nothing', () =>
    stage.play([
      { origin, comes: 'miss' },
      { method: 'HEAD', afterMs: 3_000, origin: { status: 410, fields: hour }, comes: 'miss', status: 410 },
      { origin: { status: 304 }, comes: 'confirmed', body: 'answer 0' },
    ]));
});

describe('methods that are not cached (RFC 9111 §3)', () => {
  it.each([['POST'], ['OPTIONS'], ['PUT'], ['DELETE']])('%s is not, though it says so', (method) => {
    const origin = { fields: { ...hour, 'Content-Location': '/elsewhere' } };
    return stage.play([
      { method, origin, comes: 'miss' },
      { origin, comes: 'miss' },
    ]);
  });

  it('a POST is not answered from a stored GET', () =>
    stage.play([
      { origin: { fields: hour }, comes: 'miss' },
      { method: 'POST', origin: { status: 400 }, comes: 'miss', status: 400 },
    ]));
});
