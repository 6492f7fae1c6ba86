import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { openBrowser } from '../support/browser.ts';
import { chaosSeed, isLive, randomNumbers, stateOf, untilPlayed, watchChaos } from '../support/chaos-viewer.ts';
import { FfmpegEncoder } from '../support/ffmpeg-encoder.ts';
import { recordPlaylists } from '../support/playlist-recorder.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const deadlineMs = 240_000;
const originOutages = 3;
const killsAtMost = 3;
const longestOriginRunMs = 3_000;
/** After the last death of the encoder the test waits for so long. */
const originReconnectGrace = '12s';

const longOutageMs = 30_000;

let browser: BrowserContext;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
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
      const recorded = recordPlaylists(`${edge.edgeUrl}/live/chaos`, ['video.m3u8', 'audio.m3u8'], deadlineMs, true);
      // It is awaited at the end; until then it may have failed with the rest.
      recorded.catch(() => {});
      const page = await watchChaos(browser, edge.edgeUrl);
      await untilPlayed(page, 1);
      const before = await lastSegment(edge.edgeUrl);
      const random = randomNumbers(chaosSeed);
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
      const page = await watchChaos(browser, edge.edgeUrl, true);
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
