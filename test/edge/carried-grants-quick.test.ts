import { describe, expect, it } from 'vitest';
import { rawClient, type RawClient } from '../http/test-listener.ts';
import { eventually } from '../support/condition.ts';
import { ask, house, media, playlist, signedUrl, tokenIn } from './carrying-house.ts';
import { gate, type TestEdge } from './test-edge.ts';

describe('a playlist with tokens in it, on the quick path', () => {
  const send = (edge: TestEdge, target: string, lines: readonly string[], slowly: boolean): RawClient => {
    const client = rawClient(edge.httpPort);
    const fields = ['Host: a.example', ...lines, ...(slowly ? ['X-Unknown: 1'] : [])];
    client.socket.write(`GET ${target} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`, 'latin1');
    return client;
  };
  /** A whole answer, without what tells any two answers apart. */
  const answer = async (client: RawClient): Promise<string> => {
    await eventually('a whole answer', () => {
      const [head = ''] = client.text().split('\r\n\r\n', 1);
      const length = Number(/\r\nContent-Length: (\d+)/.exec(head)?.[1] ?? Number.POSITIVE_INFINITY);
      return client.text().length >= head.length + 4 + length;
    });
    client.socket.destroy();
    return client.text().replace(/(?<=\r\nX-Request-Id: )[^\r]+/, '…');
  };

  it.each([[[]], [['Accept-Encoding: gzip']], [['Origin: https://b.example']]])(
    'is given as on the slow way, byte by byte, to who asks with %j',
    async (lines) => {
      await using h = await house('query');
      const { edge } = h;
      const url = signedUrl(edge, playlist);
      const child = `/live/a/video.m3u8?Grant-Token=${tokenIn((await ask(edge, url)).text)}&_HLS_msn=1`;
      for (const target of [url, child, url]) {
        await answer(send(edge, target, lines, true));
        const slow = await answer(send(edge, target, lines, true));
        expect(slow).toContain('ETag: "');
        const before = edge.stats().quickHits;
        for (let times = 0; times < 3; times++) expect(await answer(send(edge, target, lines, false))).toBe(slow);
        expect(edge.stats().quickHits).toBe(before + 3);
      }
    },
  );

  it('is waited for by a crowd in one request to the origin, each with a token of its own', async () => {
    await using h = await house('query');
    const { edge, origin } = h;
    const half = gate();
    const arrived = gate();
    const type = { 'Content-Type': 'application/vnd.apple.mpegurl', 'Cache-Control': 'max-age=60', ETag: '"i"' };
    origin.answer = async (_request, response) => {
      await arrived.opened;
      response.writeHead(200, { ...type, 'Content-Length': media.length }).write(media.slice(0, 30));
      await half.opened;
      response.end(media.slice(30));
    };
    const target = '/live/a/video.m3u8';
    const requests = (count: number) => eventually('they ask', () => edge.stats().counters.requests === count);
    const url = (seconds: number) => signedUrl(edge, target, seconds);
    const first = send(edge, url(60), [], true);
    await requests(1);
    const [slow, quick, other] = [
      send(edge, url(61), [], true),
      send(edge, url(61), [], false),
      send(edge, url(62), [], false),
    ];
    const gone = send(edge, url(63), [], false);
    await requests(5);
    arrived.open();
    // Comes while it is arriving.
    await eventually('it arrives', () => edge.stats().counters.hits >= 3);
    const late = send(edge, url(61), [], false);
    await requests(6);
    gone.socket.destroy();
    half.open();
    const [expected = '', ...given] = await Promise.all([slow, quick, other, late].map(answer));
    expect(given[0]).toBe(expected);
    const bodies = [expected, ...given].map((text) => text.slice(text.indexOf('\r\n\r\n') + 4));
    for (const body of bodies) expect(body.replaceAll(/\?Grant-Token=[\w.-]+/g, '')).toBe(media);
    expect(new Set(bodies.map(tokenIn)).size).toBe(2);
    await answer(first);
    expect(origin.requests).toHaveLength(1);
    expect(edge.stats().quickJoins).toBe(4);
  });

  it('is judged by the steps when it breaks off, and when it is none', async () => {
    await using h = await house('query');
    const { edge, origin } = h;
    const broken = gate();
    origin.answer = async (_request, response) => {
      response.writeHead(200, { 'Content-Length': 1_000, 'Cache-Control': 'max-age=60' }).write(media);
      await broken.opened;
      response.destroy();
    };
    const first = send(edge, signedUrl(edge, '/live/a/video.m3u8', 60), [], true);
    await eventually('it arrives', () => edge.stats().counters.misses === 1);
    const quick = send(edge, signedUrl(edge, '/live/a/video.m3u8', 61), [], false);
    await eventually('they wait', () => edge.stats().quickJoins === 1);
    origin.answer = (_request, response) => void response.end('no playlist');
    broken.open();
    expect(await answer(first)).toContain('PLAYLIST_BROKEN_OFF');
    const text = await eventually('another answer', () => quick.text().includes('no playlist') && quick.text());
    expect(text).toMatch(/^HTTP\/1\.1 200/);
    quick.socket.destroy();
    await eventually('nothing is counted twice', () => edge.stats().counters.requests === 2);
  });
});
