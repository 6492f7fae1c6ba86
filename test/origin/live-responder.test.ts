import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LiveOrigin } from '../support/live-origin.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const both = [videoConfig, audioConfig];
const run = (fromMs: number, seconds: number) =>
  interleaved(videoUnits({ fromMs, seconds }), audioUnits({ fromMs, seconds }));

let origin: LiveOrigin;
beforeEach(async () => {
  origin = await LiveOrigin.start();
});
afterEach(() => origin.close());

describe('blocking playlist reload', () => {
  /** Segments 1 to 3 are complete; of segment 4 there are parts 0 and 1. */
  const publish = () => origin.publish('test', both, run(0, 6.8));
  const video = '/live/test/video.m3u8';

  it.each([
    ['_HLS_part=0', '_HLS_part makes no sense without _HLS_msn'],
    ['_HLS_msn=x', 'not a decimal integer'],
    ['_HLS_msn=-1', 'not a decimal integer'],
    ['_HLS_msn=4&_HLS_part=1.5', 'not a decimal integer'],
    ['_HLS_msn=6', 'too far ahead'],
    ['_HLS_msn=99999999999', 'too far ahead'],
    ['_HLS_msn=99999999999999999999', 'too far ahead'],
    ['_HLS_msn=4&_HLS_part=99999999999999999999', 'too far ahead'],
    ['_HLS_msn=4&_HLS_msn=4', '_HLS_msn is there more than once'],
    ['_HLS_skip=no', '_HLS_skip is neither YES nor v2'],
    ['_HLS_msn=4&_HLS_part=11', 'too far ahead'],
    ['_HLS_msn=5&_HLS_part=9', 'too far ahead'],
  ])('refuses %s', async (query, sentence) => {
    publish();
    const answer = await origin.get(`${video}?${query}`);
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain(sentence);
    expect(answer.headers.get('Cache-Control')).toBe('public, max-age=1');
  });

  it.each([
    '_HLS_msn=3',
    '_HLS_msn=1',
    '_HLS_msn=0',
    '_HLS_msn=1&_HLS_part=3',
    '_HLS_msn=3&_HLS_part=99',
    '_HLS_msn=4&_HLS_part=0',
    '_HLS_msn=4&_HLS_part=1',
    '_HLS_msn=4&_HLS_part=1&_HLS_report=x&_HLS_push=1',
    '_HLS_msn=3&_HLS_part=99999999999999999999',
    '_HLS_report=audio.m3u8',
  ])('answers %s at once: it is there', async (query) => {
    publish();
    const answer = await origin.get(`${video}?${query}`);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('4.1.m4s');
  });

  it.each([
    ['_HLS_msn=4&_HLS_part=2', 7.1],
    ['_HLS_msn=4', 8.1],
    ['_HLS_msn=4&_HLS_part=6', 8.5],
    ['_HLS_msn=5&_HLS_part=0', 8.5],
    ['_HLS_msn=5', 10.1],
  ])('holds %s until it is there, and not longer', async (query, untilSeconds) => {
    const stream = publish();
    const units = run(0, 12).filter(({ timestampMs }) => timestampMs >= 6_800);
    let answeredAtMs: number | undefined;
    let nowMs = 0;
    const asked = origin.get(`${video}?${query}`).then(async (answer) => {
      answeredAtMs = nowMs;
      return { status: answer.status, text: await answer.text(), cacheControl: answer.headers.get('Cache-Control') };
    });
    await origin.untilWaiting('test', 1);
    const { packager } = origin.channels.get('live/test') ?? {};
    for (const unit of units) {
      if (packager?.changes.size === 0) break;
      nowMs = unit.timestampMs;
      stream.push(unit);
    }
    expect(packager?.changes.size).toBe(0);
    const { status, text, cacheControl } = await asked;
    expect(status).toBe(200);
    expect(cacheControl).toBe('public, max-age=12, stale-if-error=360');
    expect(nowMs / 1_000).toBeGreaterThan(untilSeconds - 0.4);
    expect(nowMs / 1_000).toBeLessThan(untilSeconds + 0.1);
    expect(answeredAtMs).toBe(nowMs);
    expect(text).toContain('#EXTM3U');
  });

  it.each([
    ['_HLS_msn=4', 4],
    ['_HLS_msn=3&_HLS_part=9', 4],
    ['_HLS_msn=3&_HLS_part=26', 4],
  ])('waits for %s where segments last longer than three seconds: hls.js asks so', async (query, msn) => {
    // Segments of 4 s: 1 and 2 are complete, of 3 there is a part or two.
    await origin.close();
    origin = await LiveOrigin.start({ live: { segment: '4s' } });
    const units = (fromMs: number, seconds: number) =>
      interleaved(videoUnits({ seconds, gop: 120 }), audioUnits({ seconds })).filter(
        (unit) => unit.timestampMs >= fromMs,
      );
    const stream = origin.publish('test', both, units(0, 8.5));
    expect(await (await origin.get(video)).text()).toContain('TARGETDURATION:4\n');
    const asked = origin.get(`${video}?${query}`);
    await origin.untilWaiting('test', 1);
    for (const unit of units(8_500, 17)) stream.push(unit);
    const answer = await asked;
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain(`/${msn}.`);
    expect((await origin.get(`${video}?_HLS_msn=5&_HLS_part=40`)).status).toBe(400);
  });

  it('treats a part past its segment as the first of the next', async () => {
    const stream = publish();
    const asked = origin.get(`${video}?_HLS_msn=4&_HLS_part=6`);
    await origin.untilWaiting('test', 1);
    for (const unit of run(0, 8.6).filter(({ timestampMs }) => timestampMs >= 6_800)) stream.push(unit);
    const text = await (await asked).text();
    expect(text).toContain('4.5.m4s');
    expect(text).not.toContain('4.6.m4s');
    expect(text).toContain('5.0.m4s');
  });

  it('answers 503 after three target durations, to be asked again', async () => {
    publish();
    const asked = origin.get(`${video}?_HLS_msn=5`);
    await origin.untilWaiting('test', 1);
    origin.clock.advance(5_999);
    await origin.untilWaiting('test', 1);
    origin.clock.advance(1);
    const answer = await asked;
    expect(answer.status).toBe(503);
    expect(answer.headers.get('Retry-After')).toBe('1');
    expect(answer.headers.get('Cache-Control')).toBe('public, max-age=1');
  });

  it('ignores the directives after the end, and answers with the end whoever waits for more', async () => {
    const stream = publish();
    const asked = origin.get(`${video}?_HLS_msn=5`);
    await origin.untilWaiting('test', 1);
    stream.end();
    expect(await (await asked).text()).toContain('#EXT-X-ENDLIST');
    const after = await origin.get(`${video}?_HLS_msn=77&_HLS_part=9`);
    expect(after.status).toBe(200);
    expect(after.headers.get('Cache-Control')).toBe('public, max-age=1');
  });

  it('bounds every wait: by its deadline, by the clients that leave, by their number', async () => {
    publish();
    const leaving = new AbortController();
    const asked = Array.from({ length: 20 }, (_, index) =>
      origin.get(`${video}?_HLS_msn=5`, index % 2 === 0 ? { signal: leaving.signal } : {}).then(
        ({ status }) => status,
        () => 'left',
      ),
    );
    await origin.untilWaiting('test', 20);
    leaving.abort();
    await origin.untilWaiting('test', 10);
    origin.clock.advance(6_000);
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter((outcome) => outcome === 'left')).toHaveLength(10);
    expect(outcomes.filter((outcome) => outcome === 503)).toHaveLength(10);
    expect(origin.clock.pendingTimers).toBe(0);
  });

  it('forgets a client that leaves', async () => {
    publish();
    const leaving = new AbortController();
    const asked = origin.get(`${video}?_HLS_msn=5`, { signal: leaving.signal });
    await origin.untilWaiting('test', 1);
    leaving.abort();
    await expect(asked).rejects.toThrow();
    await origin.untilWaiting('test', 0);
    expect(origin.clock.pendingTimers).toBe(0);
  });
});

