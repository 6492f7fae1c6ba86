import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/cli/system-clock.ts';
import { type PublishItem, publishRtmp } from '../../src/rtmp/rtmp-publisher.ts';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { type EncodedMedia, encodeTone, loopPictures } from '../support/encoded-media.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import {
  currentTime,
  expectWithinPicture,
  frameNumber,
  pageAppearances,
  playerState,
  untilPlaying,
} from '../support/player-page.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';
import { interleaved } from '../support/synthetic-units.ts';

const root = join(import.meta.dirname, '..', '..');
const clipSeconds = 120;
const german = { hertz: 500, item: 'Deutsch' };
const english = { hertz: 1_500, item: 'Audio 2 (English)' };

let program: RunningProgram;
let browser: BrowserContext;
let pictures: EncodedMedia;
let sounds: readonly EncodedMedia[];
let streams = 0;
let stream: string;
let publisher: { stop(): Promise<void> };

/** The demo clip with a tone for each language; the second one has no name. */
async function* clipInTwoLanguages(): AsyncGenerator<PublishItem> {
  const languages = new Map([
    [
      '0',
      new Map([
        ['language', 'de'],
        ['name', 'Deutsch'],
      ]),
    ],
    ['1', new Map([['language', 'en']])],
  ]);
  yield { kind: 'metadata', properties: { audioTrackIdInfoMap: languages } };
  for (const config of pictures.configs) yield { kind: 'config', config };
  for (const [trackId, { configs }] of sounds.entries()) {
    for (const config of configs) yield { kind: 'config', config: { ...config, trackId } };
  }
  const audio = sounds.map(({ units }, trackId) => units.map((unit) => ({ ...unit, trackId })));
  for (const unit of interleaved(pictures.units, ...audio)) yield { kind: 'unit', unit };
}

function publish(): { stop(): Promise<void> } {
  const stop = new AbortController();
  const publishing = publishRtmp({
    url: `${program.rtmpUrl}/${stream}`,
    source: clipInTwoLanguages(),
    clock: systemClock,
    log: new LogRecorder(),
    signal: stop.signal,
    pacing: 'realtime',
  });
  return {
    stop: async () => {
      stop.abort();
      await publishing;
    },
  };
}

/** With sound: the browser wants a gesture for it. */
async function watch(page: Page): Promise<void> {
  await page.goto(`${program.edgeUrl}/?stream=${stream}`);
  await untilPlaying(page);
  if (await page.locator('.tap').isVisible()) await page.locator('.tap').click();
}

/** The strongest frequency of what the page plays just now, within 10 Hz. */
function heardHertz(page: Page): Promise<number> {
  return page.evaluate<number>(`(() => {
    window.heard ??= (() => {
      const context = new AudioContext();
      const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
      context.createMediaElementSource(document.querySelector('video')).connect(analyser).connect(context.destination);
      const levels = new Float32Array(analyser.frequencyBinCount);
      return async () => {
        await context.resume();
        analyser.getFloatFrequencyData(levels);
        const strongest = levels.indexOf(Math.max(...levels));
        return levels[strongest] > -60 ? (strongest * context.sampleRate) / analyser.fftSize : 0;
      };
    })();
    return window.heard();
  })()`);
}

async function untilHeard(page: Page, { hertz }: { readonly hertz: number }): Promise<void> {
  await eventually(`${hertz} Hz is heard`, async () => Math.abs((await heardHertz(page)) - hertz) < 10, 20_000);
}

async function untilPlayedOn(page: Page): Promise<void> {
  const from = await currentTime(page);
  const frame = await frameNumber(page);
  await eventually(
    'it plays on',
    async () => (await currentTime(page)) > from + 4 && (await playerState(page))['state'] === 'playing',
    20_000,
  );
  expect(await frameNumber(page)).not.toBe(frame);
}

function item(page: Page, { item: name }: { readonly item: string }) {
  return page.getByRole('menu', { name: 'Audio' }).getByRole('menuitemradio', { name, exact: true });
}

