import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { gate, get, openGet, readAll, startTestEdge, startTestOrigin } from './test-edge.ts';

const segment = randomBytes(2_000_000);
/** Of what hundreds get: their clients, all in this process, cost far more than the edge. */
const cold = segment.subarray(0, 600_000);
const immutable = { 'Cache-Control': 'public, max-age=31536000, immutable' };

describe('requests for one key at the same time', () => {
  it.each([
    ['an announced length', { 'Content-Length': cold.length }],
    ['a chunked body', {}],
  ])(
    '500 viewers of a cold segment with %s: one origin request, and bytes before the origin has sent its last',
    async (_what, length) => {
      const viewersHaveBytes = gate();
      let lastByteSent = false;
      await using origin = await startTestOrigin(async (_request, response) => {
        response.writeHead(200, { ...immutable, ...length });
        response.write(cold.subarray(0, 200_000));
        // The rest is held back until viewers have seen the beginning.
        await viewersHaveBytes.opened;
        for (let at = 200_000; at < cold.length; at += 100_000) {
          if (!response.write(cold.subarray(at, at + 100_000))) await once(response, 'drain');
        }
        lastByteSent = true;
        response.end();
      });
      await using edge = await startTestEdge(origin.url);

      let begun = 0;
      const bodies = await Promise.all(
        Array.from({ length: 500 }, async () => {
          const response = await openGet(edge.httpPort, '/live/demo/1.m4s');
          const hash = createHash('sha256');
          let first = true;
          for await (const piece of response) {
            if (first) {
              first = false;
              begun++;
              expect(lastByteSent).toBe(false);
              if (begun === 500) viewersHaveBytes.open();
            }
            hash.update(piece as Buffer);
          }
          return { hash: hash.digest('hex'), xCache: response.headers['x-cache'] };
        }),
      );

      expect(origin.requests).toHaveLength(1);
      expect(new Set(bodies.map(({ hash }) => hash))).toEqual(
        new Set([createHash('sha256').update(cold).digest('hex')]),
      );
      expect(bodies.filter(({ xCache }) => xCache === 'Miss from streamfront')).toHaveLength(1);
      expect(bodies.filter(({ xCache }) => xCache === 'Hit from streamfront')).toHaveLength(499);
      const later = await get(edge.httpPort, '/live/demo/1.m4s');
      expect(later.body.equals(cold)).toBe(true);
      expect(later.headers['content-length']).toBe(String(cold.length));
      expect(origin.requests).toHaveLength(1);
      expect(edge.stats().cache).toMatchObject({ objects: 1, reservedBytes: 0 });
    },
  );

  it('a blocked playlist reload waits at the origin once, and releases all viewers, whatever they accept', async () => {
    let blocked: ServerResponse | undefined;
    await using origin = await startTestOrigin((request, response) => {
      const headers = { 'Cache-Control': 'max-age=12', Vary: 'Accept-Encoding' };
      if (blocked === undefined) blocked = response;
      else response.writeHead(200, headers).end(`playlist for ${request.headers['accept-encoding'] ?? 'identity'}`);
    });
    await using edge = await startTestEdge(origin.url, { query: ['_HLS_msn', '_HLS_part'] });
    const path = '/live/demo/video.m3u8?_HLS_msn=7&_HLS_part=2';
    const zipped = Array.from({ length: 100 }, () =>
      get(edge.httpPort, path, { 'accept-encoding': 'gzip, deflate, br' }),
    );
    await eventually('the first reload is at the origin', () => blocked);
    const plain = Array.from({ length: 100 }, () => get(edge.httpPort, path));
    await eventually('all are there', () => edge.stats().counters.requests === 200);
    expect(origin.requests).toHaveLength(1);
    blocked?.writeHead(200, { 'Cache-Control': 'max-age=12', Vary: 'Accept-Encoding' }).end('playlist for gzip');
    expect(new Set((await Promise.all(zipped)).map(({ text }) => text))).toEqual(new Set(['playlist for gzip']));
    expect(new Set((await Promise.all(plain)).map(({ text }) => text))).toEqual(new Set(['playlist for identity']));
    // One for each variant; the second did not block.
    expect(origin.requests).toHaveLength(2);
  });

  it('a private answer is given to the viewer it was for; everybody else asks alone, then and for the next seconds', async () => {
    let count = 0;
    const held: (() => void)[] = [];
    let hold = true;
    await using origin = await startTestOrigin((_request, response) => {
      const mine = `secret ${count++}`;
      const send = () => void response.writeHead(200, { 'Cache-Control': 'private, max-age=60' }).end(mine);
      if (hold) held.push(send);
      else send();
    });
    await using edge = await startTestEdge(origin.url);
    const answers = Array.from({ length: 20 }, () => get(edge.httpPort, '/account'));
    await eventually('all wait', () => edge.stats().counters.requests === 20 && held.length === 1);
    hold = false;
    held[0]?.();
    const texts = (await Promise.all(answers)).map(({ text }) => text);
    expect(new Set(texts).size).toBe(20);
    expect(origin.requests).toHaveLength(20);

    // For the next seconds nobody waits for anybody: two requests are at the origin at the same time.
    hold = true;
    const next = [get(edge.httpPort, '/account'), get(edge.httpPort, '/account')];
    await eventually('both are at the origin', () => held.length === 3);
    for (const send of held.slice(1)) send();
    expect(new Set((await Promise.all(next)).map(({ text }) => text)).size).toBe(2);
  });

  it.each([
    ['Set-Cookie', { 'Set-Cookie': 'session=1', 'Cache-Control': 'max-age=60' }],
    ['no-store', { 'Cache-Control': 'no-store' }],
    ['no-cache', { 'Cache-Control': 'no-cache' }],
    ['Vary: *', { 'Cache-Control': 'max-age=60', Vary: 'Origin, *' }],
  ])('an answer with %s is never shared and never stored', async (_what, headers) => {
    let count = 0;
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, headers).end(`answer ${count++}`);
    });
    await using edge = await startTestEdge(origin.url);
    const texts = (await Promise.all(Array.from({ length: 10 }, () => get(edge.httpPort, '/a')))).map(
      ({ text }) => text,
    );
    expect(new Set(texts).size).toBe(10);
    expect((await get(edge.httpPort, '/a')).text).toBe('answer 10');
    expect(edge.stats().cache.objects).toBe(0);
  });

  it('answers 503 to a viewer beyond the bound of waiting ones, and says so', async () => {
    const release = gate();
    await using origin = await startTestOrigin(async (_request, response) => {
      await release.opened;
      response.writeHead(200, immutable).end('late');
    });
    await using edge = await startTestEdge(origin.url, {}, { cache: { maxWaiting: 3 } });
    const waiting = Array.from({ length: 3 }, () => get(edge.httpPort, '/a'));
    await eventually('three wait', () => edge.stats().counters.requests === 3);
    const refused = await get(edge.httpPort, '/a');
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
    expect(refused.text).toContain('Too many viewers are waiting');
    release.open();
    expect((await Promise.all(waiting)).map(({ text }) => text)).toEqual(['late', 'late', 'late']);
  });
});