describe('first playlist', () => {
  it.each(['index.m3u8', 'video.m3u8', 'audio.m3u8?_HLS_msn=1'])('%s waits for it', async (name) => {
    const stream = origin.publish('test', both, run(0, 1));
    const asked = origin.get(`/live/test/${name}`);
    await origin.untilWaiting('test', 1);
    for (const unit of run(1_000, 3)) stream.push(unit);
    const answer = await asked;
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('#EXTM3U');
  });

  it('is refused with 503 when it does not come in ten seconds', async () => {
    origin.publish('test', both);
    const asked = origin.get('/live/test/index.m3u8');
    await origin.untilWaiting('test', 1);
    origin.clock.advance(10_000);
    const answer = await asked;
    expect(answer.status).toBe(503);
    expect(answer.headers.get('Retry-After')).toBe('1');
  });

  it('is not found when the stream ends before', async () => {
    const stream = origin.publish('test', both);
    const asked = origin.get('/live/test/index.m3u8');
    await origin.untilWaiting('test', 1);
    stream.end();
    expect((await asked).status).toBe(404);
  });
});

describe('media', () => {
  it('answers for initialisation, segments and parts; a segment is its parts', async () => {
    origin.publish('test', both, run(0, 5));
    const playlist = await (await origin.get('/live/test/video.m3u8')).text();
    const epoch = /MAP:URI="(.*)\/video\/init-0.mp4"/.exec(playlist)?.[1] ?? '';
    const init = await origin.get(`/live/test/${epoch}/video/init-0.mp4`);
    expect(init.status).toBe(200);
    expect(init.headers.get('Content-Type')).toBe('video/mp4');
    expect(init.headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable');
    for (const kind of ['video', 'audio']) {
      const segment = await origin.get(`/live/test/${epoch}/${kind}/1.m4s`);
      expect(segment.headers.get('Content-Type')).toBe(`${kind}/mp4`);
      const parts: Buffer[] = [];
      for (let index = 0; index < 6; index++) {
        const part = await origin.get(`/live/test/${epoch}/${kind}/1.${index}.m4s`);
        expect(part.status).toBe(200);
        parts.push(Buffer.from(await part.arrayBuffer()));
      }
      expect(Buffer.from(await segment.arrayBuffer()).equals(Buffer.concat(parts))).toBe(true);
    }
  });

  it.each([
    'e1/video/9.m4s',
    'e1/video/1.99.m4s',
    'e1/video/init-1.mp4',
    'e0/video/1.m4s',
    'e1/video/01.m4s',
    'e1/text/1.m4s',
    'e1/video/1.m4s/more',
    '..%2Findex.m3u8',
    'other.m3u8',
  ])('has nothing at %s, and says so for a second', async (path) => {
    origin.publish('test', both, run(0, 5));
    const answer = await origin.get(`/live/test/${path}`);
    expect(answer.status).toBe(404);
    expect(answer.headers.get('Cache-Control')).toBe('public, max-age=1');
    expect(answer.headers.get('Content-Type')).toBe('text/plain; charset=utf-8');
    expect((await answer.text()).length).toBeGreaterThan(10);
  });

  it('holds the part that the hint names until it is whole', async () => {
    const stream = origin.publish('test', both, run(0, 4.5));
    const playlist = await (await origin.get('/live/test/video.m3u8')).text();
    const hint = /PRELOAD-HINT:.*URI="([^"]*)"/.exec(playlist)?.[1] ?? '';
    expect(hint).toBe('e1/video/3.1.m4s');
    const asked = origin.get(`/live/test/${hint}`);
    await origin.untilWaiting('test', 1);
    for (const unit of run(0, 5).filter(({ timestampMs }) => timestampMs >= 4_500)) stream.push(unit);
    const answer = await asked;
    expect(answer.status).toBe(200);
    expect(answer.headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable');
    expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(200);
  });

  it('does not find that part when it does not come in time, or nobody publishes', async () => {
    const stream = origin.publish('test', both, run(0, 4.4));
    const asked = origin.get('/live/test/e1/video/3.1.m4s');
    await origin.untilWaiting('test', 1);
    origin.clock.advance(3_050);
    expect((await asked).status).toBe(404);
    stream.stopPublication();
    expect((await origin.get('/live/test/e1/video/4.0.m4s')).status).toBe(404);
  });

  it('answers for what has left the playlist for three target durations more', async () => {
    await origin.close();
    origin = await LiveOrigin.start({ live: { window: '8s' } });
    origin.publish('test', both, run(0, 20.5));
    const playlist = await (await origin.get('/live/test/video.m3u8')).text();
    const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1]);
    expect(first).toBeGreaterThanOrEqual(5);
    for (const msn of [first - 1, first - 2, first - 3]) {
      expect((await origin.get(`/live/test/e1/video/${msn}.0.m4s`)).status).toBe(200);
      expect((await origin.get(`/live/test/e1/video/${msn}.m4s`)).status).toBe(200);
    }
    expect((await origin.get('/live/test/e1/video/1.m4s')).status).toBe(404);
  });
});