async function openMenu(page: Page): Promise<void> {
  await page.locator('.player').hover();
  await page.getByRole('button', { name: 'Audio' }).click();
  await untilFocused(page, german);
}

/** The first item has the focus when the menu has opened. */
async function untilFocused(page: Page, { item: name }: { readonly item: string }): Promise<void> {
  const focused = () => page.evaluate<string>("document.activeElement?.shadowRoot?.activeElement?.innerText ?? ''");
  await eventually(`${name} has the focus`, async () => (await focused()).trim() === name);
}

/** From here on: how often the video was begun anew. */
async function countBeginnings(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(`(() => {
    window.beginnings = 0;
    const video = document.querySelector('video');
    for (const event of ['emptied', 'loadstart']) video.addEventListener(event, () => (window.beginnings += 1));
  })()`);
  return () => page.evaluate<number>('window.beginnings');
}

async function expectChecked(page: Page, checked: { readonly item: string }): Promise<void> {
  await openMenu(page);
  const menu = page.getByRole('menu', { name: 'Audio' });
  const items = await menu.getByRole('menuitemradio', { checked: true }).allInnerTexts();
  expect(items.map((name) => name.trim())).toEqual([checked.item]);
}

beforeAll(async () => {
  mkdirSync(join(root, 'artifacts'), { recursive: true });
  pictures = await loopPictures(join(root, 'media', 'demo.mp4'), clipSeconds);
  sounds = [await encodeTone(german.hertz, clipSeconds), await encodeTone(english.hertz, clipSeconds)];
  program = await startProgram({ configuration: { demo: false, origin: { live: { reconnectGrace: '1s' } } } });
  browser = await openBrowser();
});

beforeEach(() => {
  // One that is over answers for a while.
  streams += 1;
  stream = `languages-${streams}`;
  publisher = publish();
});

afterEach(async () => {
  await publisher.stop();
  await Promise.all(browser.pages().map((page) => page.close()));
});

afterAll(async () => {
  await browser.close();
  await program.stop();
});

describe('the audio menu of the player page', () => {
  it('changes the language while the picture goes on, by mouse and by keyboard', async () => {
    const page = await browser.newPage();
    await watch(page);
    await untilHeard(page, german);
    await openMenu(page);
    const offered = await page.getByRole('menu', { name: 'Audio' }).getByRole('menuitemradio').allInnerTexts();
    expect(offered.map((name) => name.trim())).toEqual([german.item, english.item]);
    const beginnings = await countBeginnings(page);
    await item(page, english).click();
    await untilHeard(page, english);
    await untilPlayedOn(page);

    await page.getByRole('button', { name: 'Audio' }).focus();
    await page.keyboard.press('Enter');
    await untilFocused(page, german);
    await page.keyboard.press('ArrowDown');
    await untilFocused(page, english);
    await page.keyboard.press('Home');
    await untilFocused(page, german);
    await page.keyboard.press('Enter');
    await untilHeard(page, german);
    await untilPlayedOn(page);
    expect(await beginnings()).toBe(0);
    await expectChecked(page, german);
  });

  it('keeps the choice when the publisher comes back, and when the page is loaded anew', async () => {
    const page = await browser.newPage();
    await watch(page);
    await openMenu(page);
    await item(page, english).click();
    await untilHeard(page, english);
    await publisher.stop();
    await eventually('it is over', async () => (await playerState(page))['state'] === 'ended', 30_000);
    const reloaded = page.waitForRequest((request) => new URL(request.url()).pathname.endsWith('/index.m3u8'));
    publisher = publish();
    await reloaded;
    await untilPlaying(page);
    await untilHeard(page, english);

    await watch(page);
    await untilHeard(page, english);
    await expectChecked(page, english);
  });

  it.each(pageAppearances)('is within the picture: $theme, $size', async ({ theme, size, width, height }) => {
    const page = await browser.newPage();
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: theme });
    await watch(page);
    await openMenu(page);
    await expectWithinPicture(page, 'media-audio-track-menu', `audio-menu-${theme}-${size}`);
  });
});
