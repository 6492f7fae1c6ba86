import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import {
  currentTime,
  expectWithinPicture,
  pageAppearances,
  playerState,
  untilPlaying,
} from '../support/player-page.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const artifacts = join(import.meta.dirname, '..', '..', 'artifacts');

let program: RunningProgram;
let browser: BrowserContext;
let publisher: ChildProcess;

beforeAll(async () => {
  mkdirSync(artifacts, { recursive: true });
  program = await startProgram({
    configuration: {
      demo: false,
      origin: {
        live: {
          ladder: [{ stream: 'live/*', renditions: ['240p', { name: 'low', height: 120 }, 'audio'] }],
          ffmpeg: { encoder: 'libx264', preset: 'ultrafast' },
        },
      },
    },
  });
  const inputs = ['testsrc2=size=640x360:rate=30', 'sine=sample_rate=48000'];
  publisher = spawn(
    'ffmpeg',
    ['-nostdin', '-loglevel', 'error', ...inputs.flatMap((input) => ['-re', '-f', 'lavfi', '-i', input])].concat(
      ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '30', '-pix_fmt', 'yuv420p'],
      ['-c:a', 'aac', '-f', 'flv', `${program.rtmpUrl}/rungs`],
    ),
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  browser = await openBrowser();
});

afterAll(async () => {
  publisher.kill('SIGKILL');
  await browser.close();
  await program.stop();
});

function videoHeight(page: Page): Promise<number> {
  return page.evaluate<number>("document.querySelector('video').videoHeight");
}

async function openMenu(page: Page): Promise<void> {
  await page.locator('.player').hover();
  await page.locator('media-rendition-menu-button').click();
  await page.getByRole('menuitemradio', { name: '240p', exact: true }).waitFor();
}

/** The controls fade where the mouse rests for two seconds, with the menu: it is moved until the click has met. */
async function choose(page: Page, name: string): Promise<void> {
  const item = page.getByRole('menuitemradio', { name, exact: true });
  await eventually(
    `${name} is chosen`,
    async () => {
      await page.locator('.player').hover();
      if (!(await item.isVisible())) await openMenu(page);
      return item.click({ timeout: 1_000 }).then(
        () => true,
        () => false,
      );
    },
    20_000,
  );
}

describe('the quality menu of the player page', () => {
  it('offers every rendition of a ladder, and plays on when one is chosen', async () => {
    const page = await browser.newPage();
    await page.goto(`${program.edgeUrl}/?stream=rungs`);
    await untilPlaying(page);
    await openMenu(page);
    const offered = await page.getByRole('menuitemradio').allInnerTexts();
    expect(offered.map((name) => name.trim())).toEqual(expect.arrayContaining(['360p', '240p', '120p']));
    expect(offered).toHaveLength(4);
    // One sound is no choice.
    expect(await page.locator('media-audio-track-menu-button').isVisible()).toBe(false);
    for (const { name, height } of [
      { name: '120p', height: 120 },
      { name: '360p', height: 360 },
      { name: '240p', height: 240 },
    ]) {
      await choose(page, name);
      const from = await currentTime(page);
      await eventually(`${name} is shown`, async () => (await videoHeight(page)) === height, 20_000);
      await eventually('it plays on', async () => {
        return (await currentTime(page)) > from + 4 && (await playerState(page))['state'] === 'playing';
      });
    }
    await page.close();
  });

  it('plays on after ffmpeg was killed, with a rendition of it chosen', async () => {
    const page = await browser.newPage();
    await page.goto(`${program.edgeUrl}/?stream=rungs`);
    await untilPlaying(page);
    await choose(page, '120p');
    await eventually('120p is shown', async () => (await videoHeight(page)) === 120, 20_000);
    const begun = program.logLines().findLast(({ msg }) => msg === 'Renditions are being made');
    process.kill(Number(begun?.['pid']), 'SIGKILL');
    const from = await currentTime(page);
    await eventually(
      'it plays on',
      async () => (await currentTime(page)) > from + 10 && (await playerState(page))['state'] === 'playing',
      40_000,
    );
    // What was chosen is shown, or the choice has been given up.
    const checked = page.locator('media-rendition-menu media-chrome-menu-item[aria-checked="true"]');
    await eventually('the menu says what is the case', async () => {
      const value = await checked.first().getAttribute('value');
      return value === 'auto' || (await videoHeight(page)) === 120;
    });
    await page.close();
  });

  it.each(pageAppearances)('is within the picture: $theme, $size', async ({ theme, size, width, height }) => {
    const page = await browser.newPage();
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: theme });
    await page.goto(`${program.edgeUrl}/?stream=rungs`);
    await untilPlaying(page);
    await openMenu(page);
    await expectWithinPicture(page, 'media-rendition-menu', `quality-menu-${theme}-${size}`);
    await page.close();
  });
});
