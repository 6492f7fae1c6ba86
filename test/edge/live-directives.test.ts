import { describe, expect, it } from 'vitest';
import { edgeSchema } from '../../src/edge/settings.ts';
import { eventually } from '../support/condition.ts';
import { LiveOrigin } from '../support/live-origin.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';
import { get, startTestEdge, startTestOrigin } from './test-edge.ts';

/** Which parameters count below `/live/` where the operator says nothing. */
function liveQuery(): string[] {
  const query = edgeSchema.parse({}).distributions[0]?.behaviours[0]?.query;
  if (!Array.isArray(query)) throw new Error('the default behaviour of /live/* names no parameters');
  return query;
}

const asked = '_HLS_msn=7&_HLS_part=2&_HLS_skip=v2';

describe('the edge, by default, on delivery directives of live playlists', () => {
  it('takes every order and spelling, and whatever else stands there, for one request', async () => {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using origin = await startTestOrigin(async (_request, response) => {
      await released;
      response.writeHead(200, { 'Cache-Control': 'max-age=12' }).end('playlist');
    });
    await using edge = await startTestEdge(origin.url, { query: liveQuery() });
    const queries = [
      asked,
      '_HLS_skip=v2&_HLS_part=2&_HLS_msn=7',
      '_HLS_part=2&_HLS_skip=v2&_HLS_msn=7',
      '_HLS_msn=7&token=a&_HLS_part=2&_HLS_skip=v2&CMCD=br%3D3200%2Csid%3D%22a%22',
      'token=b&_HLS_report=audio.m3u8&_HLS_msn=7&_HLS_part=2&_HLS_skip=v2',
      '%5FHLS_msn=%37&_HLS_part=2&_HLS_skip=%76%32&',
    ];
    const answers = queries
      .flatMap((query) => Array.from({ length: 20 }, () => query))
      .map((query) => get(edge.httpPort, `/live/demo/video.m3u8?${query}`));
    await eventually('all are there', () => edge.stats().counters.requests === answers.length);
    release();
    for (const answer of await Promise.all(answers)) expect(answer.body.toString()).toBe('playlist');
    expect(origin.requests.map(({ url }) => url)).toEqual([`/live/demo/video.m3u8?${asked}`]);
    await get(edge.httpPort, `/live/demo/video.m3u8?${asked}&token=c`);
    expect(origin.requests).toHaveLength(1);
  });

  it('tells apart what is not the same', async () => {
    await using origin = await startTestOrigin((request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=12' }).end(request.url);
    });
    await using edge = await startTestEdge(origin.url, { query: liveQuery() });
    const queries = ['', '?_HLS_skip=YES', '?_HLS_skip=v2', '?_HLS_msn=7', '?_HLS_msn=7&_HLS_part=2', `?${asked}`];
    for (const query of [...queries, '?_HLS_msn=7&_HLS_part=2&_HLS_skip=YES', '?_HLS_msn=8&_HLS_part=2']) {
      const path = `/live/demo/video.m3u8${query}`;
      expect((await get(edge.httpPort, path)).body.toString()).toBe(path);
    }
  });
});

describe('300 viewers who wait at the edge for one part', () => {
  it('wait at the origin once for each kind of playlist, and all have the part when it is there', async () => {
    const origin = await LiveOrigin.start();
    try {
      await using edge = await startTestEdge(origin.url, { query: liveQuery() });
      const units = interleaved(videoUnits({ seconds: 22 }), audioUnits({ seconds: 22 }));
      const before = units.filter(({ timestampMs }) => timestampMs < 20_700);
      const stream = origin.publish('test', [videoConfig, audioConfig], before);
      const path = '/live/test/video.m3u8?_HLS_msn=11&_HLS_part=2';
      const answers = Array.from({ length: 300 }, (_, index) =>
        get(edge.httpPort, index % 3 === 0 ? path : `${path}&_HLS_skip=v2&session=${index}`),
      );
      await eventually('all are there', () => edge.stats().counters.requests === answers.length);
      await origin.untilWaiting('test', 2);
      for (const unit of units.slice(before.length)) {
        if (origin.channels.get('live/test')?.packager.changes.size === 0) break;
        stream.push(unit);
      }
      const texts = (await Promise.all(answers)).map(({ body }) => body.toString());
      for (const text of texts) expect(text).toMatch(/#EXT-X-PART:.*11\.2\.m4s"/);
      expect(texts.filter((text) => text.includes('#EXT-X-SKIP:SKIPPED-SEGMENTS=4'))).toHaveLength(200);
      expect(new Set(texts).size).toBe(2);
    } finally {
      await origin.close();
    }
  });
});

describe('an I-frame at the edge', () => {
  it('is a range of a segment, with one request to the origin for the segment', async () => {
    const origin = await LiveOrigin.start();
    try {
      await using edge = await startTestEdge(origin.url, { query: liveQuery() });
      origin.publish('test', [videoConfig], videoUnits({ seconds: 9 }));
      const playlist = await get(edge.httpPort, '/live/test/video-iframes.m3u8');
      const ranges = [...playlist.text.matchAll(/BYTERANGE:(\d+)@(\d+)\n(\S+)/g)];
      expect(ranges).toHaveLength(4);
      for (const [, length = '', offset = '', segment = ''] of ranges) {
        const path = `/live/test/${segment}`;
        const first = Number(offset);
        const last = first + Number(length) - 1;
        const part = await get(edge.httpPort, path, { range: `bytes=${first}-${last}` });
        expect(part.status).toBe(206);
        const whole = await get(edge.httpPort, path);
        expect(whole.headers['x-cache']).toBe('Hit from streamfront');
        expect(part.body.equals(whole.body.subarray(first, last + 1))).toBe(true);
      }
    } finally {
      await origin.close();
    }
  });
});
