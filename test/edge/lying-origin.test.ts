import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { answerFile, patternBytes, sendPattern } from './file-origin.ts';
import { get, openGet, readAll, startTestEdge, startTestOrigin, type TestEdge } from './test-edge.ts';

const mib = 1_048_576;
const file = { lengthBytes: 12 * mib, etag: '"v1"' };
const other = { lengthBytes: 12 * mib, etag: '"v2"', seed: 9 };
const cache = { memory: '64MiB', maxObject: '4MiB', slice: '1MiB', readAhead: '2MiB' };
/** Far from the beginning: the plain answer does not come there, and a range is asked for. */
const wanted = { range: 'bytes=8000000-9999999' };

type Lie = (request: IncomingMessage, response: ServerResponse) => void;

/** An origin that answers plainly to a plain GET, and as told to a request for a part. */
async function startWith(lie: Lie) {
  const origin = await startTestOrigin((request, response) => {
    if (request.headers.range === undefined) answerFile(request, response, file);
    else lie(request, response);
  });
  const edge = await startTestEdge(origin.url, {}, { cache });
  return { origin, edge };
}

/** What a viewer gets: the right bytes, an error page, or a connection that is cut. Wrong bytes fail the test. */
async function outcome(edge: TestEdge, headers = wanted, first = 8_000_000, seed = 0): Promise<string> {
  const response = await openGet(edge.httpPort, '/a', headers);
  const pieces: Buffer[] = [];
  let cut = false;
  try {
    for await (const piece of response) pieces.push(piece as Buffer);
  } catch {
    cut = true;
  }
  if ((response.statusCode ?? 0) >= 400) return `status ${response.statusCode}`;
  const bytes = Buffer.concat(pieces);
  expect(bytes.equals(patternBytes(first, bytes.length, seed))).toBe(true);
  return cut ? 'cut' : `status ${response.statusCode}, ${bytes.length} bytes`;
}

function part(response: ServerResponse, fields: Record<string, string | number>): void {
  response.writeHead(206, { 'Cache-Control': 'max-age=600', 'Content-Type': 'video/mp4', ETag: '"v1"', ...fields });
}

/** Of what the edge asks for: bytes=7340032-10485759. */
const first = 7 * mib;
const end = 10 * mib;
const rightRange = `bytes ${first}-${end - 1}/${file.lengthBytes}`;

