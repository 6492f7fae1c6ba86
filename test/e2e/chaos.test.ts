import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { watchSettings } from '../../player/src/hls-settings.ts';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { recordPlaylists } from '../support/playlist-recorder.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const root = join(import.meta.dirname, '..', '..');
const clip = join(root, 'media', 'demo.mp4');
const hlsJs = join(root, 'node_modules', 'hls.js', 'dist', 'hls.js');

const kills = 50;
const seed = 20_261_120;
const longestRunMs = 900;
const longestPauseMs = 100;
/** Of the encoders that die, one in so many does before it has begun to publish, or just then. */
const earlyDeaths = 5;
/** On a busy machine an encoder takes long to start; that is not what is tried here. */
const reconnectGrace = '20s';
const deadlineMs = 240_000;

let program: RunningProgram;
let browser: BrowserContext;

beforeAll(async () => {
  program = await startProgram({ configuration: { demo: false, origin: { live: { reconnectGrace } } } });
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
  await program.stop();
});

/** mulberry32: the same instants each time. */
function randomNumbers(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Said at the edge and at the origin. */
function publications(): number {
  return program.logLines().filter(({ msg }) => msg === 'Publisher started').length;
}

class Encoder {
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor() {
    const input = ['-nostdin', '-loglevel', 'quiet', '-re', '-stream_loop', '-1', '-i', clip];
    this.#process = spawn('ffmpeg', [...input, '-c', 'copy', '-f', 'flv', `${program.rtmpUrl}/chaos`]);
    this.#exited = once(this.#process, 'exit');
  }

  async onAir(): Promise<void> {
    const before = publications();
    await eventually('the encoder publishes', () => publications() > before, 30_000);
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exited;
  }
}

interface Watching {
  readonly currentTime: number;
  readonly fatal: readonly string[];
  readonly stalledMs: number;
  readonly watchedMs: number;
  /** What the media element holds, and the last that hls.js said went wrong. */
  readonly buffered: readonly (readonly [from: number, to: number])[];
  readonly problems: readonly string[];
}

/** hls.js as the player page sets it up, in a page that has nothing else and mends nothing itself. */
async function watch(): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(`${program.edgeUrl}/healthz`);
  await page.addScriptTag({ path: hlsJs });
  await page.evaluate(`(() => {
    const video = document.createElement('video');
    video.muted = true;
    video.autoplay = true;
    document.body.append(video);
    window.watching = { fatal: [], problems: [], stalledMs: 0, watchedMs: 0 };
    const hls = new Hls(${JSON.stringify(watchSettings)});
    hls.on(Hls.Events.ERROR, (_event, { fatal, type, details, error }) => {
      window.watching.problems = [...window.watching.problems, details + ": " + error?.message].slice(-5);
      if (fatal) window.watching.fatal.push(type + ": " + details + ": " + error?.message);
    });
    hls.attachMedia(video);
    hls.loadSource('/live/chaos/index.m3u8');
    let before = { atMs: performance.now(), time: 0 };
    setInterval(() => {
      const now = { atMs: performance.now(), time: video.currentTime };
      window.watching.watchedMs += now.atMs - before.atMs;
      if (now.time === before.time) window.watching.stalledMs += now.atMs - before.atMs;
      before = now;
    }, 100);
  })()`);
  return page;
}

function stateOf(page: Page): Promise<Watching> {
  return page.evaluate<Watching>(`(() => {
    const { currentTime, buffered } = document.querySelector('video');
    const ranges = Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]);
    return { ...window.watching, currentTime, buffered: ranges };
  })()`);
}

async function untilPlayed(page: Page, seconds: number): Promise<void> {
  const { currentTime } = await stateOf(page);
  const hasPlayed = async () => (await stateOf(page)).currentTime > currentTime + seconds;
  try {
    await eventually(`${seconds} s more have been played`, hasPlayed, 30_000);
  } catch (cause) {
    throw new Error(`it stands still: ${JSON.stringify(await stateOf(page))}`, { cause });
  }
}

describe('a publisher that is killed and comes back, again and again', () => {
  it(
    `never costs hls.js a fatal error: ${kills} times at random instants`,
    async () => {
      let encoder = new Encoder();
      await eventually('the stream is live', async () => {
        const list = await (await fetch(`${program.edgeUrl}/live/streams.json`)).text();
        return list.includes('"state":"live"');
      });
      const recorded = recordPlaylists(`${program.originUrl}/live/chaos`, ['video.m3u8', 'audio.m3u8'], deadlineMs);
      // It is awaited at the end; until then it may have failed with the rest.
      recorded.catch(() => {});
      const page = await watch();
      await untilPlayed(page, 1);
      const random = randomNumbers(seed);
      for (let kill = 0; kill < kills; kill++) {
        if (kill % earlyDeaths !== 0) await encoder.onAir();
        await sleep(random() * longestRunMs);
        await encoder.kill();
        await sleep(random() * longestPauseMs);
        encoder = new Encoder();
      }
      const { fatal, stalledMs, watchedMs } = await stateOf(page);
      expect(fatal).toEqual([]);
      await untilPlayed(page, 3);
      await encoder.kill();
      expect((await stateOf(page)).fatal).toEqual([]);
      // Every state of the playlists was as it must be.
      await recorded;
      process.stdout.write(
        `${kills} kills: stalled for ${(stalledMs / 1_000).toFixed(1)} s of ${(watchedMs / 1_000).toFixed(1)} s\n`,
      );
    },
    deadlineMs,
  );
});
