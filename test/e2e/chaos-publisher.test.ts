import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { chaosSeed, isLive, randomNumbers, stateOf, untilPlayed, watchChaos } from '../support/chaos-viewer.ts';
import { eventually } from '../support/condition.ts';
import { FfmpegEncoder } from '../support/ffmpeg-encoder.ts';
import { recordPlaylists } from '../support/playlist-recorder.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const kills = 50;
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

describe('a publisher that is killed and comes back, again and again', () => {
  it(
    `never costs hls.js a fatal error: ${kills} times at random instants`,
    async () => {
      let publisher = encoder();
      await isLive(program.edgeUrl);
      const recorded = recordPlaylists(`${program.originUrl}/live/chaos`, ['video.m3u8', 'audio.m3u8'], deadlineMs);
      // It is awaited at the end; until then it may have failed with the rest.
      recorded.catch(() => {});
      const page = await watchChaos(browser, program.edgeUrl);
      await untilPlayed(page, 1);
      const random = randomNumbers(chaosSeed);
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
