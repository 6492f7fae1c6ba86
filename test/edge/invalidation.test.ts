import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { answerFile, patternBytes } from './file-origin.ts';
import { gate, get, openGet, readAll, startTestEdge, startTestOrigin, type TestEdge } from './test-edge.ts';

const fresh = { 'Cache-Control': 'public, max-age=3600' };

function invalidate(edge: TestEdge, ...items: string[]) {
  return edge.invalidations.create({ distribution: undefined, items });
}

/** Answers with the version of the moment when it was asked. */
async function startVersionedOrigin(fields: Record<string, string> = fresh) {
  const state = { version: 'old' };
  const origin = await startTestOrigin((_request, response) => {
    response.writeHead(200, fields).end(state.version);
  });
  return Object.assign(origin, { state });
}

/** Answers when the test does. */
async function startHeldOrigin() {
  const asked: ServerResponse[] = [];
  const origin = await startTestOrigin((_request, response) => void asked.push(response));
  return Object.assign(origin, { asked });
}

describe('an invalidation', () => {
  it.each([
    ['/a', '/a'],
    ['/%61', '/a'],
    ['/a', '/./%61'],
    ['/a*', '/ab/c'],
    ['/*', '/'],
  ])('of %s takes %s out of the cache, and says how many objects went', async (item, path) => {
    await using origin = await startVersionedOrigin();
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, path);
    await get(edge.httpPort, '/other');
    origin.state.version = 'new';
    expect((await get(edge.httpPort, path)).text).toBe('old');

    const report = invalidate(edge, item);
    expect(report).toMatchObject({ distribution: 'site', items: [item], status: 'completed' });
    expect(report.dropped).toBe(item === '/*' ? 2 : 1);
    expect(edge.invalidations.find(report.id)).toEqual(report);
    const answer = await get(edge.httpPort, path);
    expect(answer.text).toBe('new');
    expect(answer.headers['x-cache']).toBe('Miss from streamfront');
    expect((await get(edge.httpPort, path)).headers['x-cache']).toBe('Hit from streamfront');
    expect((await get(edge.httpPort, '/other')).text).toBe(item === '/*' ? 'new' : 'old');
  });

  it.each([
    ['all', '/a', ['/a']],
    ['all', '/a?y=2&x=1', ['/a?x=1&y=2']],
    ['all', '/a?*', ['/a?x=1&y=2', '/a?x=1']],
    ['all', '/a?x=1*', ['/a?x=1&y=2', '/a?x=1']],
    ['all', '/a*', ['/a', '/a?x=1&y=2', '/a?x=1']],
    ['x', '/a?x=1&y=2', ['/a?x=1&y=2', '/a?x=1']],
    ['none', '/a?z', ['/a', '/a?x=1&y=2', '/a?x=1']],
  ])('with query %s, of %s concerns what a viewer would get for it: %j', async (query, item, concerned) => {
    await using origin = await startVersionedOrigin();
    const setting = query === 'all' || query === 'none' ? query : [query];
    await using edge = await startTestEdge(origin.url, { query: setting });
    const targets = ['/a', '/a?x=1&y=2', '/a?x=1'];
    for (const target of targets) await get(edge.httpPort, target);
    origin.state.version = 'new';
    invalidate(edge, item);
    const changed: string[] = [];
    for (const target of targets) if ((await get(edge.httpPort, target)).text === 'new') changed.push(target);
    expect(changed).toEqual(concerned);
  });

  it('takes out all variants', async () => {
    await using origin = await startVersionedOrigin({ ...fresh, Vary: 'Accept-Encoding' });
    await using edge = await startTestEdge(origin.url);
    const zipped = { 'accept-encoding': 'gzip' };
    await get(edge.httpPort, '/a');
    await get(edge.httpPort, '/a', zipped);
    origin.state.version = 'new';
    expect(invalidate(edge, '/a').dropped).toBe(2);
    expect((await get(edge.httpPort, '/a')).text).toBe('new');
    expect((await get(edge.httpPort, '/a', zipped)).text).toBe('new');
  });

  it('concerns its own distribution only, which has to be named where there are several', async () => {
    await using origin = await startVersionedOrigin();
    const distributions = [
      { name: 'one', hosts: ['one.example'], behaviours: [{}] },
      { name: 'two', behaviours: [{}] },
    ];
    await using edge = await startTestEdge(origin.url, {}, { distributions });
    const ask = async (host: string) => (await get(edge.httpPort, '/a', { host })).text;
    await ask('one.example');
    await ask('two.example');
    origin.state.version = 'new';
    expect(() => invalidate(edge, '/a')).toThrow(/several distributions: say which one \(one, two\)/);
    expect(() => edge.invalidations.create({ distribution: 'three', items: ['/a'] })).toThrow(
      /no distribution "three" \(there: one, two\)/,
    );
    edge.invalidations.create({ distribution: 'one', items: ['/a'] });
    expect(await ask('one.example')).toBe('new');
    expect(await ask('two.example')).toBe('old');
  });

  it('is refused as a whole when an item is malformed, with everything that is wrong', async () => {
    await using origin = await startVersionedOrigin();
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/a');
    origin.state.version = 'new';
    expect(() => invalidate(edge, '/a', 'b', '/c*d')).toThrow(/"b" cannot be invalidated: .*; "\/c\*d" cannot be/);
    expect(() => invalidate(edge)).toThrow(/nothing to invalidate/);
    expect((await get(edge.httpPort, '/a')).text).toBe('old');
  });

  it('is refused beyond 3,000 paths, and beyond 15 wildcards in progress', async () => {
    await using origin = await startVersionedOrigin();
    await using edge = await startTestEdge(origin.url);
    const paths = Array.from({ length: 3_001 }, (_, i) => `/${i}`);
    expect(() => invalidate(edge, ...paths)).toThrow(/TOO_MANY_INVALIDATIONS_IN_PROGRESS.* 3001, limit 3000/);
    expect(() => invalidate(edge, ...paths.slice(0, 16).map((path) => `${path}*`))).toThrow(/wildcards.* 16, limit 15/);
    // The same twice counts once, and what has been carried out does not count.
    for (let i = 0; i < 3; i++) expect(invalidate(edge, ...paths.slice(1), '/3000').status).toBe('completed');
    for (let i = 0; i < 3; i++) expect(invalidate(edge, ...paths.slice(0, 15).map((path) => `${path}*`))).toBeDefined();
  });
});

