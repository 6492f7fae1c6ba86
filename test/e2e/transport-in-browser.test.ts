import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { FfmpegEncoder } from '../support/ffmpeg-encoder.ts';
import { HlsPage } from '../support/hls-page.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

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

describe('MPEG-TS in Chromium', () => {
  it('is played by hls.js over a discontinuity, when the encoder is killed and another one comes', async () => {
    const viewer = await HlsPage.open(browser, program.edgeUrl);
    {
      await using _first = new FfmpegEncoder(`${program.rtmpUrl}/twice`);
      await viewer.play('twice', { playlist: 'ts.m3u8' });
      await viewer.untilPlayed(2);
    }
    await using _second = new FfmpegEncoder(`${program.rtmpUrl}/twice`);
    const discontinuous = async () =>
      (await (await fetch(`${program.edgeUrl}/live/twice/ts.m3u8`)).text()).includes('#EXT-X-DISCONTINUITY\n');
    await eventually('there is a discontinuity', discontinuous, 30_000);
    await viewer.untilPlayed(12, 60_000);
  });

  it.each(['ts.m3u8', 'ts-index.m3u8'])(
    'is played by hls.js from %s, through the cache of the edge',
    async (playlist) => {
      const name = playlist.slice(0, playlist.indexOf('.'));
      await using _encoder = new FfmpegEncoder(`${program.rtmpUrl}/${name}`);
      const viewer = await HlsPage.open(browser, program.edgeUrl);
      await viewer.play(name, { playlist });
      const first = await viewer.untilPlayed(1);
      const later = await viewer.untilPlayed(6);
      expect(later.frame).not.toBe(first.frame);
      expect(later.audioBytes).toBeGreaterThan(first.audioBytes);

      const folder = `${program.edgeUrl}/live/${name}`;
      const media = await (await fetch(`${folder}/ts.m3u8`)).text();
      const uri = media.split('\n').findLast((line) => line.endsWith('.ts')) ?? 'none';
      const [before, after] = [await fetch(`${folder}/${uri}`), await fetch(`${folder}/${uri}`)];
      expect(after.headers.get('X-Cache')).toBe('Hit from streamfront');
      expect(after.headers.get('Content-Type')).toBe('video/mp2t');
      expect(Buffer.from(await after.arrayBuffer()).equals(Buffer.from(await before.arrayBuffer()))).toBe(true);
    },
  );
});
