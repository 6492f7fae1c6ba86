import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { gate, get, startTestEdge, startTestOrigin } from './test-edge.ts';

const date = 'Thu, 01 Jan 2026 00:00:00 GMT';

describe('the edge cache, by time', () => {
  it('serves from the cache for as long as max-age says, with the age counted, then asks again', async () => {
    let version = 1;
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { Date: date, 'Cache-Control': 'max-age=10' }).end(`version ${version}`);
    });
    await using edge = await startTestEdge(origin.url);
    const miss = await get(edge.httpPort, '/a');
    expect([miss.text, miss.headers['x-cache'], miss.headers.age]).toEqual(['version 1', 'Miss from streamfront', '0']);
    expect(miss.headers['cache-status']).toBe('streamfront-test1; fwd=uri-miss; fwd-status=200; ttl=10; stored');
    version = 2;
    edge.clock.advance(9_500);
    const hit = await get(edge.httpPort, '/a');
    expect([hit.text, hit.headers['x-cache'], hit.headers.age]).toEqual(['version 1', 'Hit from streamfront', '9']);
    expect(hit.headers['cache-status']).toBe('streamfront-test1; hit; ttl=0');
    expect(hit.headers.date).toBe(date);
    edge.clock.advance(500);
    expect((await get(edge.httpPort, '/a')).text).toBe('version 2');
    expect(origin.requests).toHaveLength(2);
  });

  it('counts what the response had aged before it came, and says so', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { Date: date, Age: '7', 'Cache-Control': 'max-age=10' }).end('old');
    });
    await using edge = await startTestEdge(origin.url);
    expect((await get(edge.httpPort, '/a')).headers.age).toBe('7');
    edge.clock.advance(2_900);
    expect((await get(edge.httpPort, '/a')).headers).toMatchObject({ age: '9', 'x-cache': 'Hit from streamfront' });
    edge.clock.advance(100);
    expect((await get(edge.httpPort, '/a')).headers['x-cache']).toBe('Miss from streamfront');
  });

  it("keeps the origin's word within the behaviour's bounds", async () => {
    await using origin = await startTestOrigin((request, response) => {
      const age = /\d+/.exec(request.url ?? '')?.[0];
      response.writeHead(200, { Date: date, ...(age === undefined ? {} : { 'Cache-Control': `max-age=${age}` }) });
      response.end('x');
    });
    await using edge = await startTestEdge(origin.url, { minTtl: '5s', defaultTtl: '20s', maxTtl: '60s' });
    const ttl = async (path: string) =>
      /ttl=(\d+)/.exec((await get(edge.httpPort, path)).headers['cache-status']?.toString() ?? '')?.[1];
    expect(await Promise.all(['/1', '/30', '/9999', '/nothing'].map(ttl))).toEqual(['5', '30', '60', '20']);
  });

  it('confirms a stale answer with the origin by its ETag and serves the merged fields', async () => {
    await using origin = await startTestOrigin((request, response) => {
      const fields = { ETag: '"v1"', 'Cache-Control': 'max-age=10' };
      if (request.headers['if-none-match'] === '"v1"') response.writeHead(304, { ...fields, 'X-New': 'yes' }).end();
      else response.writeHead(200, { ...fields, 'Content-Type': 'text/plain' }).end('body');
    });
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/a');
    edge.clock.advance(11_000);
    const refreshed = await get(edge.httpPort, '/a');
    expect(refreshed.text).toBe('body');
    expect(refreshed.headers).toMatchObject({
      'x-cache': 'RefreshHit from streamfront',
      'x-new': 'yes',
      'content-type': 'text/plain',
      'content-length': '4',
      etag: '"v1"',
    });
    expect(refreshed.headers['cache-status']).toContain('fwd=stale; fwd-status=304');
    expect((await get(edge.httpPort, '/a')).headers['x-cache']).toBe('Hit from streamfront');
    expect(origin.requests).toHaveLength(2);
  });

  it('asks for the body again when a 304 speaks of another version than the stored one', async () => {
    await using origin = await startTestOrigin((request, response) => {
      if (request.headers['if-none-match'] !== undefined) response.writeHead(304, { ETag: '"v2"' }).end();
      else
        response
          .writeHead(200, { ETag: origin.requests.length === 1 ? '"v1"' : '"v2"', 'Cache-Control': 'max-age=1' })
          .end(`body ${origin.requests.length}`);
    });
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/a');
    edge.clock.advance(5_000);
    expect((await get(edge.httpPort, '/a')).text).toBe('body 3');
    expect(origin.requests.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"v1"', undefined]);
  });

  it('serves stale within stale-while-revalidate and asks the origin in the background', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { Date: date, 'Cache-Control': 'max-age=10, stale-while-revalidate=5' });
      response.end(`version ${origin.requests.length}`);
    });
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/a');
    edge.clock.advance(12_000);
    const stale = await get(edge.httpPort, '/a');
    expect([stale.text, stale.headers['cache-status']]).toEqual([
      'version 1',
      'streamfront-test1; hit; ttl=-2; detail=stale-while-revalidate',
    ]);
    await eventually('the new version is stored', async () => {
      return (await get(edge.httpPort, '/a')).text === 'version 2';
    });
    expect(origin.requests).toHaveLength(2);
  });
});