describe('an origin that lies about parts', () => {
  it.each<[string, Lie]>([
    [
      'another place in Content-Range',
      (_request, response) => {
        part(response, { 'Content-Range': `bytes ${first + 1}-${end}/${file.lengthBytes}` });
        sendPattern(response, first + 1, end + 1, 0);
      },
    ],
    [
      'another complete length in Content-Range',
      (_request, response) => {
        part(response, { 'Content-Range': `bytes ${first}-${end - 1}/99999999` });
        sendPattern(response, first, end, 0);
      },
    ],
    [
      'no Content-Range',
      (_request, response) => {
        part(response, {});
        sendPattern(response, first, end, 0);
      },
    ],
    [
      'a Content-Length that does not fit Content-Range',
      (_request, response) => {
        part(response, { 'Content-Range': rightRange, 'Content-Length': 1_000 });
        sendPattern(response, first, first + 1_000, 0);
      },
    ],
    [
      'fewer bytes than Content-Range says, in a chunked body that ends well',
      (_request, response) => {
        part(response, { 'Content-Range': rightRange });
        sendPattern(response, first, first + 100_000, 0);
      },
    ],
    [
      'more bytes than Content-Range says, in a chunked body',
      (_request, response) => {
        part(response, { 'Content-Range': rightRange });
        sendPattern(response, first, end + 100_000, 0);
      },
    ],
    [
      'no ETag',
      (_request, response) => {
        response.writeHead(206, { 'Content-Range': rightRange, 'Content-Length': end - first });
        sendPattern(response, first, end, 0);
      },
    ],
    [
      'another content coding under the same ETag',
      (_request, response) => {
        part(response, { 'Content-Range': rightRange, 'Content-Encoding': 'gzip' });
        sendPattern(response, first, end, 5);
      },
    ],
    [
      'the whole instead of a part',
      (request, response) => {
        delete request.headers.range;
        answerFile(request, response, file);
      },
    ],
  ])('by %s: the viewer gets the right bytes, out of the whole', async (_what, lie) => {
    const { origin, edge } = await startWith(lie);
    await using _origin = origin;
    await using _edge = edge;
    expect(await outcome(edge)).toBe('status 206, 2000000 bytes');
    expect(await outcome(edge)).toBe('status 206, 2000000 bytes');
    await eventually('nothing is reserved', () => edge.stats().cache.reservedBytes === 0);
  });

  it.each<[string, Lie]>([
    ['412', (_request, response) => void response.writeHead(412).end()],
    ['416', (_request, response) => void response.writeHead(416, { 'Content-Range': 'bytes */5' }).end()],
    ['404', (_request, response) => void response.writeHead(404).end()],
    [
      'a weak ETag',
      (_request, response) => {
        part(response, { ETag: 'W/"v1"', 'Content-Range': rightRange });
        sendPattern(response, first, end, 3);
      },
    ],
    [
      'another ETag in a 206',
      (_request, response) => {
        part(response, { ETag: '"v2"', 'Content-Range': rightRange });
        sendPattern(response, first, end, 3);
      },
    ],
    [
      'another ETag in a 200',
      (request, response) => {
        delete request.headers.range;
        delete request.headers['if-match'];
        answerFile(request, response, other);
      },
    ],
  ])(
    'by saying to a part that there is another version (%s), and not saying so to the whole: 502, and no end of asking',
    async (_what, lie) => {
      const { origin, edge } = await startWith(lie);
      await using _origin = origin;
      await using _edge = edge;
      expect(await outcome(edge)).toBe('status 502');
      expect(origin.requests.length).toBeLessThanOrEqual(4);
      // From the beginning on it can be had still.
      expect(await outcome(edge, { range: 'bytes=0-1999999' }, 0)).toBe('status 206, 2000000 bytes');
      expect(edge.stats().cache.reservedBytes).toBe(0);
    },
  );
});

describe('an origin that changes its mind', () => {
  it('between slices: who reads the old version is cut off, who comes then gets the new one, and neither gets both', async () => {
    let current: typeof other = { ...file, seed: 0 };
    await using origin = await startTestOrigin((request, response) => answerFile(request, response, current));
    await using edge = await startTestEdge(origin.url, {}, { cache });
    // Slices of the old version are here up to 6 MiB or so.
    await get(edge.httpPort, '/a', { range: 'bytes=0-5000000' });
    await eventually('nothing is being fetched', () => edge.stats().cache.reservedBytes === 0);
    current = other;
    expect(await outcome(edge, { range: 'bytes=0-11999999' }, 0)).toBe('cut');
    expect(await outcome(edge, { range: 'bytes=0-11999999' }, 0, other.seed)).toBe('status 206, 12000000 bytes');
    expect(await outcome(edge, { range: 'bytes=4000000-11999999' }, 4_000_000, other.seed)).toBe(
      'status 206, 8000000 bytes',
    );
  });

  it('before the first byte: the viewer gets the new version at once', async () => {
    let current: typeof other = { ...file, seed: 0 };
    await using origin = await startTestOrigin((request, response) => answerFile(request, response, current));
    await using edge = await startTestEdge(origin.url, {}, { cache });
    await get(edge.httpPort, '/a', { range: 'bytes=0-10' });
    current = other;
    expect(await outcome(edge, wanted, 8_000_000, other.seed)).toBe('status 206, 2000000 bytes');
  });

  it('about the content and not about the ETag: a revalidated manifest keeps its slices', async () => {
    await using origin = await startTestOrigin((request, response) => {
      if (request.headers['if-none-match'] === '"v1"')
        response.writeHead(304, { 'Cache-Control': 'max-age=600' }).end();
      else answerFile(request, response, file);
    });
    await using edge = await startTestEdge(origin.url, {}, { cache });
    await get(edge.httpPort, '/a');
    edge.clock.advance(700_000);
    const answer = await get(edge.httpPort, '/a');
    expect(answer.headers['x-cache']).toBe('RefreshHit from streamfront');
    expect(answer.body.equals(patternBytes(0, file.lengthBytes))).toBe(true);
    expect(origin.requests).toHaveLength(2);
  });
});

