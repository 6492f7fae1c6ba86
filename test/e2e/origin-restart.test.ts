import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { watchSettings } from '../../player/src/hls-settings.ts';
import { freePort } from '../bench/server-process.ts';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { FfmpegEncoder } from '../support/ffmpeg-encoder.ts';
import { recordPlaylists } from '../support/playlist-recorder.ts';
import { validateMediaPlaylists } from '../support/playlist-validator.ts';
import { startProgram } from '../support/program.ts';

const hlsJs = join(import.meta.dirname, '..', '..', 'node_modules', 'hls.js', 'dist', 'hls.js');

interface Watching {
  readonly currentTime: number;
  readonly fatal: readonly string[];
}

/** hls.js as the player page sets it up, in a page that mends nothing itself. */
async function watch(page: Page, edgeUrl: string): Promise<() => Promise<Watching>> {
  await page.goto(`${edgeUrl}/healthz`);
  await page.addScriptTag({ path: hlsJs });
  await page.evaluate(`(() => {
    const video = document.createElement('video');
    video.muted = true;
    video.autoplay = true;
    document.body.append(video);
    window.fatal = [];
    const hls = new Hls(${JSON.stringify(watchSettings)});
    hls.on(Hls.Events.ERROR, (_event, { fatal, type, details }) => {
      if (fatal) window.fatal.push(type + ': ' + details);
    });
    hls.attachMedia(video);
    hls.loadSource('/live/stage/index.m3u8');
  })()`);
  return () =>
    page.evaluate<Watching>(`({ currentTime: document.querySelector('video').currentTime, fatal: window.fatal })`);
}

it('hls.js plays on over two kills of the origin while ffmpeg publishes through the edge; every playlist is valid', async () => {
  await using stack = new AsyncDisposableStack();
  const data = mkdtempSync(join(tmpdir(), 'streamfront-restart-'));
  stack.defer(() => rmSync(data, { recursive: true, force: true }));
  const [rtmpPort, httpPort] = [await freePort(), await freePort()];
  const ports = ['--origin-rtmp-port', String(rtmpPort), '--origin-http-port', String(httpPort)];
  const startOrigin = () =>
    startProgram({
      configuration: { roles: ['origin'], demo: false, origin: { live: { reconnectGrace: '12s' } } },
      flags: [...ports, '--data', data],
    });
  const main = { url: `http://127.0.0.1:${httpPort}`, rtmp: `rtmp://127.0.0.1:${rtmpPort}` };
  const edge = await startProgram({ configuration: { roles: ['edge'], edge: { origins: { main } } } });
  stack.defer(async () => {
    await edge.stop();
  });
  let origin = await startOrigin();
  stack.defer(async () => {
    await origin.stop();
  });
  const encoder = new FfmpegEncoder(`${edge.rtmpUrl}/stage`);
  stack.use(encoder);
  await eventually(
    'there is a playlist',
    async () => (await fetch(`${edge.edgeUrl}/live/stage/index.m3u8`)).ok,
    30_000,
  );
  const recorded = recordPlaylists(`${edge.edgeUrl}/live/stage`, ['video.m3u8', 'audio.m3u8']);
  recorded.catch(() => {});
  const browser = await openBrowser();
  stack.defer(() => browser.close());
  const watching = await watch(await browser.newPage(), edge.edgeUrl);
  const plays = async (seconds: number) => {
    const { currentTime } = await watching();
    await eventually(
      `${seconds} s more have been played`,
      async () => (await watching()).currentTime > currentTime + seconds,
      40_000,
    );
  };

  await plays(4);
  for (let kill = 0; kill < 2; kill++) {
    origin.process.kill('SIGKILL');
    await origin.stop();
    origin = await startOrigin();
    // Before any encoder can be back.
    const answer = await fetch(`${origin.originUrl}/live/stage/video.m3u8`);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('#EXT-X-GAP');
    await plays(8);
  }
  expect((await watching()).fatal).toEqual([]);

  await encoder.kill();
  const histories = await recorded;
  expect(validateMediaPlaylists(histories)).toEqual([]);
  const last = histories.get('video.m3u8')?.at(-1) ?? '';
  expect(new Set([...last.matchAll(/^([\w-]+)\/video\/\d+\.m4s$/gm)].map((match) => match[1])).size).toBe(1);
}, 180_000);
