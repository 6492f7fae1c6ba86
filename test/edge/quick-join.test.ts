import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { rawClient, type RawClient } from '../http/test-listener.ts';
import { eventually } from '../support/condition.ts';
import { get, startTestEdge, startTestOrigin, type TestEdge, type TestOrigin } from './test-edge.ts';

const host = 'Host: a.example';

/** An origin that holds what it is asked until a test answers. */
async function holdingOrigin(): Promise<{ origin: TestOrigin; held: ServerResponse[] }> {
  const held: ServerResponse[] = [];
  return { origin: await startTestOrigin((_request, response) => void held.push(response)), held };
}

/** A request on a connection of its own; a field that the recogniser does not know sends it the slow way. */
function ask(edge: TestEdge, target: string, lines: readonly string[] = [host], slowly = false): RawClient {
  const client = rawClient(edge.httpPort);
  const fields = [...lines, ...(slowly ? ['X-Unknown: 1'] : [])].map((line) => `${line}\r\n`).join('');
  client.socket.write(`GET ${target} HTTP/1.1\r\n${fields}\r\n`, 'latin1');
  return client;
}

async function waiting(edge: TestEdge, requests: number): Promise<void> {
  await eventually(`${requests} requests`, () => edge.stats().counters.requests === requests);
}

/** A viewer that the origin is asked for, and then one of each kind for the same. */
async function crowd(edge: TestEdge, target: string, lines: readonly string[] = [host]) {
  const before = edge.stats().counters.requests;
  const first = ask(edge, target, lines, true);
  await waiting(edge, before + 1);
  const slow = ask(edge, target, lines, true);
  const quick = ask(edge, target, lines);
  await waiting(edge, before + 3);
  return { first, slow, quick };
}

/** Without what tells any two answers apart. */
function common(text: string): string {
  return text.replaceAll(/(?<=\r\nX-Request-Id: )[^\r]+/g, '…');
}

/** The same lines, in any order, and the same body. */
function parts(text: string): { head: string[]; body: string } {
  const [head = '', ...body] = common(text).split('\r\n\r\n');
  return { head: head.split('\r\n').sort(), body: body.join('\r\n\r\n') };
}

async function whole(client: RawClient, end: string): Promise<string> {
  return eventually(`an answer up to ${end}`, () => (client.text().endsWith(end) ? client.text() : undefined));
}

const fresh = { 'Content-Type': 'video/mp4', 'Cache-Control': 'public, max-age=60', ETag: '"a"' };

