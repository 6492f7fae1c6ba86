import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { currentTime, frameNumber, playerState } from '../support/player-page.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const root = join(import.meta.dirname, '..', '..');
const clip = join(root, 'media', 'demo.mp4');
const mainFile = join(root, 'src', 'cli', 'main.ts');
const artifacts = join(root, 'artifacts');

let program: RunningProgram;
let browser: BrowserContext;
let publisher: { stop(): Promise<unknown> } | undefined;

/** `streamfront publish` with the demo clip in a loop, until stopped; its exit code then. */
function publishClip(name: string): { stop(): Promise<unknown> } {
  const child = spawn(process.execPath, [mainFile, 'publish', clip, `${program.rtmpUrl}/${name}`, '--loop'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  return {
    stop: async () => {
      child.kill('SIGINT');
      const [code] = (await exited) as [number | null];
      expect(code).toBe(0);
    },
  };
}

beforeAll(async () => {
  program = await startProgram({ configuration: { demo: false } });
  browser = await openBrowser();
  mkdirSync(artifacts, { recursive: true });
});

afterEach(async () => {
  await publisher?.stop();
  publisher = undefined;
  await Promise.all(browser.pages().map((page) => page.close()));
});

afterAll(async () => {
  await browser.close();
  await program.stop();
});

describe('the player page', () => {
  it('plays a live stream from a click on its card, close to live, without a stall, and plays on after an outage', async () => {
    publisher = publishClip('clip');
    const page = await browser.newPage();
    await page.goto(`${program.edgeUrl}/`);
    const card = page.getByRole('link', { name: /clip/ });
    await card.waitFor();
    // The guide names the port that encoders reach, whatever it is.
    await page.locator('main').getByText(program.rtmpUrl, { exact: true }).waitFor();
    // A warm edge: somebody else watches already, and the window has filled.
    await eventually('the window holds some segments', async () => {
      const playlist = await (await fetch(`${program.edgeUrl}/live/clip/video.m3u8`)).text();
      return playlist.split('#EXTINF').length > 4;
    });

    await card.click();
    await eventually('it plays', async () => (await playerState(page))['state'] === 'playing');
    const firstFrameMs = Number((await playerState(page))['firstFrameMs']);
    expect(firstFrameMs).toBeGreaterThan(0);
    expect(firstFrameMs).toBeLessThanOrEqual(1_500);

    const begin = await currentTime(page);
    await page.waitForTimeout(10_000);
    expect((await currentTime(page)) - begin).toBeGreaterThanOrEqual(9);
    const state = await playerState(page);
    expect(Number(state['latencySeconds'])).toBeGreaterThan(0);
    expect(Number(state['latencySeconds'])).toBeLessThanOrEqual(2.5);
    expect(state['stalls']).toBe('0');
    expect(state['edge']).toBe('local');

    // Pixels that hold a number of the clip are not black.
    expect(await frameNumber(page)).toBeGreaterThanOrEqual(0);
    await page.screenshot({ path: join(artifacts, 'player-page.png') });

    await publisher.stop();
    publisher = undefined;
    await page.waitForTimeout(5_000);
    publisher = publishClip('clip');
    const resumed = await currentTime(page);
    await eventually(
      'it plays on',
      async () => (await playerState(page))['state'] === 'playing' && (await currentTime(page)) > resumed + 3,
      20_000,
    );
    expect(await frameNumber(page)).toBeGreaterThanOrEqual(0);
  });

  it('says in plain words that a stream does not exist, and plays it when it comes', async () => {
    const page = await browser.newPage();
    await page.goto(`${program.edgeUrl}/?stream=nowhere`);
    await eventually('it says so', async () => (await playerState(page))['state'] === 'absent');
    expect(await page.locator('main').innerText()).toMatch(/nowhere/);
    publisher = publishClip('nowhere');
    await eventually('it plays', async () => (await playerState(page))['state'] === 'playing', 30_000);
    expect(await frameNumber(page)).toBeGreaterThanOrEqual(0);
  });
});
