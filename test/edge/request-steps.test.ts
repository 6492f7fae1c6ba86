import { describe, expect, it } from 'vitest';
import { edgeSchema } from '../../src/edge/settings.ts';
import { get, startTestEdge, startTestOrigin, type TestOrigin } from './test-edge.ts';

function echoOrigin(): Promise<TestOrigin> {
  return startTestOrigin((request, response) => {
    response.writeHead(200, {
      'Cache-Control': 'max-age=60',
      Connection: 'keep-alive, X-Hop',
      'X-Hop': 'one connection only',
      'Keep-Alive': 'timeout=5',
      'Access-Control-Allow-Origin': 'https://only.example',
      'Access-Control-Allow-Credentials': 'true',
      Via: '1.1 shield (StreamFront)',
      'Cache-Status': 'streamfront-shield; hit; ttl=5',
      'X-Cache': 'Hit from streamfront',
    });
    response.end(`main ${request.url}`);
  });
}

describe('requests that are not answered with content', () => {
  it.each([['POST'], ['PUT'], ['DELETE'], ['PATCH'], ['TRACE'], ['PROPFIND']])(
    '%s is answered 405 with Allow',
    async (method) => {
      await using origin = await echoOrigin();
      await using edge = await startTestEdge(origin.url);
      const answer = await get(edge.httpPort, '/a', {}, method);
      expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
      expect(origin.requests).toHaveLength(0);
    },
  );

  it.each([[{ 'content-length': '4' }], [{ 'transfer-encoding': 'chunked' }]])(
    'GET with a body (%j) is answered 403',
    async (headers) => {
      await using origin = await echoOrigin();
      await using edge = await startTestEdge(origin.url);
      expect((await get(edge.httpPort, '/a', headers, 'GET', 'body')).status).toBe(403);
      expect(origin.requests).toHaveLength(0);
    },
  );

  it.each([['/a%'], ['/a%zz'], ['/a%00b'], ['/a#b'], ['a']])('the URL %s is answered 400', async (path) => {
    await using origin = await echoOrigin();
    await using edge = await startTestEdge(origin.url);
    expect((await get(edge.httpPort, path)).status).toBe(400);
    expect(origin.requests).toHaveLength(0);
  });

  it.each([
    ['cloudfront', 413],
    ['standards', 414],
  ] as const)('a URL of more than 8,192 bytes, by policy %s: %i, whatever is asked for', async (policy, status) => {
    await using origin = await echoOrigin();
    await using edge = await startTestEdge(origin.url, { policy });
    for (const path of [`/${'a'.repeat(8_192)}`, `/live/${'a'.repeat(8_192)}.flv`, `/a?${'a'.repeat(8_190)}`]) {
      const answer = await get(edge.httpPort, path);
      expect([answer.status, answer.headers['cache-status']]).toEqual([
        status,
        'streamfront-test1; detail=REQUEST_URL_TOO_LONG',
      ]);
    }
    expect((await get(edge.httpPort, `/${'a'.repeat(8_191)}`)).status).toBe(200);
    expect(origin.requests).toHaveLength(1);
  });

  it('an edge whose origin is itself answers 508 and does not wait for itself', async () => {
    await using origin = await echoOrigin();
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/first');
    const cdnLoop = String(origin.requests[0]?.headers['cdn-loop']);
    const looped = await get(edge.httpPort, '/a', { 'cdn-loop': `other, ${cdnLoop}` });
    expect([looped.status, looped.text.includes('leads back to this edge')]).toEqual([508, true]);
  });

  it('OPTIONS is answered by the edge, with what a browser asks before it asks', async () => {
    await using origin = await echoOrigin();
    await using edge = await startTestEdge(origin.url);
    const answer = await get(
      edge.httpPort,
      '/a',
      { origin: 'https://a.example', 'access-control-request-method': 'GET' },
      'OPTIONS',
    );
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      allow: 'GET, HEAD, OPTIONS',
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, HEAD, OPTIONS',
      'access-control-max-age': '86400',
      'cache-status': 'streamfront-test1; detail=OPTIONS',
    });
    expect(answer.headers['access-control-allow-headers']).toContain('Range, If-Range, If-None-Match');
    expect(origin.requests).toHaveLength(0);
  });
});

describe('the fields of an answer', () => {
  it('name the edge, how the answer came about, and let pages of any site read it', async () => {
    await using origin = await echoOrigin();
    await using edge = await startTestEdge(origin.url);
    const miss = await get(edge.httpPort, '/a');
    expect(miss.headers).toMatchObject({
      via: '1.1 shield (StreamFront), 1.1 test1 (StreamFront)',
      'x-cache': 'Miss from streamfront',
      'x-edge-location': 'test1',
      'cache-status': 'streamfront-shield; hit; ttl=5, streamfront-test1; fwd=uri-miss; fwd-status=200; ttl=60; stored',
      'access-control-allow-origin': '*',
      'timing-allow-origin': '*',
      age: '0',
    });
    expect(miss.headers['access-control-allow-credentials']).toBeUndefined();
    expect(miss.headers['x-hop']).toBeUndefined();
    for (const name of [
      'Age',
      'Date',
      'X-Cache',
      'X-Edge-Location',
      'Content-Length',
      'Cache-Status',
      'X-Request-Id',
      'Via',
    ]) {
      expect(String(miss.headers['access-control-expose-headers']).split(', ')).toContain(name);
    }
    const hits = [await get(edge.httpPort, '/a'), await get(edge.httpPort, '/a')];
    const ids = [miss, ...hits].map(({ headers }) => headers['x-request-id']);
    expect(new Set(ids).size).toBe(3);
    expect(origin.requests[0]?.headers['x-request-id']).toBe(ids[0]);
  });

  it("leave the origin's CORS fields alone where the behaviour says cors: false", async () => {
    await using origin = await echoOrigin();
    await using edge = await startTestEdge(origin.url, { cors: false });
    const { headers } = await get(edge.httpPort, '/a');
    expect(headers['access-control-allow-origin']).toBe('https://only.example');
    expect(headers['timing-allow-origin']).toBeUndefined();
  });
});

