import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const root = join(import.meta.dirname, '..', '..');
const mpegtsJs = join(root, 'node_modules', 'mpegts.js', 'dist', 'mpegts.js');

let program: RunningProgram;
let browser: BrowserContext;
let stopPublishing: () => Promise<unknown>;

beforeAll(async () => {
  program = await startProgram({ configuration: { demo: false } });
  const clip = join(root, 'media', 'demo.mp4');
  const mainFile = join(root, 'src', 'cli', 'main.ts');
  const child = spawn(process.execPath, [mainFile, 'publish', clip, `${program.rtmpUrl}/stage`, '--loop'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  stopPublishing = () => {
    child.kill('SIGINT');
    return exited;
  };
  browser = await openBrowser();
  // A player is refused a stream that is not there yet.
  await eventually('the stream is live', async () => {
    const list = await (await fetch(`${program.edgeUrl}/live/streams.json`)).text();
    return list.includes('"state":"live"');
  });
});

afterAll(async () => {
  await browser.close();
  await stopPublishing();
  await program.stop();
});

interface PlayerState {
  readonly currentTime: number;
  readonly width: number;
  readonly problem: string | undefined;
}

/** As a reader of docs/rtmp.md puts it into a page. */
const documented = /```js\n(\/\/ mpegts\.js, in a page\n[^]*?)```/.exec(
  readFileSync(join(root, 'docs', 'rtmp.md'), 'utf8'),
)?.[1];
const documentedUrl = 'ws://localhost:8080/live/hello.flv';

/** Plays with mpegts.js in a page that has nothing else, as the documentation says. What runs in the page is text. */
async function play(url: string): Promise<Page> {
  if (documented?.includes(documentedUrl) !== true) throw new Error('docs/rtmp.md does not say how to play');
  const page = await browser.newPage();
  await page.goto(`${program.edgeUrl}/healthz`);
  await page.addScriptTag({ path: mpegtsJs });
  await page.evaluate(`(() => {
    mpegts.LoggingControl.enableAll = false;
    const video = document.createElement('video');
    video.muted = true;
    video.autoplay = true;
    document.body.append(video);
    ${documented.replace(documentedUrl, url)}
    player.on(mpegts.Events.ERROR, (...what) => { window.problem = what.map(String).join(' '); });
  })()`);
  return page;
}

function stateOf(page: Page): Promise<PlayerState> {
  return page.evaluate<PlayerState>(`(() => {
    const video = document.querySelector('video');
    return { currentTime: video.currentTime, width: video.videoWidth, problem: window.problem };
  })()`);
}

describe('Chromium with mpegts.js', () => {
  it.each(['http', 'ws'])('plays a live stream as FLV over %s, through the edge', async (scheme) => {
    const url = `${program.edgeUrl.replace('http', scheme)}/live/stage.flv`;
    const page = await play(url);
    const running = await eventually(
      'the picture runs',
      async () => {
        const state = await stateOf(page);
        if (state.problem !== undefined) throw new Error(state.problem);
        return state.currentTime > 0.5 && state;
      },
      20_000,
    );
    expect(running.width).toBe(1_280);
    const startedMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const later = await stateOf(page);
    const seconds = (performance.now() - startedMs) / 1_000;
    expect(later.problem).toBeUndefined();
    expect(later.currentTime - running.currentTime).toBeGreaterThan(seconds * 0.9);
    await page.close();
  });

  it('is told in plain words that a stream is not there', async () => {
    const page = await play(`${program.edgeUrl}/live/nobody.flv`);
    const problem = await eventually('an error', async () => (await stateOf(page)).problem);
    expect(problem).toContain('HttpStatusCodeInvalid');
    const answer = await fetch(`${program.edgeUrl}/live/nobody.flv`);
    expect(answer.status).toBe(404);
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*');
    expect(await answer.text()).toMatch(/nobody publishes live\/nobody|live\/nobody/);
    await page.close();
  });
});
