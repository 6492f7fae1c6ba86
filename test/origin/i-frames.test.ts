import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IFrames } from '../../src/origin/i-frames.ts';
import { encodeClip } from '../support/encoded-media.ts';
import { run } from '../support/ffmpeg.ts';
import { parsePlaylist } from '../support/parsed-playlist.ts';
import { LiveOrigin } from '../support/live-origin.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const targets = { targetDurationSeconds: 2, partTargetMs: 350, segmentSeconds: 2 };

/** Segments of two parts of 1 s, the first of which begins with a keyframe unless said otherwise. */
class Listing {
  readonly iFrames = new IFrames(targets, (seconds) => `at ${seconds}`);
  #msn = 0;

  segment({ discontinuity = false, independent = true, startSeconds = this.#msn * 2, open = false } = {}): this {
    const head = { msn: this.#msn++, startSeconds, discontinuity, independent, initIndex: 0, programDateTime: '' };
    this.iFrames.startSegment(head);
    this.iFrames.addPart({ byteLength: 100, start: 0, firstSampleEnd: 60, durationSeconds: 1, independent });
    this.iFrames.addPart({ byteLength: 50, start: 0, firstSampleEnd: 50, durationSeconds: 1, independent: false });
    if (!open) this.iFrames.endSegment();
    return this;
  }

  get listed() {
    return this.iFrames.listed.map(({ segmentMsn, durationSeconds }) => [segmentMsn, durationSeconds]);
  }
}

describe('IFrames', () => {
  it('lists an I-frame when its segment is complete and the next one tells how long it stands', () => {
    const listing = new Listing().segment();
    expect(listing.listed).toEqual([]);
    listing.segment({ open: true });
    expect(listing.listed).toEqual([[0, 2]]);
    expect(listing.iFrames.listed[0]).toMatchObject({ offset: 0, byteLength: 60, programDateTime: 'at 0' });
    expect(listing.iFrames.lastMsn).toBe(0);
  });

  it('finds each keyframe that a part begins with', () => {
    const { iFrames } = new Listing();
    const head = { msn: 4, discontinuity: false, independent: true, initIndex: 3, programDateTime: '' };
    iFrames.startSegment({ ...head, startSeconds: 8 });
    for (const independent of [true, false, true]) {
      iFrames.addPart({ byteLength: 100, start: 0, firstSampleEnd: 70, durationSeconds: 0.5, independent });
    }
    iFrames.endSegment();
    iFrames.end();
    expect(
      iFrames.listed.map(({ offset, durationSeconds, initIndex }) => [offset, durationSeconds, initIndex]),
    ).toEqual([
      [0, 1, 3],
      [200, 0.5, 3],
    ]);
  });

  it('says no longer than TARGETDURATION allows, however long the picture stands', () => {
    const listing = new Listing().segment().segment({ independent: false }).segment({ independent: false }).segment();
    expect(listing.listed).toEqual([[0, 2.499]]);
  });

  it('lists one that stands longer as soon as that is certain: it must not leave before it was listed', () => {
    const listing = new Listing().segment();
    listing.iFrames.addGap(false, 2.4);
    expect(listing.listed).toEqual([]);
    listing.iFrames.addGap(false, 4.4);
    expect(listing.listed).toEqual([[0, 2.499]]);
    listing.segment({ startSeconds: 4.4, independent: false }).segment({ startSeconds: 6.4, open: true });
    expect(listing.listed).toEqual([[0, 2.499]]);
  });

  it('lets the last picture of a run stand to its end, and carries the discontinuity to the next I-frame', () => {
    const listing = new Listing().segment();
    listing.iFrames.addGap(true, 60);
    expect(listing.listed).toEqual([[0, 2]]);
    listing.segment({ startSeconds: 60, independent: false, discontinuity: false });
    listing.segment({ startSeconds: 62, open: true }).iFrames.endSegment();
    listing.iFrames.end();
    expect(listing.listed).toEqual([
      [0, 2],
      [2, 2],
    ]);
    expect(listing.iFrames.listed.map(({ discontinuities }) => discontinuities)).toEqual([0, 1]);
    const direct = new Listing().segment().segment({ startSeconds: 60, discontinuity: true });
    expect(direct.listed).toEqual([[0, 2]]);
  });

  it('counts each discontinuity, also of runs of time in which there is no I-frame', () => {
    const listing = new Listing().segment().segment({ discontinuity: true, independent: false });
    listing.iFrames.addGap(true, 6);
    listing.segment({ discontinuity: true }).segment().segment();
    expect(listing.iFrames.listed.map(({ discontinuities }) => discontinuities)).toEqual([0, 3, 0]);
    listing.iFrames.leave(3);
    expect(listing.iFrames).toMatchObject({ mediaSequence: 2, discontinuitySequence: 3 });
  });

  it('counts what leaves, and the discontinuities among it', () => {
    const listing = new Listing().segment().segment({ discontinuity: true }).segment().segment();
    listing.iFrames.leave(2);
    expect(listing.listed).toEqual([[2, 2]]);
    expect(listing.iFrames).toMatchObject({ mediaSequence: 2, lastMsn: 2, discontinuitySequence: 1 });
  });

  it('measures bits a second by how long each stands, of the first one as long as a segment should be', () => {
    expect(new Listing().iFrames.bitrate()).toBeUndefined();
    expect(new Listing().segment().iFrames.bitrate()).toEqual({ peak: 240, average: 240 });
    expect(new Listing().segment().segment().iFrames.bitrate()).toEqual({ peak: 240, average: 240 });
  });
});

describe('an I-frame playlist', () => {
  /** What stands in a playlist of the number of each segment's discontinuity, by the date of the segment. */
  function discontinuityNumbers(text: string): Map<number, number> {
    const { segments, discontinuitySequence } = parsePlaylist(text);
    let number = discontinuitySequence;
    return new Map(segments.map((segment) => [segment.programDateTimeMs ?? 0, (number += segment.discontinuities)]));
  }

  it('has the last picture of a publisher who has left, before another comes', () => {
    const published = new PublishedStream();
    published.start([videoConfig]);
    published.send(videoUnits({ seconds: 6 }));
    published.stop();
    const { segments } = parsePlaylist(published.iFrameHistories.get('video-iframes.m3u8')?.at(-1) ?? '');
    expect(segments.map(({ durationSeconds }) => durationSeconds)).toEqual([2, 2, 2]);
    published.end();
  });

  it('counts discontinuities as the pictures do, over runs of time that have no picture', () => {
    const both = [videoConfig, audioConfig];
    const published = new PublishedStream({ window: '12s' });
    const run = (fromMs: number) => interleaved(videoUnits({ fromMs, seconds: 6 }), audioUnits({ fromMs, seconds: 6 }));
    for (const [round, units] of [run(0), audioUnits({ seconds: 4 }), audioUnits({ seconds: 3 }), run(0)].entries()) {
      published.start(both);
      published.send(units);
      published.stop();
      const numbers = discontinuityNumbers(published.playlist('video.m3u8'));
      const listed = discontinuityNumbers(published.iFrameHistories.get('video-iframes.m3u8')?.at(-1) ?? '');
      expect(listed.size).toBeGreaterThan(0);
      for (const [date, number] of listed) expect([round, date, number]).toEqual([round, date, numbers.get(date)]);
    }
    expect(published.iFrameHistories.get('video-iframes.m3u8')?.at(-1)).toContain(
      'DISCONTINUITY\n#EXT-X-DISCONTINUITY\n',
    );
    published.end();
  });
});

describe('an I-frame playlist of encoded pictures', () => {
  it('lists ranges that ffmpeg decodes to one picture each, with the initialisation segment: the keyframes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'streamfront-iframes-'));
    try {
      const media = await encodeClip(9);
      const published = new PublishedStream();
      published.start(media.configs);
      published.send(media.units);
      published.stop();
      published.end();
      const rendition = published.packager.rendition('video');
      const text = published.iFrameHistories.get('video-iframes.m3u8')?.at(-1) ?? '';
      const ranges = [...text.matchAll(/BYTERANGE:(\d+)@(\d+)\n\S+\/(\d+)\.m4s/g)].map((match) =>
        match.slice(1).map(Number),
      );
      const keyframes = media.units.filter((unit) => unit.kind === 'video' && unit.keyframe);
      expect(ranges.length).toBe(keyframes.length);
      expect(ranges.length).toBeGreaterThan(3);
      const init = rendition?.init(0) ?? new Uint8Array();
      const decode = async (bytes: Uint8Array, options: readonly string[] = []) => {
        const file = join(folder, 'media.mp4');
        await writeFile(file, bytes);
        const output = ['-map', '0:v', '-fps_mode', 'passthrough', '-f', 'framemd5', '-'];
        const result = await run('ffmpeg', ['-nostdin', '-v', 'error', ...options, '-i', file, ...output]);
        expect(result.code).toBe(0);
        return result.standardOutput.split('\n').flatMap((line) => /([0-9a-f]{32})$/.exec(line)?.[1] ?? []);
      };
      const segments = rendition?.window.segments ?? [];
      const bytesOf = (msn = 0) =>
        Buffer.concat(
          segments.filter((segment) => segment.msn === msn).flatMap(({ parts }) => parts.map(({ bytes }) => bytes)),
        );
      const all = Buffer.concat([init, ...segments.map(({ msn }) => bytesOf(msn))]);
      const expected = await decode(all, ['-skip_frame', 'nokey']);
      expect(new Set(expected).size).toBe(keyframes.length);
      for (const [index, [length = 0, offset = 0, msn]] of ranges.entries()) {
        const range = bytesOf(msn).subarray(offset, offset + length);
        expect(await decode(Buffer.concat([init, range]))).toEqual([expected[index]]);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('the I-frame playlist over HTTP', () => {
  const both = [videoConfig, audioConfig];
  const units = (seconds: number) => interleaved(videoUnits({ seconds }), audioUnits({ seconds }));
  const path = '/live/test/video-iframes.m3u8';
  let origin: LiveOrigin;
  beforeEach(async () => {
    origin = await LiveOrigin.start();
  });
  afterEach(() => origin.close());

  it('is named in the multivariant playlist, with the bits a second of its ranges', async () => {
    origin.publish('test', both, units(9));
    const text = await (await origin.get('/live/test/index.m3u8')).text();
    expect(text).toMatch(
      /#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="avc1\.64001f",RESOLUTION=1280x720,URI="video-iframes\.m3u8"/,
    );
    const listed = await (await origin.get(path)).text();
    const bytes = [...listed.matchAll(/BYTERANGE:(\d+)@/g)].map((match) => Number(match[1]));
    expect(bytes.length).toBe(4);
    expect(text).toContain(`I-FRAME-STREAM-INF:BANDWIDTH=${Math.round((Math.max(...bytes) * 8) / 2)},`);
  });

  it('lists ranges that the origin gives', async () => {
    origin.publish('test', both, units(9));
    const listed = await (await origin.get(path)).text();
    const [, length = '', offset = '', segment = ''] = /BYTERANGE:(\d+)@(\d+)\n(\S+)/.exec(listed) ?? [];
    const [first, last] = [Number(offset), Number(offset) + Number(length) - 1];
    const answer = await origin.get(`/live/test/${segment}`, { headers: { Range: `bytes=${first}-${last}` } });
    const whole = Buffer.from(await (await origin.get(`/live/test/${segment}`)).arrayBuffer());
    expect(answer.status).toBe(206);
    expect(answer.headers.get('Content-Range')).toBe(`bytes ${first}-${last}/${whole.length}`);
    expect(Buffer.from(await answer.arrayBuffer()).equals(whole.subarray(first, last + 1))).toBe(true);
  });

  it('is waited for by the first player, and by _HLS_msn', async () => {
    const stream = origin.publish('test', both, units(2.2));
    const sendUpTo = (from: number, to: number) => {
      for (const unit of units(to)) if (unit.timestampMs >= from * 1_000) stream.push(unit);
    };
    const first = origin.get(path);
    await origin.untilWaiting('test', 1);
    sendUpTo(2.2, 4.7);
    expect(await (await first).text()).toContain('/1.m4s');
    const next = origin.get(`${path}?_HLS_msn=2`);
    await origin.untilWaiting('test', 1);
    sendUpTo(4.7, 8.7);
    const answer = await next;
    expect(answer.headers.get('Cache-Control')).toBe('public, max-age=12, stale-if-error=360');
    expect(await answer.text()).toContain('/3.m4s');
    expect((await origin.get(`${path}?_HLS_msn=9`)).status).toBe(400);
    const late = origin.get(`${path}?_HLS_msn=5`);
    await origin.untilWaiting('test', 1);
    origin.clock.advance(6_000);
    expect((await late).status).toBe(503);
    stream.end();
    expect(await (await origin.get(`${path}?_HLS_msn=99`)).text()).toContain('#EXT-X-ENDLIST');
  });

  it('is not there for sound, nor for what there is not', async () => {
    origin.publish('test', both, units(5));
    expect((await origin.get('/live/test/audio-iframes.m3u8')).status).toBe(404);
    expect((await origin.get('/live/test/other-iframes.m3u8')).status).toBe(404);
  });
});

describe('a range of a segment', () => {
  let origin: LiveOrigin;
  beforeEach(async () => {
    origin = await LiveOrigin.start();
    origin.publish('test', [videoConfig], videoUnits({ seconds: 5 }));
  });
  afterEach(() => origin.close());
  const segment = '/live/test/e1/video/1.m4s';
  const whole = async () => Buffer.from(await (await origin.get(segment)).arrayBuffer());
  const ranged = (range: string, headers: Record<string, string> = {}) =>
    origin.get(segment, { headers: { ...headers, Range: range } });

  it('may reach over parts, from the end, or to it', async () => {
    const bytes = await whole();
    for (const [range, first, last] of [
      ['bytes=0-0', 0, 0],
      ['bytes=10-900', 10, 900],
      ['bytes=-5', bytes.length - 5, bytes.length - 1],
      ['bytes=400-', 400, bytes.length - 1],
      ['bytes=400-99999999', 400, bytes.length - 1],
    ] as const) {
      const answer = await ranged(range);
      expect(answer.status).toBe(206);
      expect(answer.headers.get('Content-Range')).toBe(`bytes ${first}-${last}/${bytes.length}`);
      expect(answer.headers.get('Content-Length')).toBe(String(last + 1 - first));
      expect(Buffer.from(await answer.arrayBuffer()).equals(bytes.subarray(first, last + 1))).toBe(true);
    }
  });

  it('is the whole where it is none, several, or made to depend on what there is not', async () => {
    const bytes = await whole();
    for (const [range, headers] of [
      ['bytes=5-1', {}],
      ['lines=0-1', {}],
      ['bytes=0-1,4-5', {}],
      ['bytes=0-1', { 'If-Range': '"x"' }],
    ] as const) {
      const answer = await ranged(range, headers);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('Accept-Ranges')).toBe('bytes');
      expect((await answer.arrayBuffer()).byteLength).toBe(bytes.length);
    }
  });

  it('is refused with the length behind the end', async () => {
    const bytes = await whole();
    const answer = await ranged(`bytes=${bytes.length}-`);
    expect(answer.status).toBe(416);
    expect(answer.headers.get('Content-Range')).toBe(`bytes */${bytes.length}`);
  });
});