describe('distributions and behaviours', () => {
  it('a request goes to the origin of the first behaviour that fits its path, in the distribution of its host', async () => {
    await using main = await echoOrigin();
    await using live = await startTestOrigin((request, response) => void response.end(`live ${request.url}`));
    await using edge = await startTestEdge(
      main.url,
      {},
      {
        origins: { main: { url: main.url }, live: { url: `${live.url}/base/` } },
        distributions: [
          {
            name: 'named',
            hosts: ['tv.example.org', '*.tv.example.org'],
            behaviours: [{ path: '/live/*.m3u8', origin: 'live' }, { path: '/live/*' }],
          },
          { name: 'rest', hosts: ['other.example'], behaviours: [{}] },
        ],
      },
    );
    const ask = async (host: string, path: string) => {
      const answer = await get(edge.httpPort, path, { host });
      return answer.status === 200 ? answer.text : answer.status;
    };
    expect(await ask('tv.example.org', '/live/a/b.m3u8')).toBe('live /base/live/a/b.m3u8');
    expect(await ask('A.TV.example.org:8080', '/live/a/b.ts')).toBe('main /live/a/b.ts');
    expect(await ask('tv.example.org', '/Live/a')).toBe(404);
    expect(await ask('other.example', '/live/a/b.m3u8')).toBe('main /live/a/b.m3u8');
    expect(await ask('nobody.example', '/')).toBe(404);
    // An absolute target takes the place of the Host field.
    expect(await ask('nobody.example', 'http://other.example/x')).toBe('main /x');
  });

  it('two distributions never share an answer, and paths below a base cannot climb out of it', async () => {
    await using a = await startTestOrigin(
      (request, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(`a ${request.url}`),
    );
    await using b = await startTestOrigin(
      (request, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(`b ${request.url}`),
    );
    await using edge = await startTestEdge(
      a.url,
      {},
      {
        origins: { a: { url: `${a.url}/base` }, b: { url: b.url } },
        distributions: [
          { name: 'a', hosts: ['a.example'], behaviours: [{ origin: 'a' }] },
          { name: 'b', hosts: ['b.example'], behaviours: [{ origin: 'b' }] },
        ],
      },
    );
    expect((await get(edge.httpPort, '/x', { host: 'a.example' })).text).toBe('a /base/x');
    expect((await get(edge.httpPort, '/x', { host: 'b.example' })).text).toBe('b /x');
    expect((await get(edge.httpPort, '/../%2e%2e/secret', { host: 'a.example' })).text).toBe('a /base/secret');
  });
});

describe('edgeSchema', () => {
  it('refuses two distributions of one name: they would share cache keys', () => {
    const distributions = [1, 2].map(() => ({ name: 'same', behaviours: [{}] }));
    const outcome = edgeSchema.safeParse({ distributions });
    expect(outcome.error?.issues.map(({ message }) => message)).toEqual([
      'there is another distribution "same": names tell them apart',
    ]);
  });

  it.each([
    [{ policy: 'standards', minTtl: '1s' }, 'minTtl', 'has no meaning with `policy: standards`'],
    [{ policy: 'standards', errorTtl: '10s' }, 'errorTtl', 'has no meaning with `policy: standards`'],
    [{ policy: 'standards', errorTtl: { 404: '1s' } }, 'errorTtl', 'has no meaning with `policy: standards`'],
    [{ policy: 'standards', defaultTtl: '1h' }, 'defaultTtl', 'has no meaning'],
    [{ policy: 'standards', maxTtl: '1h' }, 'maxTtl', 'has no meaning'],
    [{ requestFields: 'all' }, 'requestFields', '`all` needs `policy: standards`'],
    [{ requestFields: ['X-Forwarded-Host'] }, 'requestFields.0', 'is no field that can be forwarded'],
    [{ requestFields: ['a b'] }, 'requestFields.0', 'is no field that can be forwarded'],
    [{ minTtl: '2h', maxTtl: '1h' }, 'minTtl', 'is longer than maxTtl'],
    [{ errorTtl: { 200: '1s' } }, 'errorTtl', ''],
    [{ methods: 'write' }, 'methods', ''],
  ])('refuses %j and says where', (behaviour, setting, sentence) => {
    const distributions = [{ name: 'site', behaviours: [behaviour as object] }];
    const [issue, ...others] = edgeSchema.safeParse({ distributions }).error?.issues ?? [];
    expect(others).toEqual([]);
    expect(issue?.path.join('.')).toBe(`distributions.0.behaviours.0.${setting}`);
    expect(issue?.message).toContain(sentence);
  });

  it('gives each policy its own defaults', () => {
    const behaviours = [{}, { policy: 'standards' as const }];
    const [site] = edgeSchema.parse({ distributions: [{ name: 'site', behaviours }] }).distributions;
    expect(site?.behaviours).toMatchObject([
      { policy: 'cloudfront', query: 'none', requestFields: 'none', defaultTtlMs: 86_400_000, methods: 'read' },
      { policy: 'standards', query: 'all', requestFields: 'all' },
    ]);
  });

  it('lets no object be larger than half of the memory', () => {
    expect(edgeSchema.parse({ cache: { memory: '2MiB' } }).cache.maxObjectBytes).toBe(1_048_576);
  });
});
