import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { edgeSchema } from '../../../src/edge/settings.ts';
import { rawClient } from '../../http/test-listener.ts';
import { eventually } from '../../support/condition.ts';
import { cannedGrant, grantSigner, trusting } from '../../support/grant-signer.ts';
import { get, startTestEdge, startTestOrigin, type TestEdge, type TestOrigin } from '../test-edge.ts';

const nobodyExempt = { exempt: [] };

function limitedEdge(origin: TestOrigin, limits: object, behaviour: object = {}, rest: object = {}): Promise<TestEdge> {
  return startTestEdge(
    origin.url,
    {},
    { limits: nobodyExempt, distributions: [{ name: 'site', limits, behaviours: [behaviour] }], ...rest },
  );
}

function cachingOrigin(body = 'x'): Promise<TestOrigin> {
  return startTestOrigin((_request, response) => {
    response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Content-Type': 'text/plain' });
    response.end(body);
  });
}

/** Plain GETs on one connection, the status of each. */
async function statuses(edge: TestEdge, target: string, count: number): Promise<string[]> {
  const { socket, text } = rawClient(edge.httpPort);
  const heads = () => [...text().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status ?? '');
  for (let i = 1; i <= count; i++) {
    socket.write(`GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
    await eventually('an answer', () => heads().length === i);
  }
  socket.destroy();
  return heads();
}

describe('limits of requests', () => {
  it('answer 429 with Retry-After on the fast path and on the slow one, and let in who has waited', async () => {
    await using origin = await cachingOrigin();
    await using edge = await limitedEdge(origin, { perAddress: { requestsPerSecond: 0.5, burst: 6 } });
    // A miss, and hits on the fast path.
    expect(await statuses(edge, '/a', 4)).toEqual(['200', '200', '200', '200']);
    expect(edge.stats().quickHits).toBe(3);
    const slow = { 'x-unknown': '1' };
    expect([(await get(edge.httpPort, '/a', slow)).status, (await get(edge.httpPort, '/a', slow)).status]).toEqual([
      200, 200,
    ]);
    expect(await statuses(edge, '/a', 1)).toEqual(['429']);
    const refused = await get(edge.httpPort, '/a', slow);
    expect([refused.status, refused.headers['retry-after'], refused.headers['cache-control']]).toEqual([
      429,
      '2',
      'no-store',
    ]);
    expect(refused.text).toContain('LIMIT_REQUESTS_PER_ADDRESS');
    // For players of HLS this status means the end of steering.
    const steering = await get(edge.httpPort, '/steering.json?_HLS_pathway=a', slow);
    expect([steering.status, steering.headers['retry-after']]).toEqual([503, '2']);
    expect(edge.stats().limited).toEqual({ LIMIT_REQUESTS_PER_ADDRESS: 3 });
    expect(edge.log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
      'LIMIT_REQUESTS_PER_ADDRESS: 127.0.0.1',
    ]);
    edge.clock.advance(2_000);
    expect(await statuses(edge, '/a', 2)).toEqual(['200', '429']);
  });

  it('are not for addresses that are exempt, those of this machine if nothing is said', async () => {
    await using origin = await cachingOrigin();
    await using edge = await limitedEdge(
      origin,
      { perAddress: { requestsPerSecond: 1, burst: 1 } },
      {},
      { limits: {} },
    );
    expect(await statuses(edge, '/a', 3)).toEqual(['200', '200', '200']);
  });

  it('count by grant whoever shows it, and name it in the log by nothing that lets in', async () => {
    await using origin = await cachingOrigin();
    const viewers = grantSigner('rsa', 'KVIEW');
    const perGrant = { requestsPerSecond: 1, burst: 2 };
    await using edge = await limitedEdge(
      origin,
      { perGrant },
      { trustedKeyGroups: ['viewers'] },
      trusting({ viewers: [viewers] }),
    );
    const expires = Math.floor(edge.clock.wallMs() / 1_000) + 60;
    const grant = (path: string) => `${path}?${cannedGrant(viewers, `http://a.example${path}`, expires)}`;
    expect(await statuses(edge, grant('/a'), 3)).toEqual(['200', '200', '429']);
    expect(await statuses(edge, grant('/b'), 1)).toEqual(['200']);
    expect(edge.stats().limited).toEqual({ LIMIT_REQUESTS_PER_GRANT: 1 });
    const { fields } = edge.log.lines.find(({ level }) => level === 'warn') ?? { fields: {} };
    expect(fields).toMatchObject({ address: '127.0.0.1', grantId: expect.stringMatching(/^[\w-]{22}$/) as string });
    expect(edge.log.text).not.toMatch(/Signature|Expires/);
  });
});

describe('limits of bandwidth', () => {
  it('send a large answer at its pace, and refuse who has had too much', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'video/mp4', 'Cache-Control': 'no-store' });
      const send = () => response.write(Buffer.alloc(50_000), () => !response.destroyed && setImmediate(send));
      send();
    });
    // 100 kB a second, and a megabyte at once.
    await using edge = await limitedEdge(origin, { perAddress: { bandwidth: '800kbps' } });
    const { socket } = rawClient(edge.httpPort);
    let received = 0;
    socket.on('data', (bytes) => (received += bytes.length));
    socket.write('GET /endless HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await eventually('the burst', () => received > 1_000_000);
    const other = () => get(edge.httpPort, '/other', { 'x-unknown': '1' });
    await eventually('a refusal', async () => (await other()).status === 429);
    expect(edge.stats().limited).toEqual({ LIMIT_BANDWIDTH_PER_ADDRESS: 1 });
    const before = received;
    edge.clock.advance(5_000);
    await eventually('some more', () => received > before);
    expect(received).toBeLessThan(3_000_000);
    socket.destroy();
  });
});

describe('limits of sessions', () => {
  it('refuse the playlist of one more stream, and nothing of those that are watched', async () => {
    await using origin = await cachingOrigin();
    await using edge = await limitedEdge(origin, { perAddress: { sessions: 1 } });
    expect(await statuses(edge, '/live/a/index.m3u8', 2)).toEqual(['200', '200']);
    expect(await statuses(edge, '/live/b/index.m3u8', 2)).toEqual(['429', '429']);
    expect(await statuses(edge, '/live/a/1.m4s', 2)).toEqual(['200', '200']);
    edge.clock.advance(30_000);
    expect(await statuses(edge, '/live/b/index.m3u8', 1)).toEqual(['200']);
    expect(edge.stats().limited).toEqual({ LIMIT_SESSIONS_PER_ADDRESS: 2 });
  });
});

describe('a cap on egress', () => {
  const ladder = `#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=5000000
large/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=900000
small/index.m3u8
`;

  function ladderOrigin(): Promise<TestOrigin> {
    return startTestOrigin(({ url = '' }, response) => {
      response.writeHead(200, {
        'Cache-Control': 'max-age=3600',
        ETag: '"whole"',
        'Content-Type': 'application/octet-stream',
      });
      response.end(url.endsWith('index.m3u8') ? ladder : Buffer.alloc(100_000));
    });
  }

  /** A megabyte in ten seconds. */
  async function flow(edge: TestEdge, path: string): Promise<void> {
    for (let i = 0; i < 10; i++) {
      await get(edge.httpPort, path, i % 2 === 0 ? {} : { 'x-unknown': '1' });
      edge.clock.advance(1_000);
    }
  }

  it.each([
    ['of a stream', { egressPerStream: '850kbps' }],
    ['of a distribution', { egress: '850kbps' }],
  ])('%s takes the largest rendition away first, and then lets nothing more begin', async (_whose, limits) => {
    await using origin = await ladderOrigin();
    await using edge = await limitedEdge(origin, limits);
    const status = async (path: string, slowly: boolean) =>
      (await get(edge.httpPort, path, slowly ? { 'x-unknown': '1' } : {})).status;
    const multivariant = () => get(edge.httpPort, '/film/index.m3u8');
    for (let i = 0; i < 3; i++) expect((await multivariant()).text).toBe(ladder);
    await flow(edge, '/film/large/7.m4s');
    const reduced = await multivariant();
    expect(reduced.text).toBe('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000\nsmall/index.m3u8\n');
    expect([reduced.headers['cache-control'], reduced.headers.etag]).toEqual(['max-age=1', undefined]);
    for (const slowly of [false, true]) {
      expect(await status('/film/large/index.m3u8', slowly)).toBe(429);
      expect(await status('/film/large/7.m4s', slowly)).toBe(429);
      expect(await status('/film/small/index.m3u8', slowly)).toBe(200);
    }
    expect(edge.log.text).toContain('EGRESS_NEAR_CAP');
    await flow(edge, '/film/small/7.m4s');
    await get(edge.httpPort, '/film/small/8.m4s');
    expect(await status('/film/small/index.m3u8', false)).toBe(200);
    // Of a stream: that one is full, for all that do not watch it yet.
    if ('egress' in limits) expect(await status('/other/index.m3u8', false)).toBe(429);
    else expect(await status('/other/index.m3u8', false)).toBe(200);
    edge.clock.advance(60_000);
    await multivariant();
    edge.clock.advance(30_000);
    expect((await multivariant()).text).toBe(ladder);
    expect(await status('/film/large/index.m3u8', false)).toBe(200);
  });
});

describe('limits of connections', () => {
  it('close what is one too many of an address, HTTP and RTMP together', async () => {
    await using origin = await cachingOrigin();
    await using edge = await startTestEdge(origin.url, {}, { limits: { ...nobodyExempt, connectionsPerAddress: 2 } });
    const open = async (port: number) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      const state = { closed: false, socket };
      socket.on('close', () => (state.closed = true));
      await eventually('a connection', () => !socket.connecting);
      return state;
    };
    const first = await open(edge.httpPort);
    const second = await open(edge.rtmpPort);
    for (const port of [edge.httpPort, edge.rtmpPort]) {
      const further = await open(port);
      further.socket.resume();
      await eventually('the end of a further one', () => further.closed);
    }
    expect([first.closed, second.closed]).toEqual([false, false]);
    expect(edge.stats().limited).toEqual({ LIMIT_CONNECTIONS_PER_ADDRESS: 2 });
    second.socket.destroy();
    await eventually('room', async () => (await get(edge.httpPort, '/a').catch(() => undefined))?.status === 200);
    first.socket.destroy();
  });
});

describe('settings of limits', () => {
  it('are none but for connections, and what is not said about bursts follows', () => {
    const { limits, distributions } = edgeSchema.parse({});
    expect(limits).toEqual({ connectionsPerAddress: 1_000, exempt: ['127.0.0.0/8', '::1'], sessionWindowMs: 30_000 });
    expect(distributions[0]?.limits).toBeUndefined();
    const said = { name: 'a', behaviours: [{}], limits: { perAddress: { requestsPerSecond: 50, bandwidth: '8Mbps' } } };
    expect(edgeSchema.parse({ distributions: [said] }).distributions[0]?.limits).toEqual({
      perAddress: { requestsPerSecond: 50, burst: 100, bytesPerSecond: 1_000_000, sessions: undefined },
    });
    expect(edgeSchema.safeParse({ limits: { exempt: ['nobody'] } }).success).toBe(false);
  });
});
