import { createServer as createTcpServer, type Socket } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { get, openGet, readAll, startTestEdge, startTestOrigin } from './test-edge.ts';

/** A server that writes these bytes to whoever connects and asks, then does with the socket what it is told. */
async function startRawOrigin(answer: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createTcpServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', () => answer(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('an origin that is down', () => {
  it('is stood in for by stale answers as long as the behaviour allows, then by plain words; and is found again', async () => {
    const first = await startTestOrigin((_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=10' }).end('first');
    });
    await using edge = await startTestEdge(first.url, { maxStale: '30s' });
    await get(edge.httpPort, '/a');
    await first.stop();
    edge.clock.advance(15_000);
    const stale = await get(edge.httpPort, '/a');
    expect([stale.status, stale.text, stale.headers.age]).toEqual([200, 'first', '15']);
    expect(stale.headers['cache-status']).toBe('streamfront-test1; fwd=stale; ttl=-5; detail=ORIGIN_REFUSED');
    edge.clock.advance(26_000);
    const gone = await get(edge.httpPort, '/a');
    expect([gone.status, gone.headers['x-cache'], gone.headers['cache-control']]).toEqual([
      502,
      'Error from streamfront',
      'no-store',
    ]);
    expect(gone.text).toContain('The server that holds this content cannot be reached.');
    expect(gone.text).toContain('ORIGIN_REFUSED');
    expect(gone.text).not.toContain(String(first.port));

    await using again = await startTestOrigin((_request, response) => void response.end('again'), first.port);
    expect((await get(edge.httpPort, '/a')).status).toBe(502);
    expect(again.requests).toHaveLength(0);
    edge.clock.advance(1_000);
    expect((await get(edge.httpPort, '/a')).text).toBe('again');
  });

  it.each([['must-revalidate'], ['proxy-revalidate'], ['s-maxage=10'], ['stale-if-error=0']])(
    'is not stood in for where the origin said %s',
    async (directive) => {
      const origin = await startTestOrigin((_request, response) => {
        response.writeHead(200, { 'Cache-Control': `max-age=10, ${directive}` }).end('first');
      });
      await using edge = await startTestEdge(origin.url, { maxStale: '1h' });
      await get(edge.httpPort, '/a');
      await origin.stop();
      edge.clock.advance(11_000);
      expect((await get(edge.httpPort, '/a')).status).toBe(502);
    },
  );

  it('gives all who wait the same answer, asks once, and words it in HTML for whoever asks for HTML', async () => {
    const origin = await startTestOrigin(() => undefined);
    await origin.stop();
    await using edge = await startTestEdge(origin.url);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => get(edge.httpPort, '/<script>', { accept: 'text/html,*/*' })),
    );
    for (const answer of answers) {
      expect([answer.status, answer.headers['content-type']]).toEqual([502, 'text/html; charset=utf-8']);
      expect(answer.text).toContain('<h1>The origin cannot be reached</h1>');
      expect(answer.text).not.toContain('<script>');
      expect(answer.headers['access-control-allow-origin']).toBe('*');
    }
    expect(edge.stats().counters).toMatchObject({ originRequests: 1, errors: 20 });
  });

  it('is given 504 when it takes a request and says nothing', async () => {
    await using origin = await startTestOrigin(() => undefined);
    await using edge = await startTestEdge(
      origin.url,
      {},
      {
        origins: { main: { url: origin.url, responseTimeout: '200ms' } },
      },
    );
    const answer = await get(edge.httpPort, '/a');
    expect([answer.status, answer.text.includes('ORIGIN_TIMEOUT')]).toEqual([504, true]);
    expect(answer.text).toContain('did not answer in time');
    expect(origin.requests).toHaveLength(1);
  });

  it('with an answer of 5xx is stood in for as well, but an answer of 4xx is given', async () => {
    let status = 200;
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(status, { 'Cache-Control': 'max-age=10' }).end(`status ${status}`);
    });
    await using edge = await startTestEdge(origin.url, { maxStale: '1h' });
    await get(edge.httpPort, '/a');
    edge.clock.advance(11_000);
    status = 503;
    expect(await get(edge.httpPort, '/a')).toMatchObject({ status: 200, text: 'status 200' });
    edge.clock.advance(2_000);
    status = 404;
    const missing = await get(edge.httpPort, '/a');
    expect(missing).toMatchObject({ status: 404, text: 'status 404' });
    expect(missing.headers['x-cache']).toBe('Error from streamfront');
  });

  it.each([
    [404, undefined, 1_000],
    [500, 'max-age=0', 1_000],
    [503, 'max-age=600', 600_000],
    [410, undefined, 0],
  ])('an answer of %i with %s is cached for %i ms and no longer', async (status, cacheControl, ttlMs) => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(status, cacheControl === undefined ? {} : { 'Cache-Control': cacheControl });
      response.end(`try ${origin.requests.length}`);
    });
    await using edge = await startTestEdge(origin.url);
    expect((await get(edge.httpPort, '/a')).text).toBe('try 1');
    edge.clock.advance(Math.max(0, ttlMs - 1));
    expect((await get(edge.httpPort, '/a')).text).toBe(ttlMs === 0 ? 'try 2' : 'try 1');
    edge.clock.advance(1);
    expect((await get(edge.httpPort, '/a')).text).toBe(ttlMs === 0 ? 'try 3' : 'try 2');
  });

  it('the error TTL is a setting, by status if need be', async () => {
    await using origin = await startTestOrigin((request, response) => {
      response.writeHead(Number(request.url?.slice(1))).end(`try ${origin.requests.length}`);
    });
    await using edge = await startTestEdge(origin.url, { errorTtl: { 404: '30s' } });
    for (const path of ['/404', '/500']) await get(edge.httpPort, path);
    edge.clock.advance(29_000);
    const later = await Promise.all(['/404', '/500'].map(async (path) => (await get(edge.httpPort, path)).text));
    expect(later).toEqual(['try 1', 'try 3']);
  });
});

