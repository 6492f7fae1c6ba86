import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VideoAccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TimedUnit } from '../../src/policy/timed-unit.ts';
import { LiveOrigin } from '../support/live-origin.ts';
import { misleadingHints } from '../support/preload-hints.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

/** After so many distances between keyframes that are the same, another one is probable. */
const learningGops = 3;
const hintIn = (playlist: string) => /PRELOAD-HINT:.*URI="e1\/([^"]*)"/.exec(playlist)?.[1];

describe('PRELOAD-HINT', () => {
  it.each([
    ['full', 30, ['video/4.4.m4s', 'video/4.5.m4s', 'video/5.0.m4s', 'video/5.1.m4s']],
    ['short', 25, ['video/4.5.m4s', 'video/4.6.m4s', 'video/5.0.m4s', 'video/5.1.m4s']],
  ])('names the first part of the next segment as soon as the last one is there, which is %s', (_, rate, expected) => {
    const published = new PublishedStream();
    published.start([videoConfig]);
    const hints = videoUnits({ seconds: 9, framesPerSecond: rate, gop: 2 * rate }).map((unit) => {
      published.send([unit]);
      return hintIn(published.playlist('video.m3u8'));
    });
    const changes = hints.filter((hint, index) => hint !== hints[index - 1]);
    const from = changes.indexOf(expected[0]);
    expect(changes.slice(from, from + expected.length)).toEqual(expected);
    // With the picture before the keyframe, not with that or one behind it.
    expect(hints.indexOf('video/5.0.m4s')).toBe(8 * rate - 1);
    published.stop();
  });

  it('names what comes next, whatever the rate, the distance of keyframes and the sound beside', () => {
    const stream = fc.record({
      framesPerSecond: fc.constantFrom(10, 15, 24, 25, 30_000 / 1_001, 30, 48, 50, 60),
      gopMs: fc.integer({ min: 400, max: 4_000 }),
      sampleRate: fc.constantFrom(undefined, 44_100, 48_000),
      compositionOffsetMs: fc.constantFrom(0, 66),
    });
    fc.assert(
      fc.property(stream, ({ sampleRate, gopMs, ...run }) => {
        const gop = Math.round((gopMs * run.framesPerSecond) / 1_000);
        const knownMs = (learningGops * gop * 1_000) / run.framesPerSecond;
        const seconds = knownMs / 1_000 + 10;
        const config = { ...audioConfig, sampleRate: sampleRate ?? 48_000 };
        const sound = sampleRate === undefined ? [] : audioUnits({ seconds, config });
        const units = interleaved(videoUnits({ ...run, gop, seconds }), sound);
        const published = new PublishedStream();
        published.start(sound.length > 0 ? [videoConfig, config] : [videoConfig]);
        published.send(units.filter(({ timestampMs }) => timestampMs <= knownMs + 100));
        const names = sound.length > 0 ? ['video.m3u8', 'audio.m3u8'] : ['video.m3u8'];
        const learning = names.map((name) => published.histories.get(name)?.length ?? 0);
        published.send(units.filter(({ timestampMs }) => timestampMs > knownMs + 100));
        published.stop();
        names.forEach((name, index) => {
          const texts = published.histories.get(name)?.slice(learning[index]) ?? [];
          expect(texts.length).toBeGreaterThan(20);
          expect(misleadingHints(texts)).toEqual([]);
        });
      }),
      { numRuns: 20 },
    );
  });
});

describe('PRELOAD-HINT of a rendition that is made of the pictures', () => {
  it.each([
    ['ten pictures', 10, 0],
    ['thirty pictures', 30, 0],
    ['ten pictures, which are decoded two sooner than shown', 10, 2 * 3_000],
  ])('names what comes next: where its segments end is known already; it lags %s', (_, lag, aheadTicks) => {
    const published = new PublishedStream();
    published.late.push('360p.m3u8');
    const rendition = published.packager.addRendition('360p');
    const made: TimedUnit[] = [];
    published.packager.listen({
      onEpoch: () => rendition.onConfig({ ...videoConfig, width: 640, height: 360 }),
      onUnit: (unit) => {
        made.push(unit);
        if (made.length <= lag) return;
        for (const { dtsTicks, compositionOffsetTicks, ...sample } of made.splice(0, 1)) {
          const offsetTicks = compositionOffsetTicks + aheadTicks;
          rendition.onUnit({ ...sample, dtsTicks: dtsTicks - aheadTicks, compositionOffsetTicks: offsetTicks });
        }
      },
      onRunEnd: () => {},
    });
    published.start([videoConfig]);
    published.send(videoUnits({ seconds: 20, compositionOffsetMs: 100 }));
    const texts = published.histories.get('360p.m3u8') ?? [];
    expect(hintIn(texts.at(-1) ?? '')).toMatch(/360p\/(?:9|10)\./);
    expect(misleadingHints(texts)).toEqual([]);
    published.stop();
  });
});

