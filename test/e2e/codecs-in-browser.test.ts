import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawConnection } from '../rtmp/raw-connection.ts';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import {
  type EncodableAudio,
  type EncodableVideo,
  encodedAudio,
  encodedVideo,
  type SentMessage,
  sentTogether,
} from '../support/enhanced-media.ts';
import { clipFramesPerSecond, frameNumberInPage } from '../support/frame-counter.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const root = join(import.meta.dirname, '..', '..');
const clip = join(root, 'media', 'demo.mp4');
const hlsJs = join(root, 'node_modules', 'hls.js', 'dist', 'hls.js');

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

/** The clip from `fromSeconds` on, with the number of each of its frames in the picture. */
function numbered(size: string, fromSeconds: number, seconds: number): string {
  const until = fromSeconds + seconds;
  return `movie=${clip},trim=start=${fromSeconds}:end=${until},setpts=PTS-STARTPTS,fps=25,scale=${size}`;
}

/** Sends each message when its time has come, while somebody watches. */
async function publishedWhile(name: string, messages: readonly SentMessage[], watch: () => Promise<void>) {
  const stop = new AbortController();
  const publishing = publishPaced(name, messages, stop.signal);
  try {
    await watch();
  } finally {
    stop.abort();
    await publishing;
  }
}

async function publishPaced(name: string, messages: readonly SentMessage[], signal: AbortSignal): Promise<void> {
  const connection = await RawConnection.at('publishing', Number(new URL(program.rtmpUrl).port), name);
  const startedMs = performance.now();
  for (const message of messages) {
    const leftMs = startedMs + message.timestampMs - performance.now();
    if (signal.aborted) break;
    if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
    connection.sendMessage(message);
  }
  connection.end();
}

// What runs in the page stands here as text: it speaks of a DOM that the types of this program do not know.

/** A page that has hls.js and nothing else. It stands before anything is published: media do not wait for it. */
async function openPage(): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(`${program.edgeUrl}/healthz`);
  await page.addScriptTag({ path: hlsJs });
  return page;
}

/** Plays with hls.js as it is. */
async function play(page: Page, name: string): Promise<void> {
  const url = `${program.edgeUrl}/live/${name}/index.m3u8`;
  await eventually('the playlist is there', async () => (await fetch(url)).status === 200, 20_000);
  await page.evaluate(`(() => {
    const video = document.createElement('video');
    video.muted = true;
    video.autoplay = true;
    document.body.append(video);
    window.problems = [];
    const hls = new Hls();
    hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) window.problems.push(data.details + ' ' + data.reason); });
    hls.loadSource(${JSON.stringify(url)});
    hls.attachMedia(video);
  })()`);
}

/** What the browser says to the CODECS of the playlist. */
async function supported(page: Page, name: string): Promise<boolean> {
  const playlist = await (await fetch(`${program.edgeUrl}/live/${name}/index.m3u8`)).text();
  const codecs = /CODECS="([^"]+)"/.exec(playlist)?.[1] ?? 'none';
  return page.evaluate<boolean>(`MediaSource.isTypeSupported('video/mp4; codecs="${codecs}"')`);
}

interface Seen {
  readonly frame: number | null;
  readonly width: number;
  readonly audioBytes: number;
  readonly problems: readonly string[];
}

function seenIn(page: Page): Promise<Seen> {
  return page.evaluate<Seen>(`(() => {
    const video = document.querySelector('video');
    return {
      frame: video.readyState < 2 ? null : (${frameNumberInPage})(video),
      width: video.videoWidth,
      audioBytes: video.webkitAudioDecodedByteCount,
      problems: window.problems,
    };
  })()`);
}

/** Waits until the page shows a frame of the clip from this number on. */
function untilFrame(page: Page, number: number): Promise<Seen & { readonly frame: number }> {
  return eventually(
    `frame ${number} is seen`,
    async () => {
      const seen = await seenIn(page);
      if (seen.problems.length > 0) throw new Error(seen.problems.join(', '));
      const { frame } = seen;
      return frame !== null && frame >= number && { ...seen, frame };
    },
    30_000,
  );
}

// At once: most of their time they wait for media to come.
describe.concurrent('Chromium with hls.js', () => {
  it.each<[EncodableVideo, EncodableAudio]>([
    ['avc', 'aac'],
    ['av1', 'opus'],
    ['vp9', 'opus'],
    ['avc', 'flac'],
  ])('decodes %s with %s: the number in the picture counts on', async (videoCodec, audioCodec) => {
    const name = `${videoCodec}-${audioCodec}`;
    const media = sentTogether(
      await encodedVideo(videoCodec, numbered('320:180', 0, 16)),
      await encodedAudio(audioCodec, 'sine=r=48000:d=16'),
    );
    const page = await openPage();
    await publishedWhile(name, media, async () => {
      await play(page, name);
      expect(await supported(page, name)).toBe(true);
      const first = await untilFrame(page, 1);
      const later = await untilFrame(page, first.frame + 3 * clipFramesPerSecond);
      expect(later.width).toBe(320);
      expect(later.audioBytes).toBeGreaterThan(first.audioBytes);
    });
    await page.close();
  });

  it.each<{ from: EncodableVideo; to: EncodableVideo }>([
    { from: 'avc', to: 'avc' },
    { from: 'av1', to: 'av1' },
    { from: 'avc', to: 'av1' },
  ])('plays on across a change of the picture from $from to $to of another size', async ({ from, to }) => {
    const name = `${from}-to-${to}`;
    const changeAt = 10;
    const media = sentTogether(
      await encodedVideo(from, numbered('320:180', 0, changeAt)),
      await encodedVideo(to, numbered('640:360', changeAt, 8), { fromMs: changeAt * 1_000 }),
      await encodedAudio('opus', `sine=r=48000:d=${changeAt + 8}`),
    );
    const page = await openPage();
    await publishedWhile(name, media, async () => {
      await play(page, name);
      const before = await untilFrame(page, 1);
      expect(before.width).toBe(320);
      const after = await untilFrame(page, (changeAt + 2) * clipFramesPerSecond);
      expect(after.width).toBe(640);
    });
    await page.close();
  });
});