describe('an origin that breaks off', () => {
  const head = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n';

  it.each([
    ['short of its Content-Length', `${head}Content-Length: 100\r\n\r\nonly this`, (socket: Socket) => socket.end()],
    [
      'in the middle of a chunk',
      `${head}Transfer-Encoding: chunked\r\n\r\n20\r\nonly this`,
      (socket: Socket) => socket.end(),
    ],
    [
      'before the last chunk',
      `${head}Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n`,
      (socket: Socket) => socket.end(),
    ],
    ['by a reset', `${head}Content-Length: 100\r\n\r\nonly this`, (socket: Socket) => socket.resetAndDestroy()],
  ])('%s: the viewers see it too, and nothing is stored', async (_what, bytes, end) => {
    const asked: Socket[] = [];
    await using origin = await startRawOrigin((socket) => {
      socket.write(bytes);
      asked.push(socket);
    });
    await using edge = await startTestEdge(origin.url);
    const viewers = await Promise.all([openGet(edge.httpPort, '/a'), openGet(edge.httpPort, '/a')]);
    for (const viewer of viewers) await once(viewer, 'readable');
    const bodies = viewers.map((viewer) =>
      readAll(viewer).then(
        () => 'whole',
        () => 'broken',
      ),
    );
    expect(asked).toHaveLength(1);
    for (const socket of asked) end(socket);
    expect(await Promise.all(bodies)).toEqual(['broken', 'broken']);
    expect(edge.stats().cache).toMatchObject({ objects: 0, reservedBytes: 0 });
    expect(edge.log.lines.filter(({ message }) => message === 'an answer of the origin broke off')).toHaveLength(1);
  });

  it('by silence in the middle of a body: the viewer does not wait for ever', async () => {
    await using origin = await startRawOrigin((socket) => socket.write(`${head}Content-Length: 100\r\n\r\nonly this`));
    await using edge = await startTestEdge(
      origin.url,
      {},
      {
        origins: { main: { url: origin.url, responseTimeout: '200ms' } },
      },
    );
    const viewer = await openGet(edge.httpPort, '/a');
    await expect(readAll(viewer)).rejects.toThrow();
  });

  it('before an answer: another connection is tried, as often as the setting says', async () => {
    await using origin = await startRawOrigin((socket) => socket.end());
    await using edge = await startTestEdge(origin.url);
    const answer = await get(edge.httpPort, '/a');
    expect([answer.status, answer.text.includes('ORIGIN_RESET'), origin.connections()]).toEqual([502, true, 3]);
  });

  it('a kept connection that the origin has closed meanwhile costs no viewer an error', async () => {
    let served = 0;
    await using origin = await startRawOrigin((socket) => {
      // Every second request on a connection meets a closed door.
      if (socket.bytesWritten > 0) socket.destroy();
      else socket.write(`HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nok`, () => served++);
    });
    await using edge = await startTestEdge(origin.url);
    for (let i = 0; i < 6; i++) expect((await get(edge.httpPort, `/${i}`)).text).toBe('ok');
    expect(served).toBe(6);
  });

  it.each([
    ['gives its body two lengths', `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['speaks no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['answers 304 to a request without a condition', 'HTTP/1.1 304 Not Modified\r\n\r\n'],
    ['sends interim answers without end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(200)],
    ['sends an endless head', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(70_000)}\r\n\r\n`],
  ])('an origin that %s is answered 502', async (_what, bytes) => {
    await using origin = await startRawOrigin((socket) => void socket.end(bytes));
    await using edge = await startTestEdge(origin.url);
    const answer = await get(edge.httpPort, '/a');
    expect([answer.status, answer.text.includes('ORIGIN_INVALID')]).toEqual([502, true]);
  });

  it('more bytes than announced are no part of the answer', async () => {
    await using origin = await startRawOrigin(
      (socket) =>
        void socket.write(`${head}Content-Length: 4\r\n\r\nbodyHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`),
    );
    await using edge = await startTestEdge(origin.url);
    expect((await get(edge.httpPort, '/a')).text).toBe('body');
    expect((await get(edge.httpPort, '/a')).text).toBe('body');
    const other = await get(edge.httpPort, '/b');
    expect(other.text).not.toBe('evil');
    await eventually('one or two answers are stored', () => edge.stats().cache.objects >= 1);
  });
});
