import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/cli/system-clock.ts';
import { type PublishItem, publishRtmp } from '../../src/rtmp/rtmp-publisher.ts';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { encodeClip } from '../support/encoded-media.ts';
import { HlsPage } from '../support/hls-page.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';
import { interleaved } from '../support/synthetic-units.ts';

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
  const viewer = await HlsPage.open(browser, program.edgeUrl);
  await viewer.play('tracks', { setUp: 'window.hls = hls;' });
  const { page } = viewer;
  await eventually('it plays', async () => (await viewer.seen()).width > 0, 20_000);
  // It sorts them by their bitrate.
  expect(await page.evaluate('hls.levels.map(({ width }) => width)')).toEqual([160, 320]);
  expect(await page.evaluate('hls.audioTracks.map(({ lang }) => lang)')).toEqual(['de', 'en']);
  for (const { level, width, audioTrack } of [
    { level: 0, width: 160, audioTrack: 1 },
    { level: 1, width: 320, audioTrack: 0 },
  ]) {
    const { currentTime } = await viewer.seen();
    await page.evaluate(`hls.nextLevel = ${level}; hls.audioTrack = ${audioTrack}; undefined`);
    await eventually(`level ${level} is shown`, async () => (await viewer.seen()).width === width, 15_000);
    await eventually('it plays on', async () => (await viewer.seen()).currentTime > currentTime + 3, 15_000);
    expect(await page.evaluate('hls.audioTrack')).toBe(audioTrack);
  }
  expect((await viewer.seen()).fatal).toEqual([]);
  stop.abort();
  await publishing;
});
