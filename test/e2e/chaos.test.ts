import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maxLatencyDurationCount, watchSettings } from '../../player/src/hls-settings.ts';
import { freePort } from '../bench/server-process.ts';
import { openBrowser } from '../support/browser.ts';
import { eventually } from '../support/condition.ts';
import { FfmpegEncoder } from '../support/ffmpeg-encoder.ts';
import { HlsPage } from '../support/hls-page.ts';
import { recordPlaylists } from '../support/playlist-recorder.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const kills = 50;
const seed = 20_261_120;
const longestRunMs = 900;
const longestPauseMs = 100;
/** Of the encoders that die, one in so many does before it has begun to publish, or just then. */
const earlyDeaths = 5;
/** On a busy machine an encoder takes long to start; that is not what is tried here. */
const reconnectGrace = '20s';
const deadlineMs = 240_000;

const originOutages = 3;
const killsAtMost = 3;
const longestOriginRunMs = 3_000;
/** After the last death of the encoder the test waits for so long. */
const originReconnectGrace = '12s';

const longOutageMs = 30_000;

/** hls.js may stand still before a hole until it is ten TARGETDURATIONs behind; then it jumps to the live edge. */
const standstillMs = 45_000;

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

function encoder(): FfmpegEncoder {
  return new FfmpegEncoder(`${program.rtmpUrl}/chaos`);
}

async function onAir(): Promise<void> {
  const before = publications();
  await eventually('the encoder publishes', () => publications() > before, 30_000);
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

/**
 * hls.js as the player page sets it up, or as it is by itself, in a page that has nothing else and mends nothing. In any case
 * it jumps to the live edge when it is too far behind: by itself it stands before a hole of gaps for good.
 */
async function watch(edgeUrl: string, isStock = false): Promise<Page> {
  const viewer = await HlsPage.open(browser, edgeUrl);
  await viewer.play('chaos', {
    ...(isStock ? {} : { settings: JSON.stringify(watchSettings) }),
    setUp: `window.watching = { fatal: [], problems: [], stalledMs: 0, watchedMs: 0 };
      hls.config.liveMaxLatencyDurationCount = ${maxLatencyDurationCount};
      hls.on(Hls.Events.ERROR, (_event, { fatal, type, details, error }) => {
        window.watching.problems = [...window.watching.problems, details + ": " + error?.message].slice(-5);
        if (fatal) window.watching.fatal.push(type + ": " + details + ": " + error?.message);
      });
      let before = { atMs: performance.now(), time: 0 };
      setInterval(() => {
        const now = { atMs: performance.now(), time: video.currentTime };
        window.watching.watchedMs += now.atMs - before.atMs;
        if (now.time === before.time) window.watching.stalledMs += now.atMs - before.atMs;
        before = now;
      }, 100);`,
  });
  return viewer.page;
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
    await eventually(`${seconds} s more have been played`, hasPlayed, standstillMs);
  } catch (cause) {
    throw new Error(`it stands still: ${JSON.stringify(await stateOf(page))}`, { cause });
  }
}

async function isLive(edgeUrl: string): Promise<void> {
  await eventually('the stream is live', async () => {
    const list = await (await fetch(`${edgeUrl}/live/streams.json`)).text();
    return list.includes('"state":"live"');
  });
}