describe('an origin that breaks off in a large object', () => {
  it.each<[string, (response: ServerResponse) => void]>([
    ['resets the connection', (response) => void response.socket?.resetAndDestroy()],
    ['closes the connection', (response) => void response.socket?.destroy()],
  ])('%s, again and again: the viewer gets all of it, by ranges', async (_what, breakOff) => {
    await using origin = await startTestOrigin((request, response) => {
      const write = response.write.bind(response);
      let sent = 0;
      // Every answer breaks after 3 MB.
      response.write = ((bytes: Buffer) => {
        sent += bytes.length;
        if (sent > 3_000_000) {
          breakOff(response);
          return false;
        }
        return write(bytes);
      }) as typeof response.write;
      answerFile(request, response, file);
    });
    await using edge = await startTestEdge(origin.url, {}, { cache });
    const viewer = outcome(edge, { range: 'bytes=0-' }, 0);
    let done = false;
    void viewer.then(() => (done = true));
    await eventually('the viewer has it', () => {
      // Attempts are apart by the edge's clock.
      edge.clock.advance(100);
      return done;
    });
    expect(await viewer).toBe(`status 206, ${file.lengthBytes} bytes`);
    expect(edge.stats().cache.reservedBytes).toBe(0);
  });

  it('and stays away: the viewer is cut off after ten seconds, one who comes then gets 502', async () => {
    const origin = await startTestOrigin((request, response) => answerFile(request, response, file));
    await using edge = await startTestEdge(origin.url, {}, { cache });
    await get(edge.httpPort, '/a', { range: 'bytes=0-3000000' });
    await origin.stop();
    const viewer = outcome(edge, { range: 'bytes=0-' }, 0);
    let done = false;
    void viewer.then(() => (done = true));
    let advancedMs = 0;
    await eventually('the viewer knows', () => {
      edge.clock.advance(100);
      advancedMs += 100;
      return done;
    });
    expect(await viewer).toBe('cut');
    expect(advancedMs).toBeGreaterThanOrEqual(10_000);
    expect(await outcome(edge)).toBe('status 502');
    expect(await outcome(edge, { range: 'bytes=0-99' }, 0)).toBe('status 206, 100 bytes');
  });

  it('falls silent in the middle: asked again by range after the silence that is allowed', async () => {
    let silent = true;
    await using origin = await startTestOrigin((request, response) => {
      if (silent) {
        silent = false;
        response.writeHead(200, { 'Cache-Control': 'max-age=600', ETag: '"v1"', 'Content-Length': file.lengthBytes });
        response.write(patternBytes(0, 100_000));
      } else {
        answerFile(request, response, file);
      }
    });
    await using edge = await startTestEdge(
      origin.url,
      {},
      { cache, origins: { main: { url: origin.url, responseTimeout: '300ms' } } },
    );
    const response = await openGet(edge.httpPort, '/a');
    const body = readAll(response);
    await eventually('the silence has been noticed', () => edge.stats().counters.originErrors === 1);
    edge.clock.advance(200);
    expect((await body).equals(patternBytes(0, file.lengthBytes))).toBe(true);
    expect(origin.requests[1]?.headers).toMatchObject({ range: 'bytes=100000-12582911', 'if-match': '"v1"' });
  });

  it('with 503 for a part is asked again', async () => {
    let refusals = 2;
    const { origin, edge } = await startWith((request, response) => {
      if (refusals-- > 0) response.writeHead(503).end();
      else answerFile(request, response, file);
    });
    await using _origin = origin;
    await using _edge = edge;
    await get(edge.httpPort, '/a', { range: 'bytes=0-999999' });
    await eventually('the first slice is there', () => edge.stats().cache.objects === 2);
    const viewer = outcome(edge, { range: 'bytes=0-4999999' }, 0);
    for (let times = 1; times <= 2; times++) {
      await eventually('it was refused', () => edge.stats().counters.originErrors === times);
      edge.clock.advance(400);
    }
    expect(await viewer).toBe('status 206, 5000000 bytes');
  });
});