describe('the edge cache, by key', () => {
  it('ignores query parameters that are not listed, in the key and towards the origin', async () => {
    await using origin = await startTestOrigin((request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(request.url);
    });
    await using edge = await startTestEdge(origin.url, { query: ['w', 'h'] });
    const first = await get(edge.httpPort, '/img?w=10&token=alice&h=20');
    expect(first.text).toBe('/img?h=20&w=10');
    const second = await get(edge.httpPort, '/img?h=20&utm=x&w=10&token=bob');
    expect([second.text, second.headers['x-cache']]).toEqual(['/img?h=20&w=10', 'Hit from streamfront']);
    expect((await get(edge.httpPort, '/img?w=11&h=20')).headers['x-cache']).toBe('Miss from streamfront');
  });

  it('takes two spellings of a path for one', async () => {
    await using origin = await startTestOrigin((request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(request.url);
    });
    await using edge = await startTestEdge(origin.url);
    expect((await get(edge.httpPort, '/a/../b/%7euser/%2f')).text).toBe('/b/~user/%2F');
    expect((await get(edge.httpPort, '/b/~user/%2F')).headers['x-cache']).toBe('Hit from streamfront');
    expect((await get(edge.httpPort, '/b/~user//')).headers['x-cache']).toBe('Miss from streamfront');
  });

  it('keeps a compressed and a plain variant apart, and gives nobody what they cannot read', async () => {
    const zipped = gzipSync('playlist');
    await using origin = await startTestOrigin((request, response) => {
      const fields = { 'Cache-Control': 'max-age=60', Vary: 'Accept-Encoding' };
      if (request.headers['accept-encoding'] === 'gzip') {
        response.writeHead(200, { ...fields, 'Content-Encoding': 'gzip' }).end(zipped);
      } else {
        response.writeHead(200, fields).end('playlist');
      }
    });
    await using edge = await startTestEdge(origin.url);
    const accepts = ['gzip, deflate, br, zstd', undefined, 'br;q=1, gzip;q=0.5', 'gzip;q=0', 'br'];
    const answers = [];
    for (const accept of accepts) {
      answers.push(await get(edge.httpPort, '/v.m3u8', accept === undefined ? {} : { 'accept-encoding': accept }));
    }
    expect(answers.map(({ headers }) => headers['content-encoding'])).toEqual([
      'gzip',
      undefined,
      'gzip',
      undefined,
      undefined,
    ]);
    for (const { body, headers } of answers) {
      expect((headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString()).toBe('playlist');
    }
    expect(origin.requests).toHaveLength(2);
  });

  it('never gives a compressed answer to whoever cannot read it, though the origin forgot Vary', async () => {
    await using origin = await startTestOrigin((request, response) => {
      const gzip = request.headers['accept-encoding'] === 'gzip';
      response.writeHead(200, { 'Cache-Control': 'max-age=60', ...(gzip ? { 'Content-Encoding': 'gzip' } : {}) });
      response.end(gzip ? gzipSync('x') : 'x');
    });
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/a', { 'accept-encoding': 'gzip' });
    expect((await get(edge.httpPort, '/a')).text).toBe('x');
  });

  it('tells answers apart by the request fields that a behaviour names, though the origin does not say Vary', async () => {
    await using origin = await startTestOrigin((request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' });
      response.end(`${request.headers['accept-language']} ${String(request.headers['x-other'])}`);
    });
    await using edge = await startTestEdge(origin.url, { requestFields: ['Accept-Language'] });
    const ask = async (language: string, other: string) => {
      const answer = await get(edge.httpPort, '/a', { 'accept-language': language, 'x-other': other });
      return [answer.text, answer.headers['x-cache']];
    };
    expect(await ask('de', '1')).toEqual(['de undefined', 'Miss from streamfront']);
    expect(await ask('fr', '1')).toEqual(['fr undefined', 'Miss from streamfront']);
    expect(await ask('de', '2')).toEqual(['de undefined', 'Hit from streamfront']);
  });

  it('lets nothing of a viewer reach the origin that could change a shared answer', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('shared');
    });
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/a?evil=1', {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'gopher',
      'x-original-url': '/admin',
      'x-rewrite-url': '/admin',
      forwarded: 'host=evil.example',
      cookie: 'session=1',
      authorization: 'Basic eDp5',
      referer: 'http://evil.example/',
      origin: 'http://evil.example',
      'accept-language': 'xx',
      'user-agent': 'evil',
      range: 'bytes=0-0',
      'if-none-match': '"x"',
      connection: 'close, x-request-id',
      'x-request-id': 'mine',
      'x-forwarded-for': '10.0.0.1',
      via: '1.0 proxy',
      'accept-encoding': 'br, gzip',
    });
    expect(origin.requests[0]?.url).toBe('/a');
    const { host, 'x-request-id': requestId, 'cdn-loop': cdnLoop, ...rest } = origin.requests[0]?.headers ?? {};
    expect(rest).toEqual({
      connection: 'keep-alive',
      'user-agent': 'StreamFront',
      'accept-encoding': 'gzip',
      'x-forwarded-for': '10.0.0.1, 127.0.0.1',
      via: '1.0 proxy, 1.1 test1 (StreamFront)',
    });
    expect(host).toBe(`127.0.0.1:${origin.port}`);
    expect(requestId).not.toBe('mine');
    expect(cdnLoop).toMatch(/^streamfront-[0-9a-f]{16}$/);
  });

  it('stays within its bound of bytes; what was used again stays', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(Buffer.alloc(300_000));
    });
    await using edge = await startTestEdge(origin.url, {}, { cache: { memory: '1MiB', maxObject: '400kB' } });
    for (const path of ['/1', '/2', '/3', '/1', '/1', '/4']) await get(edge.httpPort, path);
    const verdicts = [];
    for (const path of ['/1', '/3', '/4', '/2'])
      verdicts.push((await get(edge.httpPort, path)).headers['x-cache']?.toString().split(' ')[0]);
    expect(verdicts).toEqual(['Hit', 'Hit', 'Hit', 'Miss']);
    expect(edge.stats().cache.bytes).toBeLessThanOrEqual(1_048_576);
    expect(edge.stats().cache.evictions).toBe(2);
  });

  it('does not store what is stale at once and has no validator, but those who wait share it', async () => {
    await using origin = await startTestOrigin((request, response) => {
      if (request.url === '/tagged') response.setHeader('ETag', '"a"');
      response.end('x');
    });
    await using edge = await startTestEdge(origin.url, { defaultTtl: '0s' });
    await get(edge.httpPort, '/plain');
    expect(edge.stats().cache.objects).toBe(0);
    await get(edge.httpPort, '/tagged');
    expect(edge.stats().cache.objects).toBe(1);
    const hold = gate();
    origin.answer = async (_request, response) => {
      await hold.opened;
      response.end('shared');
    };
    const answers = Array.from({ length: 5 }, () => get(edge.httpPort, '/together'));
    await eventually('all wait', () => edge.stats().counters.requests === 7);
    hold.open();
    expect((await Promise.all(answers)).map(({ text }) => text)).toEqual(Array(5).fill('shared'));
    expect(origin.requests).toHaveLength(3);
  });
});