describe('a plain GET for what others wait for', () => {
  it.each<[string, number, Record<string, string>, readonly string[]]>([
    ['a response that is stored', 200, fresh, [host]],
    ['a response that is shared once', 200, { 'Cache-Control': 'max-age=0' }, [host]],
    ['a variant by Accept-Encoding', 200, { ...fresh, Vary: 'Accept-Encoding' }, [host, 'Accept-Encoding: gzip']],
    ['a variant by another field', 200, { ...fresh, Vary: 'Accept-Language' }, [host, 'Accept-Language: de']],
    ['a response that says nothing about time', 200, {}, [host]],
    ['a redirect', 302, { Location: '/b' }, [host]],
    ['an error', 404, {}, [host]],
    ['fields with obsolete text', 200, { ...fresh, 'X-Text': 'sch\xf6n' }, [host]],
  ])('is given %s as the slow way gives it, byte by byte', async (_what, status, fields, lines) => {
    const { origin, held } = await holdingOrigin();
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url, { requestFields: ['Accept-Language'] });
    const { first, slow, quick } = await crowd(edge, '/a', lines);
    held[0]?.writeHead(status, { ...fields, 'Content-Length': 8 }).end('the body');
    const [expected, given] = await Promise.all([slow, quick].map((client) => whole(client, 'the body')));
    expect(common(given ?? '')).toBe(common(expected ?? ''));
    expect(given).toContain('; collapsed');
    await whole(first, 'the body');
    expect(origin.requests).toHaveLength(1);
    await eventually('the records', () => edge.stats().requests.requests === 3);
    const { counters, quickJoins, requests } = edge.stats();
    expect([counters.requests, counters.hits, counters.misses, quickJoins]).toEqual([3, 2, 1, 1]);
    const byResult = status === 404 ? { Error: 3 } : { Hit: 2, Miss: 1 };
    expect(requests).toMatchObject({ brokenOff: 0, byResult });
    for (const { socket } of [first, slow, quick]) socket.destroy();
  });

  it('is given the variant of what it accepts, in whatever words it says so, and no other', async () => {
    const { origin, held } = await holdingOrigin();
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url);
    const lines = (accepted: string) => [host, `Accept-Encoding: ${accepted}`];
    const first = ask(edge, '/a', lines('gzip'), true);
    await waiting(edge, 1);
    const zipping = ['gzip, br', 'gzip, br', 'br, GZIP;q=0.5', '*'].map((said) => ask(edge, '/a', lines(said)));
    const plain = ['br', 'br', 'gzip;q=0'].map((said) => ask(edge, '/a', lines(said)));
    plain.push(ask(edge, '/a'));
    await waiting(edge, 9);
    const answer = { ...fresh, Vary: 'Accept-Encoding', 'Content-Length': 8 };
    held[0]?.writeHead(200, { ...answer, 'Content-Encoding': 'gzip' }).end('squeezed');
    await eventually('the question for the others', () => held.length === 2);
    held[1]?.writeHead(200, answer).end('as it is');
    for (const client of [first, ...zipping]) expect(await whole(client, 'squeezed')).toContain('Encoding: gzip');
    for (const client of plain) expect(await whole(client, 'as it is')).not.toContain('Encoding: gzip');
    expect(origin.requests.map(({ headers }) => headers['accept-encoding'])).toEqual(['gzip', undefined]);
    for (const { socket } of [first, ...zipping, ...plain]) socket.destroy();
  });

  it('is given a body of unknown length in chunks', async () => {
    const { origin, held } = await holdingOrigin();
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url);
    const { slow, quick } = await crowd(edge, '/a');
    held[0]?.writeHead(200, fresh);
    held[0]?.write('the first, ');
    await eventually('the first piece', () => quick.text().includes('the first, '));
    held[0]?.end('the second');
    const [expected, given] = await Promise.all([slow, quick].map((client) => whole(client, '0\r\n\r\n')));
    expect(parts(given ?? '')).toEqual(parts(expected ?? ''));
    expect(parts(given ?? '').body).toBe('b\r\nthe first, \r\na\r\nthe second\r\n0\r\n\r\n');
  });

  it.each([
    ['an empty body', 200, '0'],
    ['an answer without a body', 204, undefined],
  ])('is given %s', async (_what, status, length) => {
    const { origin, held } = await holdingOrigin();
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url);
    const { slow, quick } = await crowd(edge, '/a');
    held[0]?.writeHead(status, length === undefined ? fresh : { ...fresh, 'Content-Length': length }).end();
    const [expected, given] = await Promise.all([slow, quick].map((client) => whole(client, '\r\n\r\n')));
    expect(common(given ?? '')).toBe(common(expected ?? ''));
    expect(edge.stats().quickJoins).toBe(1);
  });

  it('is given the head before there is a body, and each piece as it comes', async () => {
    const { origin, held } = await holdingOrigin();
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url);
    const { quick } = await crowd(edge, '/a');
    held[0]?.writeHead(200, { ...fresh, 'Content-Length': 3 }).flushHeaders();
    await whole(quick, '\r\n\r\n');
    for (const piece of ['a', 'b', 'c']) {
      held[0]?.write(piece);
      await whole(quick, piece);
    }
  });

  it('is given interim answers', async () => {
    const { origin, held } = await holdingOrigin();
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url);
    const { slow, quick } = await crowd(edge, '/a');
    held[0]?.writeInformation(103, { Link: '</a>; rel=preload' });
    await eventually('both', () => quick.text() !== '' && slow.text() !== '');
    expect(quick.text()).toBe(slow.text());
    expect(quick.text()).toBe('HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n');
    held[0]?.writeHead(200, { ...fresh, 'Content-Length': 1 }).end('x');
    expect(common(await whole(quick, 'x'))).toBe(common(await whole(slow, 'x')));
  });

  it('is answered in order with what was asked behind it', async () => {
    const { origin, held } = await holdingOrigin();
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url);
    const { quick } = await crowd(edge, '/a');
    for (const target of ['/a', '/b', '/a']) quick.socket.write(`GET ${target} HTTP/1.1\r\n${host}\r\n\r\n`);
    held[0]?.writeHead(200, { ...fresh, 'Content-Length': 1 }).end('x');
    await eventually('the other is asked for', () => held.length === 2);
    held[1]?.writeHead(200, { ...fresh, 'Content-Length': 1 }).end('y');
    await eventually('four answers', () => quick.text().match(/HTTP\/1\.1 200/g)?.length === 4);
    await eventually('the last body', () => quick.text().endsWith('\r\n\r\nx'));
    expect(quick.text().match(/(?<=\r\n\r\n)[xy]/g)).toEqual(['x', 'x', 'y', 'x']);
  });

  it.each<[string, (held: ServerResponse) => void]>([
    ['a failure of the origin', (held) => held.socket?.destroy()],
    ['an answer for the first alone', (held) => held.writeHead(200, { 'Cache-Control': 'private' }).end('mine')],
    ['another variant', (held) => held.writeHead(200, { ...fresh, Vary: 'Accept-Language' }).end('other')],
  ])('goes the slow way after %s, and is counted once', async (_what, answer) => {
    const { origin, held } = await holdingOrigin();
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url, { requestFields: ['Accept-Language'] });
    const first = ask(edge, '/a', [host, 'Accept-Language: de'], true);
    await eventually('it is asked for', () => held.length === 1);
    const quick = ask(edge, '/a', [host, 'Accept-Language: fr']);
    await waiting(edge, 2);
    origin.answer = (_request, response) => void response.writeHead(200, fresh).end('for another');
    for (const response of held) answer(response);
    await eventually('an answer', () => /\r\n\r\n[^]/.test(quick.text()));
    await eventually("the first one's", () => first.text() !== '');
    expect(quick.text()).toMatch(/^HTTP\/1\.1 (?:200 OK|502 Bad Gateway)\r\n[^]*(?:for another|ORIGIN_)/);
    expect(edge.stats().quickJoins).toBe(0);
    expect(edge.stats().counters.requests).toBe(2);
  });

  it.each<[string, (socket: Socket) => unknown]>([
    ['cuts its connection', (socket) => socket.destroy()],
    ['asks for nothing more', (socket) => socket.end()],
  ])('is not waited for any more when its viewer %s', async (_what, leave) => {
    const { origin, held } = await holdingOrigin();
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url);
    const { first, slow, quick } = await crowd(edge, '/a');
    let gone = false;
    held[0]?.on('close', () => (gone = true));
    first.socket.destroy();
    slow.socket.destroy();
    await eventually('their records', () => edge.stats().requests.requests === 2);
    expect(gone).toBe(false);
    leave(quick.socket);
    await eventually('the end at the origin', () => gone);
    expect(await quick.closed()).toBe('');
    expect(edge.stats().requests).toMatchObject({ requests: 3, brokenOff: 3, byStatusClass: { none: 3 } });
  });

  it('breaks off with the origin, and says so in its record', async () => {
    const { origin, held } = await holdingOrigin();
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url);
    const { quick } = await crowd(edge, '/a');
    held[0]?.writeHead(200, { ...fresh, 'Content-Length': 10 }).write('half');
    await whole(quick, 'half');
    held[0]?.socket?.destroy();
    expect(await quick.closed()).toMatch(/half$/);
    await eventually('the records', () => edge.stats().requests.brokenOff === 3);
  });

  it('is answered before the edge closes', async () => {
    const { origin, held } = await holdingOrigin();
    await using _origin = origin;
    const edge = await startTestEdge(origin.url);
    const { quick } = await crowd(edge, '/a');
    const closed = edge.close();
    held[0]?.writeHead(200, { ...fresh, 'Content-Length': 4 }).end('last');
    expect(await quick.closed()).toMatch(/last$/);
    await closed;
  });
});

