import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { gate, get, readAll, startTestEdge, startTestOrigin } from './test-edge.ts';

describe('methods that change something', () => {
  it.each([['POST'], ['PUT'], ['PATCH'], ['DELETE']])(
    '%s goes to the origin with its body and fields, and the answer comes back',
    async (method) => {
      let received = '';
      await using origin = await startTestOrigin(async (request, response) => {
        received = (await readAll(request)).toString();
        response.writeHead(201, { Location: '/made', 'Set-Cookie': 'a=b', Connection: 'X-Hop', 'X-Hop': '1' });
        response.end('made');
      });
      await using edge = await startTestEdge(origin.url, { methods: 'all', query: ['id'] });
      const answer = await get(
        edge.httpPort,
        '/things?id=1&evil=2',
        {
          'content-type': 'text/plain',
          'content-length': '6',
          cookie: 'session=1',
          authorization: 'Basic eDp5',
          'if-match': '"v1"',
          'x-forwarded-host': 'evil.example',
          'x-http-method-override': 'DELETE',
          connection: 'close, x-secret',
          'x-secret': '1',
        },
        method,
        'a body',
      );
      expect([answer.status, answer.text, received]).toEqual([201, 'made', 'a body']);
      expect(answer.headers).toMatchObject({
        location: '/made',
        'set-cookie': ['a=b'],
        'cache-status': 'streamfront-test1; fwd=method; fwd-status=201',
        'x-cache': 'Miss from streamfront',
      });
      expect(answer.headers['x-hop']).toBeUndefined();
      const [asked] = origin.requests;
      expect([asked?.method, asked?.url]).toEqual([method, '/things?id=1']);
      expect(asked?.headers).toMatchObject({
        'content-type': 'text/plain',
        cookie: 'session=1',
        authorization: 'Basic eDp5',
        'if-match': '"v1"',
      });
      expect(asked?.headers['x-forwarded-proto']).toBe('http');
      for (const name of ['x-forwarded-host', 'x-http-method-override', 'x-secret']) {
        expect(asked?.headers[name]).toBeUndefined();
      }
    },
  );

  it('are refused by 405 where the behaviour does not take them; by policy cloudfront unknown ones too', async () => {
    await using origin = await startTestOrigin((_request, response) => void response.end('ok'));
    await using reading = await startTestEdge(origin.url);
    await using all = await startTestEdge(origin.url, { methods: 'all' });
    await using standards = await startTestEdge(origin.url, { methods: 'all', policy: 'standards' });
    const ask = async (port: number, method: string) => (await get(port, '/a', {}, method)).status;
    expect(await ask(reading.httpPort, 'POST')).toBe(405);
    expect(await ask(all.httpPort, 'PROPFIND')).toBe(405);
    expect(await ask(standards.httpPort, 'PROPFIND')).toBe(200);
    for (const method of ['TRACE', 'PURGE']) {
      for (const { httpPort } of [reading, all, standards]) expect(await ask(httpPort, method)).toBe(405);
    }
    expect((await get(all.httpPort, '/a', {}, 'PROPFIND')).headers.allow).toBe(
      'GET, HEAD, OPTIONS, PUT, POST, PATCH, DELETE',
    );
  });

  it('OPTIONS reaches the origin where the behaviour says so, but for preflights that the edge answers', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { Allow: 'GET, SEARCH' }).end('from the origin');
    });
    await using edge = await startTestEdge(origin.url, { methods: 'read-options' });
    expect((await get(edge.httpPort, '/a', {}, 'OPTIONS')).text).toBe('from the origin');
    const preflight = { origin: 'http://a.example', 'access-control-request-method': 'GET' };
    expect((await get(edge.httpPort, '/a', preflight, 'OPTIONS')).status).toBe(204);
    await using bare = await startTestEdge(origin.url, { methods: 'read-options', cors: false });
    expect((await get(bare.httpPort, '/a', preflight, 'OPTIONS')).text).toBe('from the origin');
  });

  it('stream: 60 MB pass an edge whose memory holds none of it, at the pace of an origin that reads slowly', async () => {
    const piece = randomBytes(1_000_000);
    const total = 60;
    const release = gate();
    const hash = createHash('sha256');
    let received = 0;
    await using origin = await startTestOrigin(async (request, response) => {
      request.pause();
      await release.opened;
      for await (const bytes of request) {
        received += (bytes as Buffer).length;
        hash.update(bytes as Buffer);
      }
      response.end('thanks');
    });
    await using edge = await startTestEdge(origin.url, { methods: 'all' });
    const request = httpRequest({
      port: edge.httpPort,
      host: '127.0.0.1',
      path: '/upload',
      method: 'PUT',
      agent: new Agent(),
      headers: { 'content-length': total * piece.length },
    });
    const expected = createHash('sha256');
    let sent = 0;
    const sending = (async () => {
      for (let i = 0; i < total; i++) {
        expected.update(piece);
        sent += piece.length;
        if (!request.write(piece)) await once(request, 'drain');
      }
      request.end();
    })();
    let before = -1;
    await eventually('the viewer is held up', async () => {
      const stands = sent === before;
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return stands && sent === before;
    });
    expect(sent).toBeLessThan(30_000_000);
    release.open();
    await sending;
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect((await readAll(response)).toString()).toBe('thanks');
    expect([received, hash.digest('hex')]).toEqual([total * piece.length, expected.digest('hex')]);
  });

  it('are never sent twice, though the origin breaks off without an answer', async () => {
    await using origin = await startTestOrigin((request) => void request.socket.destroy());
    await using edge = await startTestEdge(origin.url, { methods: 'all' });
    const answer = await get(edge.httpPort, '/a', {}, 'POST', 'once');
    expect([answer.status, answer.text.includes('ORIGIN_RESET')]).toEqual([502, true]);
    expect(answer.headers['cache-status']).toBe('streamfront-test1; fwd=method; detail=ORIGIN_RESET');
    expect(origin.requests).toHaveLength(1);
    // A GET may be: that is what makes the difference.
    await get(edge.httpPort, '/a');
    expect(origin.requests).toHaveLength(4);
  });

  it('an answer that comes before the whole request is passed on, and the connection ends', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(413).end('too much');
    });
    await using edge = await startTestEdge(origin.url, { methods: 'all' });
    const socket = connect(edge.httpPort, '127.0.0.1');
    socket.write('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nonly this');
    const answer = (await readAll(socket as unknown as IncomingMessage)).toString();
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toMatch(/connection: close/i);
    expect(answer).toContain('too much');
  });

  it('a body may take long, but not be sent by drops: then 408, and the origin is left', async () => {
    let gone = false;
    let received = 0;
    await using origin = await startTestOrigin((request) => {
      request.on('data', (bytes: Buffer) => {
        received += bytes.length;
      });
      request.on('error', () => undefined);
      request.on('close', () => {
        gone = true;
      });
    });
    await using edge = await startTestEdge(origin.url, { methods: 'all' });
    const socket = connect(edge.httpPort, '127.0.0.1');
    const answered = readAll(socket as unknown as IncomingMessage);
    socket.write('PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n');
    for (let window = 1; window <= 20; window++) {
      socket.write(Buffer.alloc(40_000));
      await eventually('they are at the origin', () => received === window * 40_000);
      edge.clock.advance(30_000);
    }
    expect(gone).toBe(false);
    socket.write('a drop');
    await eventually('it is at the origin', () => received === 800_006);
    edge.clock.advance(30_000);
    expect((await answered).toString()).toMatch(
      /^HTTP\/1\.1 408 [\s\S]*Connection: close[\s\S]*REQUEST_BODY_TOO_SLOW/i,
    );
    await eventually('the origin is left', () => gone);
  });

  it.each([
    ['POST', 405],
    ['GET', 403],
  ])('a refused %s ends its connection: nobody waits for the rest of its body', async (method, status) => {
    await using origin = await startTestOrigin((_request, response) => void response.end());
    await using edge = await startTestEdge(origin.url);
    const socket = connect(edge.httpPort, '127.0.0.1');
    socket.write(`${method} /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegun`);
    const answer = (await readAll(socket as unknown as IncomingMessage)).toString();
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*connection: close`, 'i'));
  });

  it('a viewer who leaves in the middle of a body breaks off the request at the origin', async () => {
    const began = gate();
    let complete: boolean | undefined;
    await using origin = await startTestOrigin((request) => {
      request.on('data', () => began.open());
      request.on('error', () => undefined);
      request.on('close', () => {
        complete = request.complete;
      });
    });
    await using edge = await startTestEdge(origin.url, { methods: 'all' });
    const socket = connect(edge.httpPort, '127.0.0.1');
    socket.write('PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n');
    await began.opened;
    socket.destroy();
    await eventually('the origin sees it', () => complete === false);
  });

  it('an answer that breaks off breaks off at the viewer', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('only this', () => response.destroy());
    });
    await using edge = await startTestEdge(origin.url, { methods: 'all' });
    await expect(get(edge.httpPort, '/a', {}, 'POST', 'x')).rejects.toThrow();
  });

  it('100 Continue is said when the origin takes the body, and not before a refusal', async () => {
    await using origin = await startTestOrigin(async (request, response) => {
      response.end(`got ${(await readAll(request)).toString()}`);
    });
    await using edge = await startTestEdge(origin.url, { methods: 'all' });
    const request = httpRequest({
      port: edge.httpPort,
      host: '127.0.0.1',
      method: 'PUT',
      agent: new Agent(),
      headers: { expect: '100-continue', 'content-length': 4 },
    });
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    request.flushHeaders();
    await once(request, 'continue');
    request.end('body');
    expect((await readAll((await answered)[0])).toString()).toBe('got body');
    expect(origin.requests[0]?.headers.expect).toBeUndefined();

    await using reading = await startTestEdge(origin.url);
    const socket = connect(reading.httpPort, '127.0.0.1');
    socket.end('PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    expect((await readAll(socket as unknown as IncomingMessage)).toString()).toMatch(/^HTTP\/1\.1 405 /);
  });
});

describe('invalidation by methods that change something (RFC 9111 §4.4)', () => {
  async function stocked(policy: 'standards' | 'cloudfront' = 'standards') {
    const state = { status: 200, fields: {} as Record<string, string> };
    const origin = await startTestOrigin((request, response) => {
      if (request.method === 'GET' || request.method === 'HEAD') {
        response.writeHead(200, { 'Cache-Control': 'max-age=600' }).end(`${request.url} ${origin.requests.length}`);
      } else {
        request.resume();
        response.writeHead(state.status, state.fields).end();
      }
    });
    const edge = await startTestEdge(origin.url, { methods: 'all', policy });
    const isHit = async (path: string) =>
      (await get(edge.httpPort, path)).headers['cache-status']?.includes('hit') === true;
    for (const path of ['/a', '/a?q=1', '/b', '/c']) await get(edge.httpPort, path);
    return {
      state,
      edge,
      isHit,
      ask: (method: string, path = '/a') => get(edge.httpPort, path, {}, method, method === 'DELETE' ? undefined : 'x'),
      [Symbol.asyncDispose]: async () => {
        await edge.close();
        await origin.stop();
      },
    };
  }

  it.each([['POST'], ['PUT'], ['DELETE'], ['PATCH'], ['M-SEARCH'], ['NOTIFY']])(
    '%s drops its own resource',
    async (method) => {
      await using cache = await stocked();
      await cache.ask(method);
      expect([await cache.isHit('/a'), await cache.isHit('/a?q=1'), await cache.isHit('/b')]).toEqual([
        false,
        true,
        true,
      ]);
    },
  );

  it.each([
    [204, false],
    [303, false],
    [304, false],
    [400, true],
    [409, true],
    [500, true],
  ])('an answer of %i leaves what is stored: %s', async (status, stays) => {
    await using cache = await stocked();
    cache.state.status = status;
    await cache.ask('POST');
    expect(await cache.isHit('/a')).toBe(stays);
  });

  it.each([['OPTIONS'], ['PROPFIND'], ['HEAD']])('a safe method, %s, drops nothing', async (method) => {
    await using cache = await stocked();
    await cache.ask(method);
    expect(await cache.isHit('/a')).toBe(true);
  });

  it.each([
    ['Location', '/b', ['/b']],
    ['Content-Location', 'b', ['/b']],
    ['Location', './x/../c', ['/c']],
    ['Location', 'http://EDGE/b', ['/b']],
    ['Location', 'http://other.example/b', []],
    ['Location', 'http://[broken', []],
    ['Content-Location', '//other.example/b', []],
  ])('%s: %s drops %j besides', async (name, value, dropped) => {
    await using cache = await stocked();
    cache.state.fields = { [name]: value.replace('EDGE', `127.0.0.1:${cache.edge.httpPort}`) };
    await cache.ask('POST');
    for (const path of ['/b', '/c'])
      expect([path, await cache.isHit(path)]).toEqual([path, !dropped.includes(path as never)]);
  });

  it('what was being fetched when the answer came is not stored', async () => {
    const hold = gate();
    let version = 1;
    await using origin = await startTestOrigin(async (request, response) => {
      if (request.method === 'POST') {
        version = 2;
        request.resume();
        response.end();
        return;
      }
      const body = `version ${version}`;
      if (version === 1) await hold.opened;
      response.writeHead(200, { 'Cache-Control': 'max-age=600' }).end(body);
    });
    await using edge = await startTestEdge(origin.url, { methods: 'all' });
    const old = get(edge.httpPort, '/a');
    await eventually('it is at the origin', () => origin.requests.length === 1);
    await get(edge.httpPort, '/a', {}, 'POST', 'x');
    expect((await get(edge.httpPort, '/a')).text).toBe('version 2');
    hold.open();
    expect((await old).text).toBe('version 1');
    expect((await get(edge.httpPort, '/a')).text).toBe('version 2');
  });
});

describe('interim answers (RFC 9110 §15.2)', () => {
  it.each([['GET'], ['POST']])(
    '103 and others reach the viewer before the answer to a %s, and are not stored',
    async (method) => {
      await using origin = await startTestOrigin((_request, response) => {
        response.writeInformation(103, ['Link', '</style.css>; rel=preload', 'Connection', 'X-Hop', 'X-Hop', '1']);
        response.writeInformation(104, { 'X-Progress': '50' });
        response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('page');
      });
      await using edge = await startTestEdge(origin.url, { methods: 'all' });
      const ask = async () => {
        const told: { statusCode: number; headers: object }[] = [];
        const request = httpRequest({ port: edge.httpPort, host: '127.0.0.1', method, agent: new Agent() });
        request.on('information', ({ statusCode, headers }) => told.push({ statusCode, headers }));
        request.end();
        const [response] = (await once(request, 'response')) as [IncomingMessage];
        return { told, text: (await readAll(response)).toString() };
      };
      expect(await ask()).toEqual({
        told: [
          { statusCode: 103, headers: { link: '</style.css>; rel=preload' } },
          { statusCode: 104, headers: { 'x-progress': '50' } },
        ],
        text: 'page',
      });
      if (method === 'GET') expect(await ask()).toEqual({ told: [], text: 'page' });
    },
  );

  it('do not reach a viewer who speaks HTTP/1.0', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeInformation(103, { Link: '</a>; rel=preload' });
      response.end('page');
    });
    await using edge = await startTestEdge(origin.url);
    const socket = connect(edge.httpPort, '127.0.0.1');
    socket.write('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    expect((await readAll(socket as unknown as IncomingMessage)).toString()).toMatch(/^HTTP\/1\.1 200 /);
  });
});