describe('what viewers may ask of a cached answer', () => {
  const fields = {
    Date: date,
    'Cache-Control': 'max-age=60',
    'Content-Type': 'video/mp4',
    'Last-Modified': 'Wed, 31 Dec 2025 00:00:00 GMT',
    ETag: '"v1"',
  };

  async function stocked() {
    const origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { ...fields, 'Content-Length': 10 }).end('0123456789');
    });
    const edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/a');
    return {
      ask: (headers: Record<string, string>, method = 'GET') => get(edge.httpPort, '/a', headers, method),
      origin,
      [Symbol.asyncDispose]: async () => {
        await edge.close();
        await origin.stop();
      },
    };
  }

  it.each([
    [{ 'if-none-match': '"v1"' }, 304],
    [{ 'if-none-match': 'W/"v1", "other"' }, 304],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': '"v2"', 'if-modified-since': 'Thu, 01 Jan 2026 00:00:00 GMT' }, 200],
    [{ 'if-modified-since': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 304],
    [{ 'if-modified-since': 'Tue, 30 Dec 2025 00:00:00 GMT' }, 200],
    [{ 'if-modified-since': 'yesterday' }, 200],
  ])('conditions %j are answered %i from the cache', async (headers, status) => {
    await using cache = await stocked();
    const answer = await cache.ask(headers);
    expect(answer.status).toBe(status);
    expect(answer.text).toBe(status === 304 ? '' : '0123456789');
    expect(answer.headers).toMatchObject({ etag: '"v1"', 'x-cache': 'Hit from streamfront' });
    expect(answer.headers['content-type']).toBe(status === 304 ? undefined : 'video/mp4');
    expect(cache.origin.requests).toHaveLength(1);
  });

  it.each([
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=5-99', 206, '56789', 'bytes 5-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=-0', 416, '', 'bytes */10'],
    ['bytes=3-1', 200, '0123456789', undefined],
    ['bytes=3-4,0-1', 200, '0123456789', undefined],
    ['bytes=0-3,3-4', 200, '0123456789', undefined],
    ['bytes=0-1,20-', 206, '01', 'bytes 0-1/10'],
    ['lines=0-1', 200, '0123456789', undefined],
  ])('Range: %s is answered %i', async (range, status, text, contentRange) => {
    await using cache = await stocked();
    const answer = await cache.ask({ range });
    expect([answer.status, answer.text, answer.headers['content-range']]).toEqual([status, text, contentRange]);
    expect(answer.headers['content-length']).toBe(String(text.length));
    expect(answer.headers).toMatchObject({
      age: '0',
      'cache-status': 'streamfront-test1; hit; ttl=60',
      'x-cache': status === 416 ? 'Error from streamfront' : 'Hit from streamfront',
    });
  });

  it.each([
    ['"v1"', 206],
    ['W/"v1"', 200],
    ['"v2"', 200],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 206],
    ['Thu, 01 Jan 2026 00:00:00 GMT', 200],
  ])('If-Range: %s with a range is answered %i', async (ifRange, status) => {
    await using cache = await stocked();
    expect((await cache.ask({ range: 'bytes=0-3', 'if-range': ifRange })).status).toBe(status);
  });

  it('HEAD is answered from a cached GET, and forwarded as HEAD when there is none', async () => {
    await using cache = await stocked();
    const cached = await cache.ask({}, 'HEAD');
    expect([cached.status, cached.text, cached.headers['content-length']]).toEqual([200, '', '10']);
    expect(cache.origin.requests).toHaveLength(1);
    await using edge = await startTestEdge(cache.origin.url);
    const forwarded = await get(edge.httpPort, '/other', {}, 'HEAD');
    expect([forwarded.status, forwarded.headers['content-length']]).toEqual([200, '10']);
    expect(cache.origin.requests[1]?.method).toBe('HEAD');
    expect(edge.stats().cache.objects).toBe(0);
  });

  it('a viewer with a current copy of something uncacheable gets 304 too', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'no-cache', ETag: '"v1"' }).end('page');
    });
    await using edge = await startTestEdge(origin.url);
    expect((await get(edge.httpPort, '/', { 'if-none-match': '"v1"' })).status).toBe(304);
    expect((await get(edge.httpPort, '/', { 'if-none-match': '"v0"' })).text).toBe('page');
  });
});
