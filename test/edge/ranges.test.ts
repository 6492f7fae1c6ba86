import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { answerFile, patternBytes } from './file-origin.ts';
import { gate, get, openGet, readAll, startTestEdge, startTestOrigin } from './test-edge.ts';

const body = randomBytes(300_000);
const fields = { 'Cache-Control': 'max-age=60', 'Content-Type': 'video/mp4', ETag: '"v1"' };

/** The parts of a multipart/byteranges body, read as a client does: by the boundary in Content-Type. */
function partsOf(contentType: string | undefined, bytes: Buffer): { head: string; bytes: Buffer }[] {
  const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(contentType ?? '')?.[1] ?? '';
  expect(boundary).not.toBe('');
  const text = bytes.toString('latin1');
  const pieces = text.split(`--${boundary}`);
  expect(pieces[0]).toBe('');
  expect(pieces.at(-1)).toBe('--\r\n');
  return pieces.slice(1, -1).map((piece) => {
    const bodyAt = piece.indexOf('\r\n\r\n');
    const head = piece.slice(2, bodyAt);
    const rest = piece.slice(bodyAt + 4);
    return { head, bytes: Buffer.from(rest.slice(0, -2), 'latin1') };
  });
}

describe('several ranges in one answer (RFC 9110 §15.3.7.2)', () => {
  it('come from a complete object as multipart/byteranges, with a length that is true', async () => {
    await using origin = await startTestOrigin((_request, response) => void response.writeHead(200, fields).end(body));
    await using edge = await startTestEdge(origin.url);
    await get(edge.httpPort, '/a');
    const answer = await get(edge.httpPort, '/a', { range: 'bytes=0-9,100-199,-5' });
    expect([answer.status, answer.headers['content-range']]).toEqual([206, undefined]);
    expect(answer.headers['content-length']).toBe(String(answer.body.length));
    expect(partsOf(answer.headers['content-type'], answer.body)).toEqual([
      { head: 'Content-Type: video/mp4\r\nContent-Range: bytes 0-9/300000', bytes: body.subarray(0, 10) },
      { head: 'Content-Type: video/mp4\r\nContent-Range: bytes 100-199/300000', bytes: body.subarray(100, 200) },
      { head: 'Content-Type: video/mp4\r\nContent-Range: bytes 299995-299999/300000', bytes: body.subarray(-5) },
    ]);
    const again = await get(edge.httpPort, '/a', { range: 'bytes=0-9,100-199' });
    expect(again.headers['content-type']).not.toBe(answer.headers['content-type']);
  });

  it('come from slices, cold and warm', async () => {
    const file = { lengthBytes: 9_000_000, etag: '"v1"' };
    await using origin = await startTestOrigin((request, response) => answerFile(request, response, file));
    await using edge = await startTestEdge(origin.url);
    for (let i = 0; i < 2; i++) {
      const answer = await get(edge.httpPort, '/a', { range: 'bytes=10-19,3000000-6000000,-2' });
      expect(answer.headers['content-length']).toBe(String(answer.body.length));
      expect(partsOf(answer.headers['content-type'], answer.body).map(({ bytes }) => bytes.length)).toEqual([
        10, 3_000_001, 2,
      ]);
      const [, middle] = partsOf(answer.headers['content-type'], answer.body);
      expect(middle?.bytes.equals(patternBytes(3_000_000, 3_000_001))).toBe(true);
    }
  });
});

describe('a range of a body that is arriving', () => {
  it('is sent as far as it has come, and the rest as it comes; one request to the origin serves it', async () => {
    const more = gate();
    await using origin = await startTestOrigin(async (_request, response) => {
      response.writeHead(200, { ...fields, 'Content-Length': body.length }).write(body.subarray(0, 100_000));
      await more.opened;
      response.end(body.subarray(100_000));
    });
    await using edge = await startTestEdge(origin.url);
    const whole = get(edge.httpPort, '/a');
    const there = await get(edge.httpPort, '/a', { range: 'bytes=10-99999' });
    expect([there.status, there.headers['content-range']]).toEqual([206, 'bytes 10-99999/300000']);
    expect(there.body.equals(body.subarray(10, 100_000))).toBe(true);
    const across = await openGet(edge.httpPort, '/a', { range: 'bytes=50000-149999' });
    const behind = await openGet(edge.httpPort, '/a', { range: 'bytes=-7' });
    more.open();
    expect((await readAll(across)).equals(body.subarray(50_000, 150_000))).toBe(true);
    expect((await readAll(behind)).equals(body.subarray(-7))).toBe(true);
    expect((await whole).body.equals(body)).toBe(true);
    expect(origin.requests).toHaveLength(1);
  });

  it('is not made of a body whose length nobody knows yet: that is sent whole', async () => {
    await using origin = await startTestOrigin((_request, response) => {
      response.writeHead(200, fields).write('0123');
      response.end('456789');
    });
    await using edge = await startTestEdge(origin.url);
    expect(await get(edge.httpPort, '/a', { range: 'bytes=2-3' })).toMatchObject({ status: 200, text: '0123456789' });
    expect(await get(edge.httpPort, '/a', { range: 'bytes=2-3' })).toMatchObject({ status: 206, text: '23' });
  });
});