describe('the part that the hint names', () => {
  const rate = 30;
  const partPath = (name: string) => `/live/test/e1/${name}.m4s`;
  const pictures = videoUnits({ seconds: 12 }) as VideoAccessUnit[];
  let origin: LiveOrigin;
  beforeEach(async () => {
    origin = await LiveOrigin.start();
  });
  afterEach(() => origin.close());

  /** Up to the picture before the keyframe that segment 5 begins with. */
  const publishFour = () => {
    const stream = origin.publish('test', [videoConfig], pictures.slice(0, 8 * rate));
    const { packager } = origin.channels.get('live/test') ?? {};
    return { stream, waiting: () => packager?.changes.size };
  };

  it('is held in the segment after the open one too, and so is the playlist that lists it', async () => {
    const { stream, waiting } = publishFour();
    const playlist = await (await origin.get('/live/test/video.m3u8')).text();
    expect(hintIn(playlist)).toBe('video/5.0.m4s');
    const asked = [partPath('video/5.0'), '/live/test/video.m3u8?_HLS_msn=5&_HLS_part=0'].map((path) =>
      origin.get(path),
    );
    await origin.untilWaiting('test', 2);
    const [before, last] = [pictures.slice(8 * rate, 8 * rate + 9), pictures.slice(8 * rate + 9, 8 * rate + 10)];
    for (const unit of before) stream.push(unit);
    expect(waiting()).toBe(2);
    for (const unit of last) stream.push(unit);
    expect(waiting()).toBe(0);
    const [part, listed] = await Promise.all(asked);
    expect([part?.status, listed?.status]).toEqual([200, 200]);
    expect((await part?.arrayBuffer())?.byteLength).toBeGreaterThan(200);
    expect(await listed?.text()).toContain('video/5.0.m4s"');
  });

  it('is held before it is named: the first of the next segment may be the next one', async () => {
    const stream = origin.publish('test', [videoConfig], pictures.slice(0, 7 * rate));
    const { packager } = origin.channels.get('live/test') ?? {};
    expect(hintIn(await (await origin.get('/live/test/video.m3u8')).text())).toBe('video/4.3.m4s');
    const asked = origin.get(partPath('video/5.0'));
    await origin.untilWaiting('test', 1);
    for (const unit of pictures.slice(7 * rate, 8 * rate + 9)) stream.push(unit);
    expect(packager?.changes.size).toBe(1);
    for (const unit of pictures.slice(8 * rate + 9, 8 * rate + 10)) stream.push(unit);
    expect((await asked).status).toBe(200);
  });

  it('is not found any more as soon as nobody publishes', async () => {
    const { stream, waiting } = publishFour();
    const asked = origin.get(partPath('video/5.0'));
    await origin.untilWaiting('test', 1);
    stream.stopPublication();
    expect(waiting()).toBe(0);
    expect((await asked).status).toBe(404);
  });

  it('is not found as soon as its segment has ended without it', async () => {
    // Two intervals make nothing probable.
    const stream = origin.publish('test', [videoConfig], pictures.slice(0, 6 * rate));
    const { packager } = origin.channels.get('live/test') ?? {};
    const playlist = await (await origin.get('/live/test/video.m3u8')).text();
    expect(hintIn(playlist)).toBe('video/3.6.m4s');
    const asked = origin.get(partPath('video/3.6'));
    await origin.untilWaiting('test', 1);
    for (const unit of pictures.slice(6 * rate, 6 * rate + 2)) stream.push(unit);
    expect(packager?.changes.size).toBe(0);
    expect((await asked).status).toBe(404);
  });

  it('is no other: nobody waits for what cannot be next', async () => {
    publishFour();
    for (const name of ['video/4.7', 'video/5.1', 'video/6.0']) {
      expect((await origin.get(partPath(name))).status).toBe(404);
    }
  });
});