describe('a plain GET for what is arriving', () => {
  it('is given what is there and what comes, as the slow way gives it', async () => {
    const { origin, held } = await holdingOrigin();
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url);
    const { quick: early } = await crowd(edge, '/a');
    held[0]?.writeHead(200, { ...fresh, 'Content-Length': 11 }).write('begun ');
    await whole(early, 'begun ');
    const slow = ask(edge, '/a', [host], true);
    const quick = ask(edge, '/a');
    await Promise.all([slow, quick].map((client) => whole(client, 'begun ')));
    held[0]?.end('ended');
    const [expected, given] = await Promise.all([slow, quick].map((client) => whole(client, 'ended')));
    expect(common(given ?? '')).toBe(common(expected ?? ''));
    expect(given).toContain('; hit; ttl=');
    expect(edge.stats().quickJoins).toBe(2);
    expect((await get(edge.httpPort, '/a')).text).toBe('begun ended');
    expect(origin.requests).toHaveLength(1);
  });

  it('is given a large object that is kept in slices', async () => {
    const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => 33 + (index % 89)));
    const { origin, held } = await holdingOrigin();
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url, {}, { cache: { maxObject: '1MiB' } });
    const { slow, quick } = await crowd(edge, '/a');
    held[0]?.writeHead(200, { ...fresh, 'Content-Length': body.length }).write(body.subarray(0, 10));
    await whole(quick, body.toString('latin1', 0, 10));
    held[0]?.end(body.subarray(10));
    const end = body.toString('latin1', body.length - 100);
    const [expected, given] = await Promise.all([slow, quick].map((client) => whole(client, end)));
    expect(common(given ?? '') === common(expected ?? '')).toBe(true);
    expect(given?.slice(given.indexOf('\r\n\r\n') + 4) === body.toString('latin1')).toBe(true);
    expect(edge.stats().quickJoins).toBe(1);
  });

  it('waits for a viewer that does not read, and holds up nobody else', async () => {
    const body = Buffer.alloc(20_000_000, 'abcdefgh');
    const { origin, held } = await holdingOrigin();
    await using _origin = origin;
    await using edge = await startTestEdge(origin.url);
    const { quick } = await crowd(edge, '/a');
    quick.socket.pause();
    const other = ask(edge, '/a');
    await waiting(edge, 4);
    held[0]?.writeHead(200, { ...fresh, 'Content-Length': body.length }).end(body);
    await eventually('the other has all', () => other.text().length > body.length);
    expect(quick.text().length).toBeLessThan(body.length);
    quick.socket.resume();
    await eventually('all', () => quick.text().length > body.length);
    expect(quick.text().endsWith(body.toString('latin1'))).toBe(true);
    expect(edge.stats().quickJoins).toBe(2);
  });
});