describe('a publisher that is killed and comes back, again and again', () => {
  it(
    `never costs hls.js a fatal error: ${kills} times at random instants`,
    async () => {
      let publisher = encoder();
      await isLive(program.edgeUrl);
      const recorded = recordPlaylists(`${program.originUrl}/live/chaos`, ['video.m3u8', 'audio.m3u8'], deadlineMs);
      // It is awaited at the end; until then it may have failed with the rest.
      recorded.catch(() => {});
      const page = await watch(program.edgeUrl);
      await untilPlayed(page, 1);
      const random = randomNumbers(seed);
      for (let kill = 0; kill < kills; kill++) {
        if (kill % earlyDeaths !== 0) await onAir();
        await sleep(random() * longestRunMs);
        await publisher.kill();
        await sleep(random() * longestPauseMs);
        publisher = encoder();
      }
      const { fatal, stalledMs, watchedMs } = await stateOf(page);
      expect(fatal).toEqual([]);
      await untilPlayed(page, 3);
      await publisher.kill();
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

/** An origin that can be killed and started anew on the same ports and the same data. */
async function startOrigin(ports: readonly [http: number, rtmp: number], dataFolder: string): Promise<RunningProgram> {
  const [http, rtmp] = ports;
  const listen = ['--origin-http-port', String(http), '--origin-rtmp-port', String(rtmp)];
  const flags = ['--role', 'origin', ...listen, '--data', dataFolder];
  return startProgram({
    configuration: { demo: false, origin: { live: { reconnectGrace: originReconnectGrace } } },
    flags,
  });
}

/** An origin that is down is one whose port refuses connections. */
async function killOrigin(origin: RunningProgram): Promise<void> {
  const exited = once(origin.process, 'exit');
  origin.process.kill('SIGKILL');
  await exited;
  await origin.stop();
}

interface OriginStage extends AsyncDisposable {
  readonly edge: RunningProgram;
  /** Kills the origin; starts it anew after so long. */
  killAndRestart(afterMs?: number): Promise<RunningProgram>;
}

/** An origin that can be killed, with an edge before it that outlives it. */
async function openOriginStage(): Promise<OriginStage> {
  const ports = [await freePort(), await freePort()] as const;
  const dataFolder = mkdtempSync(join(tmpdir(), 'streamfront-chaos-'));
  let origin = await startOrigin(ports, dataFolder);
  const [http, rtmp] = ports;
  const main = { url: `http://127.0.0.1:${http}`, rtmp: `rtmp://127.0.0.1:${rtmp}` };
  const edge = await startProgram({ configuration: { edge: { origins: { main } } }, flags: ['--role', 'edge'] });
  return {
    edge,
    async killAndRestart(afterMs = 0) {
      await killOrigin(origin);
      await sleep(afterMs);
      origin = await startOrigin(ports, dataFolder);
      return origin;
    },
    async [Symbol.asyncDispose]() {
      await edge.stop();
      await origin.stop();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

async function lastSegment(edgeUrl: string): Promise<{ readonly folder: string | undefined; readonly msn: number }> {
  const playlist = await (await fetch(`${edgeUrl}/live/chaos/video.m3u8`)).text();
  const [, folder, msn] = [...playlist.matchAll(/^(\S+\/)(\d+)\.m4s$/gm)].at(-1) ?? [];
  return { folder, msn: Number(msn) };
}

describe('an origin that is killed and comes back, again and again', () => {
  it(
    'never costs hls.js a fatal error; the stream keeps its paths and its numbers go on',
    async () => {
      await using stage = await openOriginStage();
      const { edge } = stage;
      await using publisher = new FfmpegEncoder(`${edge.rtmpUrl}/chaos`);
      await isLive(edge.edgeUrl);
      const recorded = recordPlaylists(`${edge.edgeUrl}/live/chaos`, ['video.m3u8', 'audio.m3u8'], deadlineMs);
      // It is awaited at the end; until then it may have failed with the rest.
      recorded.catch(() => {});
      const page = await watch(edge.edgeUrl);
      await untilPlayed(page, 1);
      const before = await lastSegment(edge.edgeUrl);
      const random = randomNumbers(seed);
      let kills = 0;
      for (let outage = 0; outage < originOutages; outage++) {
        // Before the publisher is back, when it has sent less than a part or a segment, or later.
        for (let left = 1 + Math.floor(random() * killsAtMost); left > 0; left--) {
          await sleep(random() * longestOriginRunMs);
          const origin = await stage.killAndRestart();
          // Before any encoder can be back.
          const answer = await fetch(`${origin.originUrl}/live/chaos/video.m3u8`);
          expect(answer.status).toBe(200);
          expect(await answer.text()).toContain('#EXT-X-GAP');
          kills++;
        }
        await untilPlayed(page, 2);
      }
      await untilPlayed(page, 3);
      const { fatal, stalledMs, watchedMs } = await stateOf(page);
      expect(fatal).toEqual([]);
      const after = await lastSegment(edge.edgeUrl);
      expect(after.folder).toBe(before.folder);
      expect(after.msn).toBeGreaterThan(before.msn);
      await publisher.kill();
      // Every state of the playlists was as it must be.
      await recorded;
      process.stdout.write(
        `origin, ${kills} kills: stalled for ${(stalledMs / 1_000).toFixed(1)} s of ${(watchedMs / 1_000).toFixed(1)} s\n`,
      );
    },
    deadlineMs,
  );
});

describe('an origin that is away for half a minute', () => {
  it(
    'costs hls.js with its own retries no fatal error: the edge goes on saying what was last',
    async () => {
      await using stage = await openOriginStage();
      const { edge } = stage;
      await using publisher = new FfmpegEncoder(`${edge.rtmpUrl}/chaos`);
      await isLive(edge.edgeUrl);
      const page = await watch(edge.edgeUrl, true);
      await untilPlayed(page, 2);
      const before = await lastSegment(edge.edgeUrl);
      const restarted = stage.killAndRestart(longOutageMs);
      await sleep(longOutageMs - 2_000);
      expect((await stateOf(page)).fatal).toEqual([]);
      const during = await lastSegment(edge.edgeUrl);
      expect(during.folder).toBe(before.folder);
      expect(during.msn).toBeGreaterThanOrEqual(before.msn);
      await restarted;
      await publisher.kill();
      await using returned = new FfmpegEncoder(`${edge.rtmpUrl}/chaos`);
      await untilPlayed(page, 5);
      const { fatal, stalledMs } = await stateOf(page);
      expect(fatal).toEqual([]);
      await returned.kill();
      process.stdout.write(
        `origin away for ${longOutageMs / 1_000} s: stalled for ${(stalledMs / 1_000).toFixed(1)} s\n`,
      );
    },
    deadlineMs,
  );
});
