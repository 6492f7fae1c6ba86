import { describe, expect, it } from 'vitest';
import { exchange, rawClient } from '../http/test-listener.ts';
import { eventually } from '../support/condition.ts';
import { get, startTestEdge, startTestOrigin, type TestEdge, type TestOrigin } from './test-edge.ts';

function testOrigin(fields: Record<string, string | string[]> = {}, body = 'the body'): Promise<TestOrigin> {
  return startTestOrigin((request, response) => {
    response.writeHead(200, {
      'Content-Type': 'application/vnd.apple.mpegurl',
      'Cache-Control': 'public, max-age=60',
      ETag: '"a"',
      ...fields,
    });
    response.end(
      request.url?.startsWith('/empty') === true ? '' : `${body}${request.headers['accept-encoding'] ?? ''}`,
    );
  });
}

/** One answer on a connection of its own, without what tells any two answers apart. */
async function ask(edge: TestEdge, target: string, lines: readonly string[], slowly: boolean): Promise<string> {
  // A field that the recogniser does not know sends a request the whole way.
  const fields = [...lines, ...(slowly ? ['X-Unknown: 1'] : [])].map((line) => `${line}\r\n`).join('');
  const { socket, text, closed } = rawClient(edge.httpPort);
  socket.write(`GET ${target} HTTP/1.1\r\n${fields}\r\n`, 'latin1');
  await eventually('a whole answer', () => {
    const head = /^([^]*?\r\n)\r\n/.exec(text())?.[1];
    const length = Number(/\r\nContent-Length: (\d+)\r\n/.exec(head ?? '')?.[1] ?? 0);
    return head !== undefined && text().length >= head.length + 2 + length;
  });
  socket.destroy();
  return (await closed()).replace(/(?<=\r\nX-Request-Id: )[^\r]+/, '…');
}

