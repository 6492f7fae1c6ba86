import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { edgeSchema } from '../../src/edge/settings.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { eventually } from '../support/condition.ts';
import { LiveOrigin } from '../support/live-origin.ts';
import { type ParsedPlaylist, parsePlaylist } from '../support/parsed-playlist.ts';
import { validatePlaylist } from '../support/playlist-validator.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';
import { type Answer, get, startTestEdge, startTestOrigin, type TestEdge } from './test-edge.ts';

const video = '/live/test/video.m3u8';
const gzip = { 'accept-encoding': 'gzip' };

let origin: LiveOrigin;
let edge: TestEdge;

beforeEach(async () => {
  origin = await LiveOrigin.start({ live: { window: '20s' } });
  const query = edgeSchema.parse({}).distributions[0]?.behaviours[0]?.query;
  edge = await startTestEdge(origin.url, query === undefined ? {} : { query });
});
afterEach(async () => {
  await edge.close();
});

function units(fromSeconds: number, toSeconds: number): AccessUnit[] {
  const all = interleaved(videoUnits({ seconds: toSeconds }), audioUnits({ seconds: toSeconds }));
  return all.filter(({ timestampMs }) => timestampMs >= fromSeconds * 1_000);
}

/** What is complete, and how many parts follow. */
function endOf({ segments, open }: ParsedPlaylist): { readonly msn: number; readonly parts: number } {
  return { msn: segments.at(-1)?.msn ?? -1, parts: open?.parts.length ?? 0 };
}

/** A valid playlist, said to be stale and good for a second. */
function staleIn(answer: Answer): ParsedPlaylist {
  expect(answer.status).toBe(200);
  expect(answer.headers['cache-control']).toBe('public, max-age=1, stale-if-error=360');
  expect(answer.headers['cache-status']).toMatch(/^streamfront-test1; fwd=stale; .*detail=ORIGIN_REFUSED/);
  expect(answer.headers['content-encoding']).toBeUndefined();
  expect(validatePlaylist(answer.text)).toEqual([]);
  return parsePlaylist(answer.text);
}

function plainly(): Promise<Answer> {
  return get(edge.httpPort, video, gzip);
}

/** One who begins with the whole playlist, and then asks for each next part's update, as hls.js does. */
async function followUpdates(skip: 'YES' | 'v2', fromSeconds: number, toSeconds: number): Promise<ParsedPlaylist> {
  const stream = origin.publish('test', [videoConfig, audioConfig], units(0, fromSeconds));
  let latest = parsePlaylist(await (await origin.get(video)).text());
  await plainly();
  for (const unit of units(fromSeconds, toSeconds)) {
    stream.push(unit);
    const now = endOf(parsePlaylist(await (await origin.get(video)).text()));
    const before = endOf(latest);
    if (now.msn === before.msn && now.parts === before.parts) continue;
    edge.clock.advance(350);
    const asked = now.parts === 0 ? `_HLS_msn=${now.msn}` : `_HLS_msn=${now.msn + 1}&_HLS_part=${now.parts - 1}`;
    const update = await get(edge.httpPort, `${video}?${asked}&_HLS_skip=${skip}`, gzip);
    expect(update.status).toBe(200);
    latest = parsePlaylist(await (await origin.get(video)).text());
  }
  return latest;
}

async function loseOrigin(): Promise<void> {
  await origin.close();
  edge.clock.advance(2_000);
}

/** Through the waits of a request, a second at a time. */
async function waited(answer: Promise<Answer>, seconds: number): Promise<Answer> {
  for (let second = 0; second < seconds; second++) {
    const before = edge.stats().counters.originErrors;
    await eventually('the origin has been asked', () => edge.clock.pendingTimers > 0);
    edge.clock.advance(1_000);
    await eventually('it has been asked again', () => edge.stats().counters.originErrors > before);
  }
  return answer;
}

