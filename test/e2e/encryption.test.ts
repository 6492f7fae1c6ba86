import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { packetHashes } from '../support/ffmpeg.ts';
import { FfmpegEncoder } from '../support/ffmpeg-encoder.ts';
import { frameNumberInPage } from '../support/frame-counter.ts';
import { HlsPage } from '../support/hls-page.ts';
import { recordPlaylists } from '../support/playlist-recorder.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const clip = join(import.meta.dirname, '..', '..', 'media', 'demo.mp4');

let program: RunningProgram;
let browser: BrowserContext;

beforeAll(async () => {
  program = await startProgram({
    configuration: {
      demo: false,
      origin: {
        live: {
          reconnectGrace: '2s',
          encryption: [
            { stream: 'live/whole*', method: 'AES-128', rotate: 2 },
            { stream: 'live/samples', method: 'SAMPLE-AES', rotate: 2 },
          ],
        },
      },
    },
  });
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
  await program.stop();
});

describe.concurrent('a stream that is encrypted by AES-128, with a new key every two segments', () => {
  it('is decrypted by ffmpeg packet by packet, through the edge', async () => {
    const { edgeUrl, rtmpUrl } = program;
    const publisher = spawn(
      'ffmpeg',
      ['-nostdin', '-loglevel', 'error', '-re', '-i', clip, '-c', 'copy', '-f', 'flv', `${rtmpUrl}/whole`],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const published = once(publisher, 'exit');
    const playlists = recordPlaylists(`${edgeUrl}/live/whole`, ['video.m3u8', 'audio.m3u8']);
    const url = `${edgeUrl}/live/whole/index.m3u8`;
    await eventually('the playlist is there', async () => (await fetch(url)).status === 200, 20_000);
    const read = await packetHashes(url, ['-live_start_index', '0']);
    expect((await published)[0]).toBe(0);
    const source = await packetHashes(clip);
    expect(source.video).toHaveLength(960);
    expect(read).toEqual(source);
    const last = (await playlists).get('video.m3u8')?.at(-1) ?? '';
    const keys = [...last.matchAll(/#EXT-X-KEY:METHOD=AES-128,URI="([^"]+)"/g)].map((match) => match[1]);
    expect(new Set(keys).size).toBe(8);
    // Who may have a key is asked each time.
    for (let time = 0; time < 2; time++) {
      const answer = await fetch(`${edgeUrl}/live/whole/${keys[0]}`);
      expect((await answer.arrayBuffer()).byteLength).toBe(16);
      expect(answer.headers.get('Cache-Control')).toBe('private, no-store');
      expect(answer.headers.get('X-Cache')).toBe('Miss from streamfront');
    }
  });

  it('is played by hls.js in Chromium over several keys, and not at all with a wrong one', async () => {
    await using _encoder = new FfmpegEncoder(`${program.rtmpUrl}/whole-watched`);
    const viewer = await HlsPage.open(browser, program.edgeUrl);
    await viewer.play('whole-watched');
    const first = await viewer.untilPlayed(1);
    const later = await viewer.untilPlayed(9);
    expect(later.audioBytes).toBeGreaterThan(first.audioBytes);

    const stranger = await HlsPage.open(browser, program.edgeUrl);
    let asked = 0;
    await stranger.page.route('**/keys/*', async (route) => {
      asked++;
      await route.fulfill({ body: Buffer.alloc(16, 7), contentType: 'application/octet-stream' });
    });
    await stranger.play('whole-watched');
    await eventually('hls.js gives up', async () => (await stranger.seen()).fatal.length > 0, 40_000);
    expect(asked).toBeGreaterThan(0);
    expect((await stranger.seen()).frame).toBeNull();
  });
});

/**
 * For a page, as text: plays the segments of a playlist with Media Source Extensions, and gives the keys that it names to
 * ClearKey. `spoil` changes the first byte of each key.
 */
const playWithClearKey = `async (url, spoil) => {
  const playlist = await (await fetch(url)).text();
  const at = (path) => new URL(path, url).href;
  const bytesOf = async (path) => new Uint8Array(await (await fetch(at(path))).arrayBuffer());
  const base64url = (bytes) => bytes.toBase64({ alphabet: 'base64url', omitPadding: true });
  const type = 'video/mp4; codecs="avc1.640028"';
  const access = await navigator.requestMediaKeySystemAccess('org.w3.clearkey', [
    { initDataTypes: ['keyids'], videoCapabilities: [{ contentType: type, encryptionScheme: 'cbcs' }] },
  ]);
  const mediaKeys = await access.createMediaKeys();
  const video = document.createElement('video');
  video.muted = true;
  video.style = 'position: fixed; left: 0; top: 0; width: 640px; height: 360px';
  document.body.append(video);
  await video.setMediaKeys(mediaKeys);
  const keys = [];
  for (const path of new Set([...playlist.matchAll(/METHOD=SAMPLE-AES,URI="([^"]+)"/g)].map(([, uri]) => uri))) {
    const k = await bytesOf(path);
    if (spoil) k[0] ^= 1;
    keys.push({ kty: 'oct', kid: base64url(Uint8Array.fromHex(path.slice(path.indexOf('/') + 1))), k: base64url(k) });
  }
  const session = mediaKeys.createSession();
  const asked = new Promise((resolve) => session.addEventListener('message', resolve, { once: true }));
  await session.generateRequest('keyids', new TextEncoder().encode(JSON.stringify({ kids: keys.map(({ kid }) => kid) })));
  await asked;
  await session.update(new TextEncoder().encode(JSON.stringify({ keys, type: 'temporary' })));
  const source = new MediaSource();
  video.src = URL.createObjectURL(source);
  await new Promise((resolve) => source.addEventListener('sourceopen', resolve, { once: true }));
  const buffer = source.addSourceBuffer(type);
  for (const [, map, segment] of playlist.matchAll(/#EXT-X-MAP:URI="([^"]+)"|^([^#\\s]+\\.m4s)$/gm)) {
    buffer.appendBuffer(await bytesOf(map ?? segment));
    await new Promise((resolve) => buffer.addEventListener('updateend', resolve, { once: true }));
  }
  window.begin = video.buffered.start(0);
  return keys.length;
}`;

describe('a stream whose samples are encrypted (cbcs), with a new key every two segments', () => {
  it('is decrypted by Chromium with ClearKey, and by no other key', async () => {
    await using _encoder = new FfmpegEncoder(`${program.rtmpUrl}/samples`);
    const url = `${program.edgeUrl}/live/samples/video.m3u8`;
    await eventually(
      'there are twelve seconds of it',
      async () => ((await (await fetch(url)).text()).match(/^#EXTINF:/gm) ?? []).length >= 6,
      40_000,
    );
    const viewer = await HlsPage.open(browser, program.edgeUrl);
    const keys = await viewer.page.evaluate<number>(`(${playWithClearKey})(${JSON.stringify(url)}, false)`);
    expect(keys).toBeGreaterThan(2);
    const [first = -1, ...later] = await framesAt(viewer, [1, 5, 9]);
    expect(first).toBeGreaterThanOrEqual(0);
    expect(later).toEqual([first + 120, first + 240]);
    const stranger = await HlsPage.open(browser, program.edgeUrl);
    await stranger.page.evaluate(`(${playWithClearKey})(${JSON.stringify(url)}, true)`);
    expect(await framesAt(stranger, [1, 5])).toEqual([-1, -1]);
  }, 90_000);
});

/** The numbers in the picture so many seconds from its beginning, −1 where there is none; scripts may not read it. */
async function framesAt({ page }: HlsPage, times: readonly number[]): Promise<number[]> {
  const frames: number[] = [];
  for (const seconds of times) {
    await page.evaluate(`new Promise((resolve) => {
      const video = document.querySelector('video');
      for (const event of ['seeked', 'error']) video.addEventListener(event, resolve, { once: true });
      video.currentTime = window.begin + ${seconds};
      if (video.error !== null) resolve();
    }).then(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))`);
    const picture = await page.screenshot({ clip: { x: 0, y: 0, width: 640, height: 360 } });
    const source = `data:image/png;base64,${picture.toString('base64')}`;
    const frame = await page.evaluate<number | null>(`(async () => {
      const image = new Image();
      image.src = ${JSON.stringify(source)};
      await image.decode();
      return (${frameNumberInPage})(image);
    })()`);
    frames.push(frame ?? -1);
  }
  return frames;
}