describe('a range of what is not kept', () => {
  const large = { lengthBytes: 8_000_000, etag: '"v1"' };
  const noStore = { 'Cache-Control': 'no-store' };

  it('is asked of the origin, If-Range with it, and its 206 goes to this viewer alone', async () => {
    await using origin = await startTestOrigin((request, response) => answerFile(request, response, large, noStore));
    await using edge = await startTestEdge(origin.url);
    for (let i = 0; i < 2; i++) {
      const answer = await get(edge.httpPort, '/a', { range: 'bytes=5000000-5000099', 'if-range': '"v1"' });
      expect([answer.status, answer.headers['content-range']]).toEqual([206, 'bytes 5000000-5000099/8000000']);
      expect(answer.body.equals(patternBytes(5_000_000, 100))).toBe(true);
    }
    expect(origin.requests.map(({ headers }) => [headers.range, headers['if-range']])).toEqual([
      [undefined, undefined],
      ['bytes=5000000-5000099', '"v1"'],
      ['bytes=5000000-5000099', '"v1"'],
    ]);
    expect(edge.stats().cache).toMatchObject({ objects: 0, reservedBytes: 0 });
  });

  it('is cut out of the answer as it passes when it is near its beginning, and the origin is let go behind it', async () => {
    await using origin = await startTestOrigin((request, response) => answerFile(request, response, large, noStore));
    await using edge = await startTestEdge(origin.url);
    const answer = await get(edge.httpPort, '/a', { range: 'bytes=500000-500099' });
    expect([answer.status, answer.headers['content-range']]).toEqual([206, 'bytes 500000-500099/8000000']);
    expect(answer.body.equals(patternBytes(500_000, 100))).toBe(true);
    expect(origin.requests).toHaveLength(1);
  });

  it('is cut out by the edge when the origin ignores Range, also far behind', async () => {
    await using origin = await startTestOrigin((request, response) => {
      delete request.headers.range;
      answerFile(request, response, large, noStore);
    });
    await using edge = await startTestEdge(origin.url);
    const answer = await get(edge.httpPort, '/a', { range: 'bytes=-10' });
    expect([answer.status, answer.headers['content-range']]).toEqual([206, 'bytes 7999990-7999999/8000000']);
    expect(answer.body.equals(patternBytes(7_999_990, 10))).toBe(true);
  });

  it('is the whole when several are asked for: the origin is never asked for several', async () => {
    await using origin = await startTestOrigin((request, response) => answerFile(request, response, large, noStore));
    await using edge = await startTestEdge(origin.url);
    for (let i = 0; i < 2; i++) {
      const answer = await get(edge.httpPort, '/a', { range: 'bytes=5000000-5000009,6000000-6000009' });
      expect([answer.status, answer.body.length]).toEqual([200, large.lengthBytes]);
    }
    expect(new Set(origin.requests.map(({ headers }) => headers.range))).toEqual(new Set([undefined]));
  });
});

describe('HEAD', () => {
  it('ignores Range (RFC 9110 §14.2), of a whole object and of a sliced one', async () => {
    const file = { lengthBytes: 9_000_000, etag: '"v1"' };
    await using origin = await startTestOrigin((request, response) => {
      if (request.url === '/large') answerFile(request, response, file);
      else response.writeHead(200, { ...fields, 'Content-Length': body.length }).end(body);
    });
    await using edge = await startTestEdge(origin.url);
    for (const [path, length] of [
      ['/small', body.length],
      ['/large', file.lengthBytes],
    ] as const) {
      await get(edge.httpPort, path, { range: 'bytes=0-0' });
      const head = await get(edge.httpPort, path, { range: 'bytes=0-9' }, 'HEAD');
      expect([head.status, head.headers['content-length'], head.headers['content-range']]).toEqual([
        200,
        String(length),
        undefined,
      ]);
    }
  });
});
