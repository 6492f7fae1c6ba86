import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { packetHashes } from '../support/ffmpeg.ts';
import { FfmpegEncoder } from '../support/ffmpeg-encoder.ts';
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
        live: { reconnectGrace: '2s', encryption: [{ stream: 'live/whole*', method: 'AES-128', rotate: 2 }] },
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
