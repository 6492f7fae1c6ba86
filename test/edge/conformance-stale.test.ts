import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Exchange, openStage, type Stage } from './scripted-exchanges.ts';

/* What public conformance suites check about stale answers and about what requests ask for, under `standards`. */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ policy: 'standards' });
});
afterAll(() => stage[Symbol.asyncDispose]());

const saved = 'streamfront-test1; ';

describe('stale answers when the origin is lost or fails (RFC 9111 §4.2.4, RFC 5861 §4)', () => {
  it.each<[string, Exchange['origin'], number]>([
    // What the origin said, what it does then, what the viewer gets.
    ['max-age=2', 'close', 200],
    ['max-age=2', { status: 503 }, 503],
    ['max-age=2, stale-if-error=60', 'close', 200],
    ['max-age=2, stale-if-error=60', { status: 500 }, 200],
    ['max-age=2, stale-if-error=60', { status: 502 }, 200],
    ['max-age=2, stale-if-error=60', { status: 503 }, 200],
    ['max-age=2, stale-if-error=60', { status: 504 }, 200],
    ['max-age=2, stale-if-error=60', { status: 404 }, 404],
    ['max-age=2, stale-if-error=0', 'close', 502],
    ['max-age=2, must-revalidate', 'close', 502],
    ['max-age=2, proxy-revalidate', 'close', 502],
    ['s-maxage=2', 'close', 502],
    ['max-age=2, no-cache', 'close', 502],
    ['max-age=2, must-revalidate, stale-if-error=60', { status: 503 }, 503],
    ['s-maxage=2, stale-if-error=60', { status: 503 }, 503],
  ])('%s, then %j: %i', (cacheControl, origin, status) =>
    stage.play([
      { origin: { fields: { 'Cache-Control': cacheControl } }, comes: 'miss' },
      {
        afterMs: 3_000,
        ...(origin === undefined ? {} : { origin }),
        comes: 'miss',
        status,
        ...(status === 200 ? { body: 'answer 0' } : {}),
      },
    ]),
  );

  it('not longer than stale-if-error says', () =>
    stage.play([
      { origin: { fields: { 'Cache-Control': 'max-age=2, stale-if-error=60' } }, comes: 'miss' },
      { afterMs: 63_000, origin: 'close', comes: 'miss', status: 502 },
    ]));

  it('by CDN-Cache-Control as well', () =>
    stage.play([
      { origin: { fields: { 'CDN-Cache-Control': 'max-age=2, stale-if-error=60' } }, comes: 'miss' },
      { afterMs: 3_000, origin: { status: 500 }, comes: 'miss', body: 'answer 0' },
    ]));
});

describe('stale-while-revalidate (RFC 5861 §3)', () => {
  const fields = { 'Cache-Control': 'max-age=2, stale-while-revalidate=10' };

  it('is used within its window only, and asks in the background', async () => {
    await stage.play([
      { origin: { fields }, comes: 'miss' },
      {
        afterMs: 3_000,
        origin: { fields },
        // The background request may be there already or not: the answer does not wait for it.
        comes: 'either',
        body: 'answer 0',
        fields: { age: '3', 'cache-status': `${saved}hit; ttl=-1; detail=stale-while-revalidate` },
      },
    ]);
    await stage.play([
      { origin: { fields }, comes: 'miss' },
      { afterMs: 12_000, origin: { fields }, comes: 'miss' },
    ]);
  });

  it('is not used against must-revalidate', () =>
    stage.play([
      {
        origin: { fields: { 'Cache-Control': 'max-age=2, stale-while-revalidate=10, must-revalidate' } },
        comes: 'miss',
      },
      { afterMs: 3_000, origin: { fields }, comes: 'miss' },
    ]));
});

