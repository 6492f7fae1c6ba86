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
import { clipFramesPerSecond } from '../support/frame-counter.ts';
import { HlsPage, type SeenInPage } from '../support/hls-page.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const clip = join(import.meta.dirname, '..', '..', 'media', 'demo.mp4');

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

/** What the browser says to the CODECS of the playlist. */
async function supported(page: Page, name: string): Promise<boolean> {
  const playlist = await (await fetch(`${program.edgeUrl}/live/${name}/index.m3u8`)).text();
  const codecs = /CODECS="([^"]+)"/.exec(playlist)?.[1] ?? 'none';
  return page.evaluate<boolean>(`MediaSource.isTypeSupported('video/mp4; codecs="${codecs}"')`);
}

/** Waits until the page shows a frame of the clip from this number on. */
function untilFrame(viewer: HlsPage, number: number): Promise<SeenInPage & { readonly frame: number }> {
  return eventually(
    `frame ${number} is seen`,
    async () => {
      const seen = await viewer.seen();
      if (seen.fatal.length > 0) throw new Error(seen.fatal.join(', '));
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
    // It stands before anything is published: media do not wait for it.
    const viewer = await HlsPage.open(browser, program.edgeUrl);
    await publishedWhile(name, media, async () => {
      await viewer.play(name);
      expect(await supported(viewer.page, name)).toBe(true);
      const first = await untilFrame(viewer, 1);
      const later = await untilFrame(viewer, first.frame + 3 * clipFramesPerSecond);
      expect(later.width).toBe(320);
      expect(later.audioBytes).toBeGreaterThan(first.audioBytes);
    });
    await viewer.page.close();
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
    // It stands before anything is published: media do not wait for it.
    const viewer = await HlsPage.open(browser, program.edgeUrl);
    await publishedWhile(name, media, async () => {
      await viewer.play(name);
      const before = await untilFrame(viewer, 1);
      expect(before.width).toBe(320);
      const after = await untilFrame(viewer, (changeAt + 2) * clipFramesPerSecond);
      expect(after.width).toBe(640);
    });
    await viewer.page.close();
  });
});