describe('a quick hit', () => {
  const host = 'Host: a.example';
  it.each([
    ['a plain request', '/a', [host]],
    ['a request of a browser', '/a', [host, 'User-Agent: x (y)', 'Accept: */*', 'Accept-Language: de', 'Cookie: a=b']],
    ['a request that takes gzip', '/a', [host, 'Accept-Encoding: gzip, deflate, br']],
    ['a path that has to be normalised', '/x/../%61', [host]],
    ['a query that is no part of the key', '/a?b=c', [host]],
    ['a host with a port', '/a', ['Host: a.example:8080']],
    ['a request through a proxy', '/a', [host, 'X-Forwarded-For: 192.0.2.1']],
    ['an empty body', '/empty', [host]],
  ])('answers %s as the slow way does, byte by byte', async (_what, target, lines) => {
    await using origin = await testOrigin();
    await using edge = await startTestEdge(origin.url);
    await ask(edge, target, lines, true);
    for (const seconds of [0, 1, 7.5]) {
      edge.clock.advance(seconds * 1_000);
      const slow = await ask(edge, target, lines, true);
      const before = edge.stats().quickHits;
      const quick = await ask(edge, target, lines, false);
      expect(edge.stats().quickHits).toBe(before + 1);
      expect(quick).toBe(slow);
      expect(quick).toContain('X-Cache: Hit from streamfront');
    }
    const { counters, requests } = edge.stats();
    expect([counters.requests, counters.hits, counters.misses]).toEqual([7, 6, 1]);
    expect(requests).toMatchObject({ requests: 7, byResult: { Hit: 6, Miss: 1 } });
  });

  it.each([
    ['fields with obsolete text', { 'X-Text': 'sch\xf6n' }, 'x'],
    ['two fields of one name', { 'X-Two': ['a', 'b'] }, 'x'],
    ['a variant by Accept-Encoding', { Vary: 'Accept-Encoding' }, 'x'],
    ['fields that the edge says itself', { 'Accept-Ranges': 'bytes', 'X-Cache': 'Hit from origin', Age: '0' }, 'x'],
    ['fields that go on into those of the edge', { Via: '1.1 origin', 'Cache-Status': 'origin; hit' }, 'x'],
    ['what the origin says of other sites', { 'Access-Control-Allow-Origin': 'https://a.example' }, 'x'],
    ['no type', { 'Content-Type': [] }, 'x'],
    ['a body of 100 kB', {}, 'x'.repeat(100_000)],
    ['a body of bytes above 127', {}, 'ü'.repeat(50)],
  ])('sends %s as the slow way does', async (_what, fields, body) => {
    await using origin = await testOrigin(fields, body);
    await using edge = await startTestEdge(origin.url);
    for (const lines of [[host], [host, 'Accept-Encoding: gzip']]) {
      await ask(edge, '/a', lines, true);
      const slow = await ask(edge, '/a', lines, true);
      // What is asked for again within a second is kept.
      for (let i = 0; i < 3; i++) expect(await ask(edge, '/a', lines, false)).toBe(slow);
    }
    expect(edge.stats().quickHits).toBe(6);
  });

  it.each<[string, Record<string, string>, string[], string]>([
    ['a stale response', { 'Cache-Control': 'max-age=0' }, [host], '/a'],
    ['a response that varies by another field', { Vary: 'Accept-Language' }, [host], '/a'],
    ['a path of the listener', {}, [host], '/healthz'],
    ['a path of the edge', {}, [host], '/streamfront.json'],
    ['a path of a live stream', {}, [host], '/live/a.flv'],
  ])('leaves %s to the slow way', async (_what, fields, lines, target) => {
    await using origin = await testOrigin(fields);
    await using edge = await startTestEdge(origin.url);
    for (let i = 0; i < 3; i++) await get(edge.httpPort, target, {});
    await ask(edge, target, lines, false);
    expect(edge.stats().quickHits).toBe(0);
  });

  it('finds the object of a target by host, whoever asked before', async () => {
    await using a = await testOrigin({}, 'of a');
    await using b = await testOrigin({}, 'of b');
    await using edge = await startTestEdge(
      a.url,
      {},
      {
        origins: { a: { url: a.url }, b: { url: b.url } },
        distributions: ['a', 'b'].map((name) => ({
          name,
          hosts: [`${name}.example`],
          behaviours: [{ origin: name }],
        })),
      },
    );
    for (const name of ['a', 'b']) await get(edge.httpPort, '/x', { host: `${name}.example` });
    for (const name of ['a', 'b', 'b', 'a', 'b']) {
      const answer = await ask(edge, '/x', [`Host: ${name}.example`], false);
      expect(answer.split('\r\n\r\n')[1]).toBe(`of ${name}`);
    }
    expect(edge.stats().quickHits).toBe(5);
    expect(await ask(edge, '/x', ['Host: c.example'], false)).toMatch(/^HTTP\/1\.1 4/);
  });

  it('is no longer given once the response was banned or is stale', async () => {
    await using origin = await testOrigin();
    await using edge = await startTestEdge(origin.url);
    const verdict = async () => / (\w+) from streamfront/.exec(await ask(edge, '/a', [host], false))?.[1];
    expect([await verdict(), await verdict()]).toEqual(['Miss', 'Hit']);
    edge.invalidations.create({ distribution: undefined, items: ['/a'] });
    expect([await verdict(), await verdict()]).toEqual(['Miss', 'Hit']);
    edge.clock.advance(61_000);
    expect([await verdict(), await verdict()]).toEqual(['Miss', 'Hit']);
  });

  it('answers several requests that came at once in order, and the last as it asks', async () => {
    await using origin = await testOrigin();
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/a');
    const one = `GET /a HTTP/1.1\r\n${host}\r\n`;
    const answer = await exchange(
      edge.httpPort,
      `${one}\r\n${one}\r\n${one}If-None-Match: "a"\r\nConnection: close\r\n\r\n`,
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 304']);
    expect(edge.stats().quickHits).toBe(2);
  });
});