describe('request directives (RFC 9111 §5.2.1)', () => {
  const hour = { fields: { 'Cache-Control': 'max-age=3600', ETag: '"a"' } };
  const two = { fields: { 'Cache-Control': 'max-age=2', ETag: '"a"' } };
  const strict = { fields: { 'Cache-Control': 'max-age=2, must-revalidate', ETag: '"a"' } };

  it.each<[string, Record<string, string>, Exchange['origin'], number, Exchange['comes'], string?]>([
    ['max-age=0', {}, hour, 0, 'confirmed', 'fwd=request'],
    ['max-age=10', {}, hour, 5_000, 'hit'],
    ['max-age=10', {}, hour, 11_000, 'confirmed', 'fwd=request'],
    ['max-age=nonsense', {}, hour, 1_000, 'confirmed', 'fwd=request'],
    ['min-fresh=3000', {}, hour, 1_000, 'hit'],
    ['min-fresh=3600', {}, hour, 1_000, 'confirmed', 'fwd=request'],
    ['max-stale', {}, two, 3_000, 'hit', 'hit; ttl=-1; detail=max-stale'],
    ['max-stale=1', {}, two, 3_000, 'hit', 'hit; ttl=-1; detail=max-stale'],
    ['max-stale=1', {}, two, 4_000, 'confirmed', 'fwd=stale'],
    ['max-stale', {}, strict, 3_000, 'confirmed', 'fwd=stale'],
    ['no-cache', {}, hour, 1_000, 'confirmed', 'fwd=request'],
    ['No-Cache', {}, hour, 1_000, 'confirmed', 'fwd=request'],
    ['no-store', {}, hour, 1_000, 'hit'],
    ['only-if-cached', {}, hour, 1_000, 'hit'],
    ['foo', { pragma: 'no-cache' }, hour, 1_000, 'hit'],
  ])('Cache-Control: %s, %j on %j after %i ms: %s', (cacheControl, more, origin, afterMs, comes, status) =>
    stage.play([
      { ...(origin === undefined ? {} : { origin }), comes: 'miss' },
      {
        ask: { 'cache-control': cacheControl, ...more },
        afterMs,
        origin: { status: 304 },
        comes,
        body: 'answer 0',
        ...(status === undefined ? {} : { containing: { 'cache-status': status } }),
      },
    ]),
  );

  it('Pragma: no-cache counts where there is no Cache-Control (§5.4)', () =>
    stage.play([
      { origin: hour, comes: 'miss' },
      { ask: { pragma: 'no-cache' }, origin: { status: 304 }, comes: 'confirmed' },
    ]));

  it('only-if-cached is answered 504 from an empty or a stale store', () =>
    stage.play([
      { ask: { 'cache-control': 'only-if-cached' }, comes: 'hit', status: 504 },
      { origin: two, comes: 'miss' },
      { ask: { 'cache-control': 'only-if-cached' }, afterMs: 3_000, comes: 'hit', status: 504 },
    ]));

  it('no-store keeps nothing of its answer', () =>
    stage.play([
      { ask: { 'cache-control': 'no-store' }, origin: hour, comes: 'miss' },
      { origin: hour, comes: 'miss' },
    ]));

  it('who insists on a new answer gets an error rather than an old one', () =>
    stage.play([
      { origin: hour, comes: 'miss' },
      { ask: { 'cache-control': 'no-cache' }, origin: 'close', comes: 'confirmed', status: 502 },
      { comes: 'hit', body: 'answer 0' },
    ]));

  it('and the origin’s own error, if it gives one', () =>
    stage.play([
      { origin: { fields: { 'Cache-Control': 'max-age=3600, stale-if-error=60', ETag: '"a"' } }, comes: 'miss' },
      {
        ask: { 'cache-control': 'no-cache' },
        origin: { status: 503, body: 'busy' },
        comes: 'confirmed',
        status: 503,
        body: 'busy',
      },
      {
        ask: { 'cache-control': 'max-age=1' },
        afterMs: 2_000,
        origin: { status: 503 },
        comes: 'confirmed',
        body: 'answer 0',
      },
    ]));
});