describe('what was fetched before an invalidation, and comes after it', () => {
  it('is given to those who waited for it, not stored, and not joined by those who come', async () => {
    await using origin = await startHeldOrigin();
    const { asked } = origin;
    await using edge = await startTestEdge(origin.url);
    const before = Array.from({ length: 20 }, () => get(edge.httpPort, '/a'));
    await eventually('all wait for one answer', () => edge.stats().counters.requests === 20 && asked.length === 1);

    invalidate(edge, '/a');
    const after = Array.from({ length: 500 }, () => get(edge.httpPort, '/a'));
    await eventually('all that came later wait, for one more', () => {
      return edge.stats().counters.requests === 520 && asked.length === 2;
    });
    asked[1]?.writeHead(200, fresh).end('new');
    expect(new Set((await Promise.all(after)).map(({ text }) => text))).toEqual(new Set(['new']));
    asked[0]?.writeHead(200, fresh).end('old');
    expect(new Set((await Promise.all(before)).map(({ text }) => text))).toEqual(new Set(['old']));

    const later = await get(edge.httpPort, '/a');
    expect([later.text, later.headers['x-cache']]).toEqual(['new', 'Hit from streamfront']);
    expect(asked).toHaveLength(2);
  });

  it('goes on arriving for those who read it, and is no beginning for others', async () => {
    await using origin = await startHeldOrigin();
    const { asked } = origin;
    await using edge = await startTestEdge(origin.url);
    const first = openGet(edge.httpPort, '/a');
    await eventually('the origin is asked', () => asked.length === 1);
    asked[0]?.writeHead(200, fresh).write('old, ');
    const reading = await first;
    await once(reading, 'readable');
    const joined = await openGet(edge.httpPort, '/a');

    invalidate(edge, '/a*');
    const after = get(edge.httpPort, '/a');
    await eventually('the origin is asked again', () => asked.length === 2);
    asked[0]?.end('still old');
    expect(String(await readAll(reading))).toBe('old, still old');
    expect(String(await readAll(joined))).toBe('old, still old');
    asked[1]?.writeHead(200, fresh).end('new');
    expect((await after).text).toBe('new');
    expect((await get(edge.httpPort, '/a')).text).toBe('new');
    expect(edge.stats().cache).toMatchObject({ objects: 1, reservedBytes: 0 });
  });

  it('does not take the place of what was fetched later and came sooner', async () => {
    await using origin = await startHeldOrigin();
    const { asked } = origin;
    await using edge = await startTestEdge(origin.url);
    const before = get(edge.httpPort, '/a');
    await eventually('the origin is asked', () => asked.length === 1);
    asked[0]?.writeHead(200, fresh).write('old');
    invalidate(edge, '/*');
    const after = get(edge.httpPort, '/a');
    await eventually('the origin is asked again', () => asked.length === 2);
    asked[1]?.writeHead(200, fresh).end('new');
    await after;
    asked[0]?.end();
    expect((await before).text).toBe('old');
    expect((await get(edge.httpPort, '/a')).text).toBe('new');
  });

  it('is not put back in force by a 304 to a question from before', async () => {
    const released = gate();
    await using origin = await startTestOrigin(async (request, response) => {
      if (request.headers['if-none-match'] !== undefined) {
        await released.opened;
        response.writeHead(304, { 'Cache-Control': 'max-age=60', ETag: '"1"' }).end();
      } else {
        const version = origin.requests.length === 1 ? 'old' : 'new';
        response.writeHead(200, { 'Cache-Control': 'max-age=60', ETag: '"1"' }).end(version);
      }
    });
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/a');
    edge.clock.advance(61_000);
    const before = get(edge.httpPort, '/a');
    await eventually('the origin is asked to confirm', () => origin.requests.length === 2);
    invalidate(edge, '/a');
    // What was banned is nothing to be confirmed either.
    expect((await get(edge.httpPort, '/a')).text).toBe('new');
    expect(origin.requests[2]?.headers['if-none-match']).toBeUndefined();
    released.open();
    expect((await before).text).toBe('old');
    expect((await get(edge.httpPort, '/a')).text).toBe('new');
    expect(origin.requests).toHaveLength(3);
  });

  it('is not asked to be confirmed by who waited for an answer that was for somebody else', async () => {
    await using origin = await startHeldOrigin();
    const { asked } = origin;
    await using edge = await startTestEdge(origin.url);
    const first = get(edge.httpPort, '/a');
    await eventually('the origin is asked', () => asked.length === 1);
    asked[0]?.writeHead(200, { 'Cache-Control': 'max-age=60', ETag: '"1"' }).end('old');
    await first;
    edge.clock.advance(61_000);
    const both = [get(edge.httpPort, '/a'), get(edge.httpPort, '/a')];
    await eventually('both wait for one answer', () => edge.stats().counters.requests === 3 && asked.length === 2);
    invalidate(edge, '/a');
    asked[1]?.writeHead(200, { 'Cache-Control': 'private' }).end('for one');
    await eventually('the other asks alone', () => asked.length === 3);
    expect(origin.requests.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"1"', undefined]);
    asked[2]?.writeHead(200, { 'Cache-Control': 'private' }).end('for the other');
    expect((await Promise.all(both)).map(({ text }) => text).toSorted()).toEqual(['for one', 'for the other']);
  });

  it('does not come from the background either', async () => {
    const released = gate();
    await using origin = await startTestOrigin(async (_request, response) => {
      const place = origin.requests.length;
      if (place === 2) await released.opened;
      response.writeHead(200, { 'Cache-Control': 'max-age=60, stale-while-revalidate=600' }).end(`version ${place}`);
    });
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/a');
    edge.clock.advance(61_000);
    expect((await get(edge.httpPort, '/a')).text).toBe('version 1');
    await eventually('it is fetched in the background', () => origin.requests.length === 2);
    invalidate(edge, '/a');
    expect((await get(edge.httpPort, '/a')).text).toBe('version 3');
    released.open();
    await eventually('the background is done', () => edge.stats().cache.reservedBytes === 0);
    expect((await get(edge.httpPort, '/a')).text).toBe('version 3');
    expect(origin.requests).toHaveLength(3);
  });
});

describe('what an edge remembers of an origin', () => {
  it('its failure: is asked again after an invalidation', async () => {
    await using origin = await startTestOrigin((request) => void request.socket.destroy());
    await using edge = await startTestEdge(origin.url);
    expect((await get(edge.httpPort, '/a')).status).toBe(502);
    const asked = origin.requests.length;
    expect((await get(edge.httpPort, '/a')).status).toBe(502);
    expect(origin.requests).toHaveLength(asked);
    origin.answer = (_request, response) => void response.writeHead(200, fresh).end('back');
    invalidate(edge, '/other');
    expect((await get(edge.httpPort, '/a')).status).toBe(502);
    invalidate(edge, '/a');
    expect((await get(edge.httpPort, '/a')).text).toBe('back');
  });

  it('that its answers are for one viewer each: is found out anew after an invalidation', async () => {
    await using origin = await startHeldOrigin();
    const { asked } = origin;
    await using edge = await startTestEdge(origin.url);
    const first = get(edge.httpPort, '/a');
    await eventually('the origin is asked', () => asked.length === 1);
    asked[0]?.writeHead(200, { 'Cache-Control': 'private' }).end('mine');
    await first;
    invalidate(edge, '/a');
    const together = Array.from({ length: 50 }, () => get(edge.httpPort, '/a'));
    await eventually('all wait', () => edge.stats().counters.requests === 51 && asked.length >= 2);
    asked[1]?.writeHead(200, fresh).end('for all');
    expect(new Set((await Promise.all(together)).map(({ text }) => text))).toEqual(new Set(['for all']));
    expect(asked).toHaveLength(2);
  });

  it('a stored answer: does not stand in for a failed origin once it is banned', async () => {
    await using origin = await startVersionedOrigin({ 'Cache-Control': 'max-age=60, stale-if-error=3600' });
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/a');
    await get(edge.httpPort, '/b');
    edge.clock.advance(61_000);
    await origin.stop();
    invalidate(edge, '/a');
    expect((await get(edge.httpPort, '/b')).text).toBe('old');
    expect((await get(edge.httpPort, '/a')).status).toBe(502);
  });
});

describe('a viewer', () => {
  it.each(['PURGE', 'BAN', 'UNLINK'])('cannot invalidate with %s', async (method) => {
    await using origin = await startVersionedOrigin();
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/a');
    const answer = await get(edge.httpPort, '/a', {}, method);
    expect([400, 405]).toContain(answer.status);
    expect((await get(edge.httpPort, '/a')).headers['x-cache']).toBe('Hit from streamfront');
    expect(origin.requests).toHaveLength(1);
  });
});

describe('those who wait', () => {
  it('are bounded for each fetch: those before an invalidation take no places from those after it', async () => {
    await using origin = await startHeldOrigin();
    const { asked } = origin;
    await using edge = await startTestEdge(origin.url, {}, { cache: { maxWaiting: 10 } });
    const before = Array.from({ length: 10 }, () => get(edge.httpPort, '/a'));
    await eventually('ten wait', () => edge.stats().counters.requests === 10 && asked.length === 1);
    expect((await get(edge.httpPort, '/a')).status).toBe(503);
    invalidate(edge, '/a');
    const after = Array.from({ length: 10 }, () => get(edge.httpPort, '/a'));
    await eventually('ten more wait', () => edge.stats().counters.requests === 21 && asked.length === 2);
    expect((await get(edge.httpPort, '/a')).status).toBe(503);
    for (const response of asked) response.writeHead(200, fresh).end(String(asked.indexOf(response)));
    expect(new Set((await Promise.all(before)).map(({ text }) => text))).toEqual(new Set(['0']));
    expect(new Set((await Promise.all(after)).map(({ text }) => text))).toEqual(new Set(['1']));
    expect(asked).toHaveLength(2);
  });

  it('get the failure of the fetch they wait for; one from before an invalidation is nothing to those after it', async () => {
    await using origin = await startHeldOrigin();
    const { asked } = origin;
    await using edge = await startTestEdge(
      origin.url,
      {},
      {
        origins: { main: { url: origin.url, connectAttempts: 1 } },
      },
    );
    const before = Array.from({ length: 20 }, () => get(edge.httpPort, '/a'));
    await eventually('twenty wait', () => edge.stats().counters.requests === 20 && asked.length === 1);
    invalidate(edge, '/*');
    asked[0]?.destroy();
    expect(new Set((await Promise.all(before)).map(({ status }) => status))).toEqual(new Set([502]));
    const after = Array.from({ length: 20 }, () => get(edge.httpPort, '/a'));
    await eventually('they wait for one answer', () => edge.stats().counters.requests === 40 && asked.length === 2);
    asked[1]?.destroy();
    expect(new Set((await Promise.all(after)).map(({ status }) => status))).toEqual(new Set([502]));
    // This failure is newer than the invalidation: no stampede.
    expect((await get(edge.httpPort, '/a')).status).toBe(502);
    expect(asked).toHaveLength(2);
  });
});

describe('a large object in slices', () => {
  const cache = { memory: '64MiB', maxObject: '4MiB', slice: '1MiB', readAhead: '2MiB' };
  const lengthBytes = 12 * 1_048_576 + 5;

  it('goes with all its slices', async () => {
    const file = { lengthBytes, etag: '"1"', seed: 1 };
    await using origin = await startTestOrigin((request, response) => answerFile(request, response, file));
    await using edge = await startTestEdge(origin.url, {}, { cache });
    await get(edge.httpPort, '/film.mp4');
    expect(edge.stats().cache.objects).toBe(14);
    // The same ETag, as of an origin that was restored from a backup.
    file.seed = 2;
    expect(invalidate(edge, '/film.mp4').dropped).toBe(14);
    expect((await get(edge.httpPort, '/film.mp4')).body.equals(patternBytes(0, lengthBytes, 2))).toBe(true);
    const range = await get(edge.httpPort, '/film.mp4', { range: 'bytes=5000000-6999999' });
    expect(range.body.equals(patternBytes(5_000_000, 2_000_000, 2))).toBe(true);
  });

  it('that somebody reads is not the one that whoever comes later gets, not even under the same ETag', async () => {
    const file = { lengthBytes, etag: '"1"', seed: 1 };
    await using origin = await startTestOrigin((request, response) => answerFile(request, response, file));
    await using edge = await startTestEdge(origin.url, {}, { cache });
    const first = await openGet(edge.httpPort, '/film.mp4');
    await once(first, 'readable');
    await eventually('some slices are there', () => edge.stats().cache.objects > 1);
    file.seed = 2;
    invalidate(edge, '/film*');
    for (let i = 0; i < 3; i++) {
      const range = await get(edge.httpPort, '/film.mp4', { range: 'bytes=0-2999999' });
      expect(range.body.equals(patternBytes(0, 3_000_000, 2))).toBe(true);
    }
    expect((await get(edge.httpPort, '/film.mp4')).body.equals(patternBytes(0, lengthBytes, 2))).toBe(true);
    // The one who was there before reads on; what it still needs is fetched for it alone.
    expect(await readAll(first)).toHaveLength(lengthBytes);
    expect((await get(edge.httpPort, '/film.mp4')).body.equals(patternBytes(0, lengthBytes, 2))).toBe(true);
  });
});
