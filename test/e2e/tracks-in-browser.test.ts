import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/cli/system-clock.ts';
import { type PublishItem, publishRtmp } from '../../src/rtmp/rtmp-publisher.ts';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { encodeClip } from '../support/encoded-media.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';
import { interleaved } from '../support/synthetic-units.ts';

const hlsJs = join(import.meta.dirname, '..', '..', 'node_modules', 'hls.js', 'dist', 'hls.js');
let program: RunningProgram;
let browser: BrowserContext;

beforeAll(async () => {
  program = await startProgram({ configuration: { demo: false } });
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
  await program.stop();
});

/** Two pictures of different size and two languages. */
async function* twoOfEach(seconds: number): AsyncGenerator<PublishItem> {
  const [large, small] = [await encodeClip(seconds), await encodeClip(seconds, ['-s', '160x90'])];
  const languages = new Map([
    ['0', new Map([['language', 'de']])],
    ['1', new Map([['language', 'en']])],
  ]);
  yield { kind: 'metadata', properties: { audioTrackIdInfoMap: languages } };
  for (const config of large.configs) yield { kind: 'config', config };
  for (const config of small.configs) yield { kind: 'config', config: { ...config, trackId: 1 } };
  const further = small.units.map((unit) => ({ ...unit, trackId: 1 }));
  for (const unit of interleaved(large.units, further)) yield { kind: 'unit', unit };
}

/** What runs in the page stands here as text: it speaks of a DOM that the types of this program do not know. */
async function play(page: Page, url: string): Promise<void> {
  await page.goto(`${program.edgeUrl}/healthz`);
  await page.addScriptTag({ path: hlsJs });
  await page.evaluate(`(() => {
    const video = document.createElement('video');
    video.muted = true;
    video.autoplay = true;
    document.body.append(video);
    window.problems = [];
    window.hls = new Hls();
    hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) window.problems.push(data.details + ' ' + data.reason); });
    hls.loadSource(${JSON.stringify(url)});
    hls.attachMedia(video);
  })()`);
}

it('hls.js finds pictures and languages of one publisher, and changes both while it plays', async () => {
  const stop = new AbortController();
  const publishing = publishRtmp({
    url: `${program.rtmpUrl}/tracks`,
    source: twoOfEach(40),
    clock: systemClock,
    log: new LogRecorder(),
    signal: stop.signal,
    pacing: 'realtime',
  });
  const page = await browser.newPage();
  const url = `${program.edgeUrl}/live/tracks/index.m3u8`;
  await eventually('the playlist is there', async () => (await fetch(url)).status === 200, 30_000);
  await play(page, url);
  const seen = () =>
    page.evaluate<{ time: number; width: number; problems: string[]; audio: number }>(`(() => {
      const video = document.querySelector('video');
      return { time: video.currentTime, width: video.videoWidth, problems: window.problems, audio: hls.audioTrack };
    })()`);
  await eventually('it plays', async () => (await seen()).width > 0, 20_000);
  // It sorts them by their bitrate.
  expect(await page.evaluate('hls.levels.map(({ width }) => width)')).toEqual([160, 320]);
  expect(await page.evaluate('hls.audioTracks.map(({ lang }) => lang)')).toEqual(['de', 'en']);
  for (const { level, width, audioTrack } of [
    { level: 0, width: 160, audioTrack: 1 },
    { level: 1, width: 320, audioTrack: 0 },
  ]) {
    const { time } = await seen();
    await page.evaluate(`hls.nextLevel = ${level}; hls.audioTrack = ${audioTrack}; undefined`);
    await eventually(`level ${level} is shown`, async () => (await seen()).width === width, 15_000);
    await eventually('it plays on', async () => (await seen()).time > time + 3, 15_000);
    expect((await seen()).audio).toBe(audioTrack);
  }
  expect((await seen()).problems).toEqual([]);
  stop.abort();
  await publishing;
});