describe('the end of a stream', () => {
  it('keeps its playlists for one window more, then there is no such stream', async () => {
    const stream = origin.publish('test', both, run(0, 5));
    stream.end();
    expect(await (await origin.get('/live/test/video.m3u8')).text()).toContain('#EXT-X-ENDLIST');
    origin.clock.advance(59_999);
    expect((await origin.get('/live/test/index.m3u8')).status).toBe(200);
    origin.clock.advance(1);
    const gone = await origin.get('/live/test/index.m3u8');
    expect(gone.status).toBe(404);
    expect(await gone.text()).toContain('no live stream "test"');
  });

  it('makes room at once for a new life of the same name, whose paths are others', async () => {
    origin.publish('test', both, run(0, 5)).end();
    origin.publish('test', both, run(0, 5));
    expect(await (await origin.get('/live/test/video.m3u8')).text()).toContain('e2/video/1.m4s');
    expect((await origin.get('/live/test/e1/video/1.m4s')).status).toBe(404);
    origin.clock.advance(60_000);
    expect((await origin.get('/live/test/video.m3u8')).status).toBe(200);
  });
});

describe('a stream that nobody waits for over HTTP', () => {
  const publishUnread = () => {
    const stream = origin.publish('test', both, run(0, 1));
    expect(stream.leaveUnreadMs(50)).toBe(0);
    for (const unit of run(0, 6.8).filter(({ timestampMs }) => timestampMs >= 1_000)) stream.push(unit);
    expect(stream.leaveUnreadMs(50)).toBe(50);
    return stream;
  };

  it.each([
    ['a state of a playlist', '/live/test/audio.m3u8?_HLS_msn=2&_HLS_part=0'],
    ['a part', '/live/test/e1/audio/2.0.m4s'],
  ])(
    'may be left unread, until somebody asks for %s that may be yet to come, and ten seconds after that again',
    async (...[, path]) => {
      const stream = publishUnread();
      await origin.get(path);
      expect(stream.leaveUnreadMs(1_000)).toBeLessThan(350);
      origin.clock.advance(9_999);
      expect(stream.leaveUnreadMs(50)).toBe(0);
      origin.clock.advance(1);
      expect(stream.leaveUnreadMs(50)).toBe(50);
    },
  );

  it('may be left unread while somebody asks for what there is, and is read for him ten times a second at most', async () => {
    const stream = publishUnread();
    let reads = 0;
    for (let ms = 0; ms < 1_000; ms += 20) {
      expect(stream.leaveUnreadMs(1_000, () => reads++)).toBe(1_000);
      await origin.get('/live/test/audio.m3u8');
      origin.clock.advance(20);
    }
    expect(reads).toBe(10);
  });

  it('is read when somebody asks, and he gets what was left unread until then', async () => {
    const stream = origin.publish('test', both, run(0, 6.8));
    const unread = run(0, 8.8).filter(({ timestampMs }) => timestampMs >= 6_800);
    // As a socket is: not before the event loop comes to it.
    const readNow = () => {
      setImmediate(() => {
        for (const unit of unread) stream.push(unit);
      });
    };
    stream.leaveUnreadMs(1_000, readNow);
    const playlist = await (await origin.get('/live/test/video.m3u8')).text();
    expect(playlist).toContain('/video/3.m4s');
  });
});
