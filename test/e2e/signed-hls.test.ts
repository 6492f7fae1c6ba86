import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { packetHashes } from '../support/ffmpeg.ts';
import { FfmpegEncoder } from '../support/ffmpeg-encoder.ts';
import { cannedGrant, customGrant, grantSigner, policyFor, trusting } from '../support/grant-signer.ts';
import { HlsPage } from '../support/hls-page.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const signer = grantSigner('rsa', 'KRSA');
const logs = mkdtempSync(join(tmpdir(), 'signed-hls-'));
const encoders: FfmpegEncoder[] = [];
let program: RunningProgram;
let browser: BrowserContext;

beforeAll(async () => {
  const live = { query: ['_HLS_msn', '_HLS_part', '_HLS_skip'], disk: false };
  const guarded = { ...live, trustedKeyGroups: ['viewers'] };
  program = await startProgram({
    configuration: {
      demo: false,
      edge: {
        ...trusting({ viewers: [signer] }),
        accessLog: { folder: logs },
        distributions: [
          {
            name: 'site',
            behaviours: [
              { path: '/live/by-query/*', ...guarded, carryGrants: 'query' },
              { path: '/live/by-cookie/*', ...guarded, carryGrants: 'cookie' },
              { path: '*', ...live },
            ],
          },
        ],
      },
    },
  });
  for (const name of ['by-query', 'by-cookie']) encoders.push(new FfmpegEncoder(`${program.rtmpUrl}/${name}`));
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
  for (const encoder of encoders) await encoder.kill();
  await program.stop();
});

const untilSeconds = (seconds: number): number => Math.ceil(Date.now() / 1_000) + seconds;

/** `index.m3u8` of a stream with a grant for it alone. */
function signedPlaylist(name: string, seconds: number, edgeUrl = program.edgeUrl): string {
  const url = `${edgeUrl}/live/${name}/index.m3u8`;
  return `index.m3u8?${cannedGrant(signer, url, untilSeconds(seconds))}`;
}

/** All that a page asks below `/live/`, with the status of each answer. */
function watchRequests(viewer: HlsPage): { readonly url: URL; readonly status: number }[] {
  const seen: { url: URL; status: number }[] = [];
  viewer.page.on('response', (response) => {
    const url = new URL(response.url());
    if (url.pathname.startsWith('/live/')) seen.push({ url, status: response.status() });
  });
  return seen;
}

describe.concurrent.each([
  ['by-query', 'a token in the addresses of its playlists'],
  ['by-cookie', 'cookies for its folder'],
])('a low-latency stream under a grant that is carried on, %s: by %s', (name) => {
  it('is played by ffmpeg from one signed URL, and by nobody without', async () => {
    const playlist = signedPlaylist(name, 120);
    const url = `${program.edgeUrl}/live/${name}/${playlist}`;
    await eventually('the playlist is there', async () => (await fetch(url)).status === 200, 20_000);
    const { video, audio } = await packetHashes(url, ['-t', '4']);
    expect(video.length).toBeGreaterThan(80);
    expect(audio.length).toBeGreaterThan(100);
    for (const path of ['index.m3u8', 'video.m3u8', 'audio.m3u8']) {
      expect((await fetch(`${program.edgeUrl}/live/${name}/${path}`)).status).toBe(403);
    }
  });

  it('is played by hls.js in Chromium from one signed URL, by parts that it waits for', async () => {
    const viewer = await HlsPage.open(browser, program.edgeUrl);
    const seen = watchRequests(viewer);
    await viewer.play(name, { playlist: signedPlaylist(name, 120) });
    await viewer.untilPlayed(5);
    expect(seen.filter(({ status }) => status !== 200)).toEqual([]);
    expect(seen.some(({ url }) => url.searchParams.has('_HLS_part'))).toBe(true);
    expect(seen.some(({ url }) => /\/\d+\.\d+\.m4s$/.test(url.pathname))).toBe(true);
    const withToken = seen.filter(({ url }) => url.searchParams.has('Grant-Token'));
    expect(withToken).toHaveLength(name === 'by-query' ? seen.length - 1 : 0);
  });

  it('ends for hls.js when the grant does, and what it has plays on', async () => {
    // Another host: the cookies of the other pages are none of its.
    const edgeUrl = program.edgeUrl.replace('127.0.0.1', 'localhost');
    const viewer = await HlsPage.open(browser, edgeUrl);
    const seen = watchRequests(viewer);
    const endsSeconds = untilSeconds(9);
    await viewer.play(name, { playlist: signedPlaylist(name, 9, edgeUrl) });
    const before = await viewer.untilPlayed(1);
    await eventually('hls.js gives up', async () => (await viewer.seen()).fatal.length > 0, 40_000);
    expect(Date.now() / 1_000).toBeGreaterThanOrEqual(endsSeconds - 1);
    expect(new Set(seen.map(({ status }) => status))).toEqual(new Set([200, 403]));
    expect((await viewer.seen()).currentTime).toBeGreaterThan(before.currentTime);
  });
});

describe('signed cookies that an application has set', () => {
  it('let ffmpeg and hls.js play the stream, whose addresses stay as they are', async () => {
    const pattern = `${program.edgeUrl}/live/by-query/*`;
    const parameters = customGrant(signer, policyFor(pattern, untilSeconds(120)));
    const pairs = [...new URLSearchParams(parameters)].map(([key, value]) => ({ name: `CloudFront-${key}`, value }));
    const url = `${program.edgeUrl}/live/by-query/index.m3u8`;
    const cookie = pairs.map(({ name, value }) => `${name}=${value}`).join('; ');
    expect((await fetch(url, { headers: { cookie } })).status).toBe(200);
    const { video } = await packetHashes(url, ['-headers', `Cookie: ${cookie}\r\n`, '-t', '3']);
    expect(video.length).toBeGreaterThan(60);

    await browser.addCookies(pairs.map((pair) => ({ ...pair, url: program.edgeUrl })));
    try {
      const viewer = await HlsPage.open(browser, program.edgeUrl);
      const seen = watchRequests(viewer);
      // The page's own way to see whether it is there shows no cookies.
      await viewer.play('by-query', { playlist: signedPlaylist('by-query', 120), bare: true });
      await viewer.untilPlayed(3);
      expect(seen.filter(({ status, url: asked }) => status !== 200 || asked.searchParams.has('Grant-Token'))).toEqual(
        [],
      );
    } finally {
      await browser.clearCookies();
    }
  });
});

describe('the log and the access log of such a program', () => {
  it('name no token, no signature and no policy', async () => {
    const url = `${program.edgeUrl}/live/by-query/${signedPlaylist('by-query', 60)}`;
    const token = /Grant-Token=([^\s"]+)/.exec(await (await fetch(url)).text())?.[1] ?? 'none';
    const code = token.slice(token.lastIndexOf('.') + 1);
    expect((await fetch(`${program.edgeUrl}/live/by-query/none.m4s?Grant-Token=${token}`)).status).toBe(404);
    await program.stop();
    const accessLog = readdirSync(logs)
      .map((file) => readFileSync(join(logs, file), 'latin1'))
      .join('');
    expect(accessLog).toContain('none.m4s');
    expect(accessLog).toContain('Grant-Token=REDACTED');
    const written = accessLog + program.standardOutput() + JSON.stringify(program.logLines());
    expect(written).not.toContain(code);
    expect(written).not.toMatch(/Grant-Token=(?!REDACTED)|Signature=(?!REDACTED)|Policy=(?!REDACTED)/);
  });
});