describe('viewers who leave', () => {
  it('the last one to leave a blocked reload ends the request to the origin, one of two does not', async () => {
    const blocked: { request: IncomingMessage; response: ServerResponse }[] = [];
    await using origin = await startTestOrigin((request, response) => void blocked.push({ request, response }));
    await using edge = await startTestEdge(origin.url);
    const stay = new AbortController();
    const go = new AbortController();
    const ask = (signal: AbortSignal) => fetch(`http://127.0.0.1:${edge.httpPort}/a`, { signal }).catch(() => 'left');
    const first = ask(go.signal);
    const second = ask(stay.signal);
    await eventually('both wait', () => edge.stats().counters.requests === 2 && blocked.length === 1);
    let originGone = false;
    blocked[0]?.response.on('close', () => {
      originGone = true;
    });
    go.abort();
    expect(await first).toBe('left');
    // Somebody who comes now still joins the fetch that the first viewer began.
    const third = get(edge.httpPort, '/a');
    await eventually('the third waits', () => edge.stats().counters.requests === 3);
    expect([blocked.length, originGone]).toEqual([1, false]);
    stay.abort();
    expect(await second).toBe('left');
    blocked[0]?.response.writeHead(200, immutable).end('for the third');
    expect((await third).text).toBe('for the third');

    const alone = new AbortController();
    const last = fetch(`http://127.0.0.1:${edge.httpPort}/b`, { signal: alone.signal }).catch(() => 'left');
    const request = await eventually('it is at the origin', () => blocked[1]);
    const closed = once(request.response, 'close');
    alone.abort();
    expect(await last).toBe('left');
    await closed;
    expect(request.response.writableEnded).toBe(false);
  });

  it('an uncacheable body ends at the origin when its viewer has left', async () => {
    const began = gate();
    const closed = gate();
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'no-store' });
      response.write('begun');
      response.on('close', () => closed.open());
      began.open();
    });
    await using edge = await startTestEdge(origin.url);
    const response = await openGet(edge.httpPort, '/endless');
    await began.opened;
    response.destroy();
    await closed.opened;
    await eventually('nothing is reserved', () => edge.stats().cache.reservedBytes === 0);
  });

  it('a cacheable body that has begun to arrive fills the store though its only viewer has left', async () => {
    const left = gate();
    await using origin = await startTestOrigin(async (_request, response) => {
      response.writeHead(200, { ...immutable, 'Content-Length': segment.length });
      response.write(segment.subarray(0, 1_000_000));
      await left.opened;
      response.end(segment.subarray(1_000_000));
    });
    await using edge = await startTestEdge(origin.url);
    const response = await openGet(edge.httpPort, '/a');
    response.on('error', () => undefined);
    response.destroy();
    await once(response, 'close');
    left.open();
    await eventually('it is stored', () => edge.stats().cache.objects === 1);
    expect((await get(edge.httpPort, '/a')).body.equals(segment)).toBe(true);
    expect(origin.requests).toHaveLength(1);
  });

  it('the others finish when one leaves in the middle of the body', async () => {
    const left = gate();
    await using origin = await startTestOrigin(async (_request, response) => {
      response.writeHead(200, { ...immutable, 'Content-Length': segment.length });
      response.write(segment.subarray(0, 1_000_000));
      await left.opened;
      response.end(segment.subarray(1_000_000));
    });
    await using edge = await startTestEdge(origin.url);
    const [goes, stays] = await Promise.all([openGet(edge.httpPort, '/a'), openGet(edge.httpPort, '/a')]);
    goes.on('error', () => undefined);
    goes.destroy();
    await once(goes, 'close');
    left.open();
    expect((await readAll(stays)).equals(segment)).toBe(true);
  });
});