describe('an edge whose origin is gone', () => {
  it.each(['YES', 'v2'] as const)(
    'makes of updates (_HLS_skip=%s) the newest whole playlist for whoever asks for one',
    async (skip) => {
      const latest = await followUpdates(skip, 20, 40);
      await loseOrigin();
      const playlist = staleIn(await plainly());
      expect(playlist.preloadHintUris).toEqual([]);
      expect(endOf(playlist)).toEqual(endOf(latest));
      const listed = ({ segments }: ParsedPlaylist) => segments.map(({ msn, uri, initUri }) => ({ msn, uri, initUri }));
      expect(listed(playlist)).toEqual(listed(latest));
      expect(playlist.mediaSequence).toBe(latest.mediaSequence);
    },
    30_000,
  );

  it('gives it also to those who wait for a state that it holds, and to those who take no gzip', async () => {
    await followUpdates('YES', 20, 23);
    await loseOrigin();
    const end = endOf(staleIn(await get(edge.httpPort, video)));
    // A state that nobody has asked for so.
    const reached = `${video}?_HLS_msn=${end.msn}&_HLS_part=0&_HLS_skip=v2`;
    expect(endOf(staleIn(await get(edge.httpPort, reached, gzip)))).toEqual(end);
  });

  it('lets those wait who ask for what is to come, asks the origin meanwhile, then gives what there is', async () => {
    await followUpdates('YES', 20, 23);
    await loseOrigin();
    const end = endOf(staleIn(await plainly()));
    const next = `${video}?_HLS_msn=${end.msn + 1}&_HLS_part=${end.parts}`;
    const answer = await waited(get(edge.httpPort, next, gzip), 6);
    expect(endOf(staleIn(answer))).toEqual(end);
  });

  it('gives nothing that is older than what a viewer has: 503', async () => {
    await followUpdates('YES', 20, 23);
    await loseOrigin();
    const end = endOf(staleIn(await plainly()));
    const later = `${video}?_HLS_msn=${end.msn + 1}&_HLS_part=${end.parts + 1}`;
    const answer = await waited(get(edge.httpPort, later, gzip), 6);
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
  });

  it('does so for as long as the origin has said, then it says that the origin is gone', async () => {
    await followUpdates('YES', 20, 23);
    await loseOrigin();
    edge.clock.advance(350_000);
    staleIn(await plainly());
    edge.clock.advance(12_000);
    expect((await plainly()).status).toBe(502);
  });

  it('lets those wait eight seconds who ask for media of the stream that it does not have', async () => {
    await followUpdates('YES', 20, 23);
    await loseOrigin();
    const { open } = staleIn(await plainly());
    const part = `/live/test/${open?.parts.at(-1)?.uri}`;
    expect((await waited(get(edge.httpPort, part), 8)).status).toBe(502);
    const elsewhere = await get(edge.httpPort, '/live/other/e1/video/0.m4s');
    expect(elsewhere.status).toBe(502);
    const noMedia = await get(edge.httpPort, '/live/test/poster.jpg');
    expect(noMedia.status).toBe(502);
  });

  it('says 503 and not 404 of media that an origin has lost which was away until a moment ago', async () => {
    await using lost = await startTestOrigin((request, response) => {
      const isPlaylist = request.url?.endsWith('.m3u8') === true;
      if (isPlaylist)
        response.writeHead(200, { 'Content-Type': 'application/vnd.apple.mpegurl', 'Cache-Control': 'max-age=1' });
      else response.writeHead(404);
      response.end('#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n0.m4s\n');
    });
    await using other = await startTestEdge(lost.url);
    await get(other.httpPort, '/live/a/video.m3u8');
    expect((await get(other.httpPort, '/live/a/0.m4s')).status).toBe(404);
    await lost.stop();
    other.clock.advance(2_000);
    expect((await get(other.httpPort, '/live/a/video.m3u8')).status).toBe(200);
    await using _returned = await startTestOrigin(lost.answer, lost.port);
    other.clock.advance(2_000);
    const answer = await get(other.httpPort, '/live/a/0.m4s');
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    other.clock.advance(15_000);
    expect((await get(other.httpPort, '/live/a/0.m4s')).status).toBe(404);
  });

  it('does not say again what was invalidated', async () => {
    await followUpdates('YES', 20, 23);
    edge.invalidations.create({ distribution: undefined, items: [video] });
    await loseOrigin();
    expect((await plainly()).status).toBe(502);
  });

  it('does not say again that a stream is over', async () => {
    origin.publish('test', [videoConfig, audioConfig], units(0, 20)).end();
    expect((await get(edge.httpPort, video)).text).toContain('#EXT-X-ENDLIST');
    await loseOrigin();
    edge.clock.advance(20_000);
    expect((await plainly()).status).toBe(502);
  });
});