describe('viewers who read slowly', () => {
  it('hold up the origin when the body is theirs alone, so that memory stays bounded', async () => {
    const piece = Buffer.alloc(262_144, 7);
    let written = 0;
    const total = 400 * piece.length;
    await using origin = await startTestOrigin(async (_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'no-store', 'Content-Length': total });
      for (let i = 0; i < 400; i++) {
        written += piece.length;
        if (!response.write(piece)) await once(response, 'drain');
      }
      response.end();
    });
    await using edge = await startTestEdge(origin.url);
    const response = await openGet(edge.httpPort, '/big');
    let before = -1;
    await eventually('the origin is held up', async () => {
      const stands = written === before;
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return stands && written === before;
    });
    // The sockets' own buffers hold a few MB; the rest of the 100 MB waits at the origin.
    expect(written).toBeLessThan(40_000_000);
    const body = await readAll(response);
    expect(body.length).toBe(total);
  });

  it('hold up nobody else when the body is shared', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { ...immutable, 'Content-Length': 20_000_000 }).end(Buffer.alloc(20_000_000, 3));
    });
    await using edge = await startTestEdge(origin.url);
    const [slow, fast] = await Promise.all([openGet(edge.httpPort, '/a'), openGet(edge.httpPort, '/a')]);
    expect((await readAll(fast)).length).toBe(20_000_000);
    expect((await readAll(slow)).length).toBe(20_000_000);
    expect(origin.requests).toHaveLength(1);
  });

  it('a body larger than may be kept is passed on, not stored, and nothing stays reserved', async () => {
    const large = randomBytes(6_000_000);
    await using origin = await startTestOrigin((request, response) => {
      const length = request.url === '/announced' ? { 'Content-Length': large.length } : {};
      response.writeHead(200, { ...immutable, ...length });
      response.end(large);
    });
    await using edge = await startTestEdge(origin.url, {}, { cache: { memory: '8MiB', maxObject: '1MiB' } });
    for (const path of ['/announced', '/chunked']) {
      const bodies = await Promise.all([get(edge.httpPort, path), get(edge.httpPort, path)]);
      for (const { body } of bodies) expect(body.equals(large)).toBe(true);
    }
    expect(edge.stats().cache).toMatchObject({ objects: 0, bytes: 0, reservedBytes: 0 });
  });
});
